#include "mica/engine/cpu/dnnl/primitive.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/scratch.h"
#include "mica/engine/machine.h"

namespace mica::cpu::onednn {
namespace {

void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, alpha, beta);
#else
  ops.append_eltwise(1.0f, algorithm, alpha, beta);
#endif
}

// oneDNN's own lower limit is SSE4.1.
void limit_instruction_set() {
  const auto limit = engine::machine().instruction_limit;
  if (limit == engine::InstructionSet::avx512) return;
  dnnl::set_max_cpu_isa(limit == engine::InstructionSet::avx2 ? dnnl::cpu_isa::avx2
                                                              : dnnl::cpu_isa::sse41);
}

const dnnl::stream& stream() {
  thread_local const dnnl::stream stream(engine());
  return stream;
}

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine engine = [] {
    limit_instruction_set();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

dnnl::memory::data_type data_type(Dtype::Val dtype) {
  return dtype == Dtype::Val::bfloat16 ? dnnl::memory::data_type::bf16
                                       : dnnl::memory::data_type::f32;
}

int thread_count() { return engine::in_parallel() ? 1 : engine::num_threads(); }

dnnl::primitive_attr attributes(Epilogue epilogue, double alpha, double beta) {
  dnnl::post_ops ops;
  if (alpha != 1) {
    append_eltwise(ops, dnnl::algorithm::eltwise_linear, static_cast<float>(alpha), 0);
  }
  switch (epilogue) {
    case Epilogue::none:
      break;
    case Epilogue::relu:
      append_eltwise(ops, dnnl::algorithm::eltwise_relu, 0, 0);
      break;
    case Epilogue::gelu_erf:
      append_eltwise(ops, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
      break;
    case Epilogue::gelu_tanh:
      append_eltwise(ops, dnnl::algorithm::eltwise_gelu_tanh, 0, 0);
      break;
    case Epilogue::accumulate:
      ops.append_sum(static_cast<float>(beta));
      break;
  }
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

bool is_reference(const char* implementation) {
  return std::strncmp(implementation, "ref", 3) == 0 ||
         std::strstr(implementation, ":ref") != nullptr;
}

std::mutex& creation_mutex() {
  static std::mutex mutex;
  return mutex;
}

Primitive::Primitive(dnnl::primitive primitive, const std::vector<Argument>& arguments,
                     const dnnl::memory::desc& scratch)
    : primitive_(std::move(primitive)), scratch_bytes_(scratch.get_size()) {
  const auto add = [&](int id, const dnnl::memory::desc& desc) {
    memories_.push_back(dnnl::memory(desc, engine(), DNNL_MEMORY_NONE));
    arguments_.push_back({id, memories_.back().get()});
  };
  for (const Argument& argument : arguments) add(argument.id, argument.desc);
  if (scratch_bytes_ > 0) add(DNNL_ARG_SCRATCHPAD, scratch);
}

void Primitive::run(std::initializer_list<const void*> data) {
  const Scratch scratch(scratch_bytes_);
  auto memory = memories_.begin();
  for (const void* pointer : data) (memory++)->set_data_handle(const_cast<void*>(pointer));
  if (scratch_bytes_ > 0) memory->set_data_handle(scratch.data());
  const dnnl_status_t status = dnnl_primitive_execute(
      primitive_.get(), stream().get(), static_cast<int>(arguments_.size()), arguments_.data());
  if (status != dnnl_success) {
    throw std::runtime_error("oneDNN: executing a primitive failed with status " +
                             std::to_string(static_cast<int>(status)));
  }
}

}  // namespace mica::cpu::onednn
