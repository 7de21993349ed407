#include "mica/fast/kernel.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "mica/engine/cpu/call.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica {
namespace ops {
namespace {

std::string quoted(const fast::CpuKernel::Definition& definition) {
  return "cpu_kernel \"" + definition.name + "\"";
}

// The definition's vjp, its result checked.
std::vector<array> call_vjp(const fast::CpuKernel::Definition& definition,
                            std::span<const array> primals, const std::vector<array>& cotangents,
                            std::span<const array> outputs) {
  if (!definition.options.vjp) {
    throw std::invalid_argument(quoted(definition) +
                                ": expected a vjp in its options to differentiate it, got none");
  }
  std::vector<array> result = definition.options.vjp({primals.begin(), primals.end()}, cotangents,
                                                     {outputs.begin(), outputs.end()});
  if (result.size() != primals.size()) {
    throw std::invalid_argument(quoted(definition) + ": expected its vjp to return " +
                                std::to_string(primals.size()) + " cotangents, got " +
                                std::to_string(result.size()));
  }
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i].shape() == primals[i].shape()) continue;
    throw std::invalid_argument(quoted(definition) + ": expected its vjp to return " +
                                to_string(primals[i].shape()) + " for input " + std::to_string(i) +
                                ", got " + to_string(result[i].shape()));
  }
  return result;
}

}  // namespace

std::vector<array> UserKernel::vjp(const engine::VjpArgs& args) const {
  const std::vector<array> all = call_vjp(
      *definition, args.primals, {args.cotangents.begin(), args.cotangents.end()}, args.outputs);
  std::vector<array> wanted;
  for (int argnum : args.argnums) wanted.push_back(all[static_cast<size_t>(argnum)]);
  return wanted;
}

// The vjp is linear in the cotangents; its own vjp, for any of them, takes tangents to tangents.
std::vector<array> UserKernel::jvp(const engine::JvpArgs& args) const {
  const auto transposed = [&](const std::vector<array>& cotangents) {
    const std::vector<array> all = call_vjp(*definition, args.primals, cotangents, args.outputs);
    std::vector<array> wanted;
    for (int argnum : args.argnums) wanted.push_back(all[static_cast<size_t>(argnum)]);
    return wanted;
  };
  std::vector<array> cotangents;
  for (const array& output : args.outputs) cotangents.push_back(zeros_like(output));
  return detail::vjp_arrays(transposed, cotangents, {args.tangents.begin(), args.tangents.end()})
      .second;
}

// The kernel knows the shapes it was given alone, so it runs for each element.
engine::Batched UserKernel::vmap(const engine::VmapArgs& args) const {
  std::vector<std::vector<array>> parts(outputs.size());
  for (int i = 0; i < args.batch; ++i) {
    std::vector<array> inputs;
    for (size_t k = 0; k < args.inputs.size(); ++k) {
      const int axis = args.axes[k];
      array part = axis < 0 ? args.inputs[k] : take(args.inputs[k], i, axis);
      if (definition->options.ensure_row_contiguous) part = contiguous(part);
      inputs.push_back(part);
    }
    const std::vector<array> results = engine::apply_many(*this, inputs, outputs, {});
    for (size_t k = 0; k < results.size(); ++k) parts[k].push_back(results[k]);
  }
  engine::Batched batched{{}, std::vector<int>(outputs.size(), 0)};
  for (size_t k = 0; k < outputs.size(); ++k) {
    Shape shape = outputs[k].shape;
    shape.insert(shape.begin(), 0);
    batched.outputs.push_back(parts[k].empty() ? zeros(shape, outputs[k].dtype) : stack(parts[k]));
  }
  return batched;
}

void UserKernel::cpu(const cpu::Call& call) const {
  std::vector<fast::KernelInput> inputs;
  for (const cpu::Tensor& x : call.inputs) inputs.push_back({x.data, x.shape, x.strides, x.dtype});
  std::vector<fast::KernelOutput> outputs;
  for (const cpu::Tensor& x : call.outputs) outputs.push_back({x.data, x.shape, x.dtype});
  definition->kernel(inputs, outputs);
}

}  // namespace ops

namespace fast {

CpuKernel cpu_kernel(const std::string& name, KernelFunction kernel, CpuKernelOptions options) {
  if (!kernel) throw std::invalid_argument("cpu_kernel: expected a kernel, got an empty function");
  static std::atomic<uint64_t> next{0};
  CpuKernel result;
  result.definition_ = std::make_shared<CpuKernel::Definition>(
      CpuKernel::Definition{name, std::move(kernel), std::move(options), next++});
  return result;
}

std::vector<array> CpuKernel::operator()(const std::vector<array>& inputs,
                                         const std::vector<Shape>& output_shapes,
                                         const std::vector<Dtype>& output_dtypes,
                                         StreamOrDevice s) const {
  if (!definition_) {
    throw std::invalid_argument("cpu_kernel: expected one made by cpu_kernel(), got an empty one");
  }
  if (output_shapes.empty() || output_shapes.size() != output_dtypes.size()) {
    throw std::invalid_argument(ops::quoted(*definition_) +
                                ": expected as many output dtypes as shapes, at least one, got " +
                                std::to_string(output_dtypes.size()) + " and " +
                                std::to_string(output_shapes.size()));
  }
  ops::UserKernel op{definition_, {}};
  for (size_t i = 0; i < output_shapes.size(); ++i) {
    for (ShapeElem size : output_shapes[i]) {
      if (size >= 0) continue;
      throw std::invalid_argument(ops::quoted(*definition_) +
                                  ": expected output shapes without negative sizes, got " +
                                  to_string(output_shapes[i]));
    }
    op.outputs.push_back({output_shapes[i], output_dtypes[i]});
  }
  std::vector<array> arguments = inputs;
  if (definition_->options.ensure_row_contiguous) {
    for (array& x : arguments) x = contiguous(x, false, s);
  }
  auto outputs = op.outputs;
  return engine::apply_many(std::move(op), arguments, std::move(outputs), s);
}

CustomKernelFunction metal_kernel(const std::string& name, const std::vector<std::string>&,
                                  const std::vector<std::string>&, const std::string&,
                                  const std::string&, bool, bool, const CompileOptions&) {
  throw std::runtime_error("metal_kernel \"" + name +
                           "\": there is no Metal on Linux; use cpu_kernel or cuda_kernel");
}

CustomKernelFunction cuda_kernel(const std::string& name, const std::vector<std::string>&,
                                 const std::vector<std::string>&, const std::string&,
                                 const std::string&, bool, int) {
  throw std::runtime_error("cuda_kernel \"" + name +
                           "\": mica was built without CUDA; use cpu_kernel");
}

std::vector<array> precompiled_cuda_kernel(const std::string& name, const std::string&,
                                           const std::vector<array>&, const std::vector<Shape>&,
                                           const std::vector<Dtype>&, const std::vector<ScalarArg>&,
                                           std::tuple<int, int, int>, std::tuple<int, int, int>,
                                           int, std::optional<float>, bool, StreamOrDevice) {
  throw std::runtime_error("precompiled_cuda_kernel \"" + name +
                           "\": mica was built without CUDA; use cpu_kernel");
}

}  // namespace fast
}  // namespace mica
