#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "mica/engine/fuse.h"
#include "mica/ops/op_list.h"
#include "mica/ops/reduce.h"

namespace mica::engine {
namespace {

using cpu::ElementwiseKernel;

bool is_half(Dtype dtype) { return dtype == float16 || dtype == bfloat16; }
Dtype compute_dtype(Dtype dtype) { return is_half(dtype) ? float32 : dtype; }

// Builds a group's program: first over any number of registers, then over as few temporaries as
// their lifetimes allow.
class Lowering {
 public:
  Lowering(const Draft& draft, const Group& group, const std::vector<bool>& materialized)
      : draft_(draft), group_(group), materialized_(materialized) {
    const PlanNode& last = draft.nodes[group.nodes.back()];
    const bool reduces = last.op->id == OpId::Reduce;
    domain_ = draft.values[reduces ? last.inputs[0] : last.outputs[0]].shape;
  }

  FusedStep run() {
    for (uint32_t n : group_.nodes) {
      const PlanNode& node = draft_.nodes[n];
      if (node.op->id == OpId::Reduce) {
        reduce(node);
      } else {
        emit(node);
      }
    }
    assign_slots();
    set_loops();
    return std::move(step_);
  }

 private:
  enum class Kind : uint8_t { input, temporary, output };
  struct Register {
    Kind kind;
    Dtype dtype;
    uint16_t index = 0;  // among the inputs or outputs
    uint32_t last_use = 0;
  };
  struct Code {
    ElementwiseKernel kernel;
    uint32_t dst;
    std::vector<uint32_t> operands;
  };

  uint32_t new_register(Kind kind, Dtype dtype, size_t index = 0) {
    registers_.push_back({kind, dtype, static_cast<uint16_t>(index)});
    return static_cast<uint32_t>(registers_.size() - 1);
  }

  // The register that holds a value in its own dtype.
  uint32_t stored(uint32_t value) {
    const auto found = stored_.find(value);
    if (found != stored_.end()) return found->second;
    const uint32_t r = new_register(Kind::input, draft_.values[value].dtype, inputs_.size());
    inputs_.push_back(value);
    return stored_[value] = r;
  }

  // ...widened to float32 where it is a half.
  uint32_t computed(uint32_t value) {
    const Dtype dtype = draft_.values[value].dtype;
    if (!is_half(dtype)) return stored(value);
    const auto found = wide_.find(value);
    if (found != wide_.end()) return found->second;
    const uint32_t r = new_register(Kind::temporary, float32);
    code_.push_back({cpu::cast_kernel(dtype, float32), r, {stored(value)}});
    return wide_[value] = r;
  }

  uint32_t result_register(uint32_t value) {
    const Dtype dtype = draft_.values[value].dtype;
    uint32_t r;
    if (materialized_[value]) {
      r = new_register(Kind::output, dtype, outputs_.size());
      outputs_.push_back(value);
    } else {
      r = new_register(Kind::temporary, dtype);
    }
    return stored_[value] = r;
  }

  void emit(const PlanNode& node) {
    const uint32_t out = node.outputs[0];
    const Dtype result = draft_.values[out].dtype;
    if (node.op->id == OpId::AsType) {
      const uint32_t from = stored(node.inputs[0]);
      const auto kernel = cpu::cast_kernel(registers_[from].dtype, result);
      code_.push_back({kernel, result_register(out), {from}});
      return;
    }
    const size_t typed = node.op->id == OpId::Select ? 1 : 0;  // the operand that gives the dtype
    const Dtype operand = draft_.values[node.inputs[typed]].dtype;
    std::vector<uint32_t> operands;
    if (const auto kernel = cpu::elementwise_kernel(node.op->id, operand)) {
      for (uint32_t input : node.inputs) operands.push_back(stored(input));
      code_.push_back({kernel, result_register(out), std::move(operands)});
      return;
    }
    const auto kernel = cpu::elementwise_kernel(node.op->id, compute_dtype(operand));
    if (!kernel) {
      throw std::logic_error(std::string(node.op->info().name) + ": no kernel for " +
                             dtype_name(operand));
    }
    for (uint32_t input : node.inputs) operands.push_back(computed(input));
    if (!is_half(result)) {
      code_.push_back({kernel, result_register(out), std::move(operands)});
      return;
    }
    // Each op rounds to its own dtype, so that fusing changes no bit.
    const uint32_t wide = new_register(Kind::temporary, float32);
    code_.push_back({kernel, wide, std::move(operands)});
    code_.push_back({cpu::cast_kernel(float32, result), result_register(out), {wide}});
  }

  void reduce(const PlanNode& node) {
    const auto& reduce = attributes<ops::Reduce>(*node.op);
    const uint32_t r = computed(node.inputs[0]);
    const Dtype dtype = registers_[r].dtype;
    const auto op = static_cast<cpu::ReduceOp>(reduce.kind);
    if (!cpu::reduce_kernel(op, dtype)) {
      throw std::logic_error(std::string("reduce: no kernel for ") + dtype_name(dtype));
    }
    static constexpr OpId combine[] = {OpId::Add,     OpId::Multiply,   OpId::Minimum,
                                       OpId::Maximum, OpId::LogicalAnd, OpId::LogicalOr};
    step_.program.reduction = cpu::Program::Reduction{
        op, dtype, 0, cpu::elementwise_kernel(combine[static_cast<size_t>(op)], dtype)};
    reduced_ = r;
    reduction_axes_ = &reduce.axes;
    outputs_.push_back(node.outputs[0]);
  }

  void assign_slots() {
    for (uint32_t i = 0; i < code_.size(); ++i) {
      for (uint32_t r : code_[i].operands) registers_[r].last_use = i;
      registers_[code_[i].dst].last_use = std::max(registers_[code_[i].dst].last_use, i);
    }
    if (step_.program.reduction) {
      registers_[reduced_].last_use = static_cast<uint32_t>(code_.size());
    }
    // Temporaries, by linear scan.
    std::vector<uint16_t> slot(registers_.size(), 0);
    std::vector<uint16_t> free;
    uint16_t temporaries = 0;
    for (uint32_t i = 0; i < code_.size(); ++i) {
      const Register& dst = registers_[code_[i].dst];
      const auto release = [&](bool before) {
        for (size_t k = 0; k < code_[i].operands.size(); ++k) {
          const uint32_t r = code_[i].operands[k];
          const Register& operand = registers_[r];
          const auto& all = code_[i].operands;
          const bool repeated = std::find(all.begin(), all.begin() + static_cast<long>(k), r) !=
                                all.begin() + static_cast<long>(k);
          if (operand.kind != Kind::temporary || operand.last_use != i || repeated) continue;
          // A kernel may write over an operand whose elements are no smaller than its results.
          if ((operand.dtype.size() >= dst.dtype.size()) == before) free.push_back(slot[r]);
        }
      };
      release(true);
      if (dst.kind == Kind::temporary) {
        if (free.empty()) free.push_back(temporaries++);
        slot[code_[i].dst] = free.back();
        free.pop_back();
      }
      release(false);
      if (dst.kind == Kind::temporary && dst.last_use == i && !is_reduced(code_[i].dst)) {
        free.push_back(slot[code_[i].dst]);
      }
    }
    cpu::Program& program = step_.program;
    program.temporaries = temporaries;
    const auto number = [&](uint32_t r) {
      const Register& reg = registers_[r];
      const size_t inputs = inputs_.size();
      if (reg.kind == Kind::input) return reg.index;
      if (reg.kind == Kind::temporary) return static_cast<uint16_t>(inputs + slot[r]);
      return static_cast<uint16_t>(inputs + temporaries + reg.index);
    };
    for (const Code& code : code_) {
      cpu::Instruction instruction{code.kernel, number(code.dst), {0, 0, 0}};
      for (size_t k = 0; k < code.operands.size(); ++k) {
        instruction.operands[k] = number(code.operands[k]);
      }
      program.instructions.push_back(instruction);
    }
    for (uint32_t value : inputs_) program.inputs.push_back(draft_.values[value].dtype);
    if (program.reduction) {
      program.reduction->slot = number(reduced_);
    } else {
      for (uint32_t value : outputs_) program.outputs.push_back(draft_.values[value].dtype);
    }
  }

  bool is_reduced(uint32_t r) const { return step_.program.reduction && r == reduced_; }

  void set_loops() {
    std::vector<Strides> strides;
    for (uint32_t value : inputs_) strides.push_back(broadcast_strides(draft_.values[value]));
    FusedStep::Instance instance;
    if (step_.program.reduction) {
      step_.reduction = cpu::make_reduction_loops(domain_, *reduction_axes_, strides);
    } else {
      std::vector<cpu::Dims> wide;
      for (const Strides& s : strides) wide.emplace_back(s.begin(), s.end());
      instance.loops = cpu::make_loops(cpu::Dims(domain_.begin(), domain_.end()), std::move(wide));
    }
    instance.inputs = inputs_;
    instance.outputs = outputs_;
    step_.instances.push_back(std::move(instance));
  }

  Strides broadcast_strides(const PlanValue& value) const {
    Strides strides(domain_.size(), 0);
    const size_t lead = domain_.size() - value.shape.size();
    for (size_t d = 0; d < value.shape.size(); ++d) {
      if (value.shape[d] != 1) strides[lead + d] = value.strides[d];
    }
    return strides;
  }

  const Draft& draft_;
  const Group& group_;
  const std::vector<bool>& materialized_;
  Shape domain_;
  FusedStep step_;
  std::vector<Register> registers_;
  std::vector<Code> code_;
  std::vector<uint32_t> inputs_, outputs_;  // values
  std::unordered_map<uint32_t, uint32_t> stored_, wide_;
  uint32_t reduced_ = 0;
  const std::vector<int>* reduction_axes_ = nullptr;
};

}  // namespace

FusedStep lower(const Draft& draft, const Group& group, const std::vector<bool>& materialized) {
  return Lowering(draft, group, materialized).run();
}

}  // namespace mica::engine
