#include "mica/transforms/custom.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/ops.h"
#include "mica/transforms/random_state.h"
#include "mica/transforms/tape.h"
#include "mica/transforms/transforms.h"

namespace mica {
namespace detail {

std::vector<array> with_rules(std::vector<array> outputs, const std::vector<array>& inputs,
                              std::shared_ptr<const CustomRules> rules) {
  auto traced = [](const array& a) { return a.is_tracer(); };
  const bool matters = std::any_of(inputs.begin(), inputs.end(), traced) ||
                       std::any_of(outputs.begin(), outputs.end(), traced);
  if (!matters || outputs.empty()) return outputs;
  std::vector<engine::OutputSpec> specs;
  for (const array& output : outputs) specs.push_back({output.shape(), output.dtype()});
  const int count = static_cast<int>(outputs.size());
  outputs.insert(outputs.end(), inputs.begin(), inputs.end());
  return engine::apply_many(ops::CustomFunction{std::move(rules), count}, outputs, std::move(specs),
                            {});
}

namespace {

void check_count(const char* rule, const char* what, size_t expected, size_t got) {
  if (expected == got) return;
  throw std::invalid_argument("custom_function: expected " + std::string(rule) + " to return " +
                              std::to_string(expected) + " " + what + ", got " +
                              std::to_string(got));
}

std::vector<array> to_vector(std::span<const array> arrays) {
  return {arrays.begin(), arrays.end()};
}

// The rule of a mapped function: fun_vjp for each element of the batch. The gradient of an argument
// that is not mapped is the sum over the batch.
CustomVjp mapped_vjp(const CustomVjp& fun_vjp, std::vector<int> axes) {
  return [fun_vjp, axes = std::move(axes)](const std::vector<array>& primals,
                                           const std::vector<array>& cotangents,
                                           const std::vector<array>& outputs) {
    std::vector<array> inputs = primals;
    inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
    inputs.insert(inputs.end(), outputs.begin(), outputs.end());
    std::vector<int> in_axes = axes;
    in_axes.resize(inputs.size(), 0);
    const size_t n = primals.size(), m = cotangents.size();
    auto one = [&](const std::vector<array>& parts) {
      const auto at = [&](size_t i) { return parts.begin() + static_cast<std::ptrdiff_t>(i); };
      MappedOutputs found{fun_vjp({at(0), at(n)}, {at(n), at(n + m)}, {at(n + m), parts.end()}),
                          axes};
      check_count("vjp", "gradients, one for each argument", n, found.arrays.size());
      for (int& axis : found.axes) axis = std::max(axis, 0);
      return found;
    };
    std::vector<array> gradients = vmap_arrays(one, inputs, in_axes);
    for (size_t i = 0; i < n; ++i) {
      if (axes[i] < 0) gradients[i] = sum(gradients[i], 0);
    }
    return gradients;
  };
}

// The same for fun_jvp: the tangent of an argument that is not mapped is not either.
CustomJvp mapped_jvp(const CustomJvp& fun_jvp, std::vector<int> axes, int batch) {
  return [fun_jvp, axes = std::move(axes), batch](const std::vector<array>& primals,
                                                  const std::vector<array>& tangents,
                                                  const std::vector<int>& argnums) {
    std::vector<array> inputs = primals;
    inputs.insert(inputs.end(), tangents.begin(), tangents.end());
    std::vector<int> in_axes = axes;
    for (int argnum : argnums) in_axes.push_back(axes[static_cast<size_t>(argnum)]);
    auto one = [&](const std::vector<array>& parts) {
      const auto middle = parts.begin() + static_cast<std::ptrdiff_t>(primals.size());
      auto found = fun_jvp({parts.begin(), middle}, {middle, parts.end()}, argnums);
      const size_t count = found.size();
      return MappedOutputs{std::move(found), std::vector<int>(count, 0)};
    };
    const bool mapped = std::any_of(in_axes.begin(), in_axes.end(), [](int a) { return a >= 0; });
    if (mapped) return vmap_arrays(one, inputs, in_axes);
    std::vector<array> results = one(inputs).arrays;
    for (array& result : results) result = ops::batch_first(result, -1, batch);
    return results;
  };
}

}  // namespace

std::vector<array> checkpointed(const std::function<std::vector<array>()>& forward,
                                ArraysFunction recompute, const std::vector<array>& inputs) {
  CustomRules rules;
  rules.vjp = [recompute = std::move(recompute), state = random_state()](
                  const std::vector<array>& primals, const std::vector<array>& cotangents,
                  const std::vector<array>&) {
    const RandomStateScope same_numbers(state);
    // Other nodes than the forward pass's, so that the two are not merged, and which wait until the
    // backward pass has come here.
    return vjp_arrays(recompute, depends(primals, cotangents), cotangents).second;
  };
  return with_rules(forward(), inputs, std::make_shared<CustomRules>(std::move(rules)));
}

}  // namespace detail

std::function<std::vector<array>(const std::vector<array>&)> custom_function(
    std::function<std::vector<array>(const std::vector<array>&)> fun,
    std::optional<detail::CustomVjp> fun_vjp, std::optional<detail::CustomJvp> fun_jvp,
    std::optional<detail::CustomVmap> fun_vmap) {
  auto rules = std::make_shared<detail::CustomRules>();
  if (fun_vjp) rules->vjp = std::move(*fun_vjp);
  if (fun_jvp) rules->jvp = std::move(*fun_jvp);
  if (fun_vmap) rules->vmap = std::move(*fun_vmap);
  return [fun = std::move(fun), rules = std::move(rules)](const std::vector<array>& inputs) {
    return detail::with_rules(fun(inputs), inputs, rules);
  };
}

namespace ops {

std::vector<array> CustomFunction::vjp(const engine::VjpArgs& args) const {
  const auto count = static_cast<size_t>(outputs);
  std::vector<array> gradients;
  if (rules->vjp) {
    const auto arguments = args.primals.subspan(count);
    gradients = rules->vjp(detail::to_vector(arguments), detail::to_vector(args.cotangents),
                           detail::to_vector(args.outputs));
    detail::check_count("vjp", "gradients, one for each argument", arguments.size(),
                        gradients.size());
  }
  std::vector<array> wanted;
  for (int argnum : args.argnums) {
    const auto i = static_cast<size_t>(argnum);
    if (rules->vjp) {
      wanted.push_back(i < count ? zeros_like(args.primals[i]) : gradients[i - count]);
    } else {
      wanted.push_back(i < count ? args.cotangents[i] : zeros_like(args.primals[i]));
    }
  }
  return wanted;
}

std::vector<array> CustomFunction::jvp(const engine::JvpArgs& args) const {
  const auto count = static_cast<size_t>(outputs);
  std::vector<array> tangents;
  if (!rules->jvp) {
    for (const array& output : args.outputs) tangents.push_back(zeros_like(output));
    for (size_t k = 0; k < args.argnums.size(); ++k) {
      const auto i = static_cast<size_t>(args.argnums[k]);
      if (i < count) tangents[i] = args.tangents[k];
    }
    return tangents;
  }
  std::vector<array> known;
  std::vector<int> argnums;
  for (size_t k = 0; k < args.argnums.size(); ++k) {
    if (args.argnums[k] < outputs) continue;
    known.push_back(args.tangents[k]);
    argnums.push_back(args.argnums[k] - outputs);
  }
  tangents = rules->jvp(detail::to_vector(args.primals.subspan(count)), known, argnums);
  detail::check_count("jvp", "tangents, one for each output", count, tangents.size());
  return tangents;
}

engine::Batched CustomFunction::vmap(const engine::VmapArgs& args) const {
  const auto count = static_cast<size_t>(outputs);
  const std::vector<array> arguments = detail::to_vector(args.inputs.subspan(count));
  const auto argument_axes = args.axes.subspan(count);
  std::vector<int> axes(argument_axes.begin(), argument_axes.end());
  if (rules->vmap) {
    auto [results, result_axes] = rules->vmap(arguments, axes);
    detail::check_count("vmap", "outputs", count, results.size());
    detail::check_count("vmap", "axes, one for each output", count, result_axes.size());
    return {std::move(results), std::move(result_axes)};
  }
  std::vector<array> results;
  for (size_t i = 0; i < count; ++i) {
    results.push_back(batch_first(args.inputs[i], args.axes[i], args.batch));
  }
  if (rules->vjp || rules->jvp) {
    detail::CustomRules mapped;
    if (rules->vjp) mapped.vjp = detail::mapped_vjp(rules->vjp, axes);
    if (rules->jvp) mapped.jvp = detail::mapped_jvp(rules->jvp, axes, args.batch);
    results = detail::with_rules(std::move(results), arguments,
                                 std::make_shared<detail::CustomRules>(std::move(mapped)));
  }
  return {std::move(results), std::vector<int>(count, 0)};
}

}  // namespace ops
}  // namespace mica
