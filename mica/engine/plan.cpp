#include "mica/engine/plan.h"

#include <algorithm>
#include <unordered_map>

#include "mica/engine/fuse.h"
#include "mica/ops/primitives.h"

namespace mica::engine {
namespace {

class Planner {
 public:
  explicit Planner(const Graph& graph) : graph_(graph) {}

  std::shared_ptr<const Plan> run() {
    draft_.nodes.reserve(graph_.nodes.size());
    draft_.values.reserve(graph_.values.size());
    same_.reserve(graph_.nodes.size());
    add_leaves();
    for (uint32_t n = 0; n < graph_.nodes.size(); ++n) add_node(n);
    find_views();
    emit_steps();
    batch_sinks();
    finish();
    return plan_;
  }

 private:
  uint32_t new_value(const Shape& shape, Dtype dtype, Strides strides) {
    PlanValue value;
    value.shape = shape;
    value.strides = std::move(strides);
    value.dtype = dtype;
    value.size = 1;
    for (ShapeElem d : shape) value.size *= d;
    draft_.values.push_back(std::move(value));
    draft_.producer.push_back(none);
    draft_.kept.push_back(false);
    return static_cast<uint32_t>(draft_.values.size() - 1);
  }

  void add_leaves() {
    plan_->value_of.resize(graph_.values.size(), none);
    for (uint32_t leaf : graph_.leaves) {
      const auto [node, output] = graph_.values[leaf];
      const Value& value = node->output(output);
      plan_->value_of[leaf] = new_value(value.shape, value.dtype, value.strides);
      plan_->leaf_values.push_back(plan_->value_of[leaf]);
    }
  }

  // Merges a node with an earlier one that computes the same from the same.
  void add_node(uint32_t n) {
    Node& node = *graph_.nodes[n];
    PlanNode draft{n, node.op.get(), {}, {}};
    for (uint32_t input : graph_.inputs_of(n)) draft.inputs.push_back(plan_->value_of[input]);

    const size_t begin = keys_.words().size();
    keys_.forget_runtime_fields();
    keys_.add(static_cast<uint64_t>(node.op->id));
    node.op->info().add_to_key(*node.op, keys_);
    const bool mergeable = !keys_.has_runtime_fields();
    for (uint32_t input : draft.inputs) keys_.add(input);
    for (uint32_t o = 0; o < node.output_count(); ++o) {
      keys_.add_field(node.output(o).dtype);
      keys_.add_field(node.output(o).shape);
    }
    const auto words = std::span(keys_.words()).subspan(begin);
    const uint64_t hash = hash_words(words);
    if (mergeable) {
      const auto [first, last] = same_.equal_range(hash);
      for (auto it = first; it != last; ++it) {
        const auto [from, to] = key_of_[it->second];
        const auto other = std::span(keys_.words()).subspan(from, to - from);
        if (std::equal(words.begin(), words.end(), other.begin(), other.end())) {
          use(n, draft_.nodes[it->second].outputs);
          return;
        }
      }
    }
    const auto index = static_cast<uint32_t>(draft_.nodes.size());
    for (uint32_t o = 0; o < node.output_count(); ++o) {
      const Value& value = node.output(o);
      const uint32_t v = new_value(value.shape, value.dtype, row_major_strides(value.shape));
      draft_.producer[v] = index;
      draft.outputs.push_back(v);
    }
    use(n, draft.outputs);
    draft_.nodes.push_back(std::move(draft));
    key_of_.emplace_back(begin, keys_.words().size());
    if (mergeable) same_.emplace(hash, index);
  }

  void use(uint32_t graph_node, const std::vector<uint32_t>& outputs) {
    for (size_t o = 0; o < outputs.size(); ++o) {
      plan_->value_of[graph_.first_value[graph_node] + o] = outputs[o];
      if (graph_.kept[graph_node]) draft_.kept[outputs[o]] = true;
    }
  }

  void find_views() {
    for (PlanNode& node : draft_.nodes) {
      const OpInfo& info = node.op->info();
      if (!info.view) continue;
      std::vector<Strides> strides(node.outputs.size());
      node.view = true;
      for (size_t o = 0; node.view && o < node.outputs.size(); ++o) {
        const PlanValue& out = draft_.values[node.outputs[o]];
        const PlanValue& in = draft_.values[viewed_by(node, o)];
        node.view = info.view(*node.op, {in.shape, in.strides}, out.shape, strides[o]) &&
                    !(draft_.kept[node.outputs[o]] && info.cpu &&
                      repeats_one_element(out.shape, strides[o]));
      }
      if (!node.view) continue;
      for (size_t o = 0; o < node.outputs.size(); ++o) {
        PlanValue& out = draft_.values[node.outputs[o]];
        out.strides = std::move(strides[o]);
        out.view_of = viewed_by(node, o);
        if (info.view_offset) out.view_node = node.graph_node;
        out.view_output = static_cast<int>(o);
      }
    }
  }

  static uint32_t viewed_by(const PlanNode& node, size_t output) {
    return node.inputs[node.inputs.size() == 1 ? 0 : output];
  }

  // zeros, ones and full are one element read again and again; what someone keeps of them is
  // written out, so that its data is contiguous and its layout that of any later value.
  static bool repeats_one_element(const Shape& shape, const Strides& strides) {
    bool repeated = false;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 1) continue;
      if (strides[d] != 0) return false;
      repeated = true;
    }
    return repeated;
  }

  void emit_steps() {
    std::vector<Group> groups = make_groups(draft_);
    recompute(draft_, groups);
    std::vector<uint32_t> group_of(draft_.nodes.size());
    for (uint32_t g = 0; g < groups.size(); ++g) {
      for (uint32_t n : groups[g].nodes) group_of[n] = g;
    }
    materialized_ = draft_.kept;
    for (uint32_t n = 0; n < draft_.nodes.size(); ++n) {
      const PlanNode& node = draft_.nodes[n];
      const bool fusable = is_fusable(node);
      for (uint32_t input : node.inputs) {
        const uint32_t p = draft_.producer[input];
        if (p != none && (!fusable || group_of[p] != group_of[n])) materialized_[input] = true;
      }
    }
    for (const Group& group : groups) {
      const PlanNode& node = draft_.nodes[group.nodes[0]];
      if (is_fusable(node)) {
        if (group_is_empty(group)) continue;
        plan_->steps.emplace_back(lower(draft_, group, materialized_));
      } else if (!node.view) {
        emit_kernel(node);
      }
    }
  }

  bool group_is_empty(const Group& group) const {
    return std::all_of(group.nodes.begin(), group.nodes.end(), [&](uint32_t n) {
      return draft_.values[draft_.nodes[n].outputs[0]].size == 0;
    });
  }

  void emit_kernel(const PlanNode& node) {
    const OpInfo& info = node.op->info();
    KernelStep::Call call{node.graph_node, node.inputs, node.outputs};
    if (!info.strided_inputs) {
      for (uint32_t& input : call.inputs) input = contiguous(input);
    }
    plan_->op_nodes.push_back(node.graph_node);
    if (joins_last_step(node)) {
      std::get<KernelStep>(plan_->steps.back()).calls.push_back(std::move(call));
    } else {
      plan_->steps.emplace_back(KernelStep{node.op->id, {std::move(call)}});
    }
    last_kernel_ = &node;
  }

  // Whether the kernel of the last step can take this call as well.
  bool joins_last_step(const PlanNode& node) const {
    if (!last_kernel_ || !can_join(draft_, *last_kernel_, node)) return false;
    const auto* step = std::get_if<KernelStep>(&plan_->steps.back());
    if (!step || step->calls.back().node != last_kernel_->graph_node) return false;
    const auto reads = [&](uint32_t written) {
      return std::any_of(node.inputs.begin(), node.inputs.end(), [&](uint32_t v) {
        for (; v != written && v != none; v = draft_.values[v].view_of) {
        }
        return v == written;
      });
    };
    return std::none_of(step->calls.begin(), step->calls.end(), [&](const auto& call) {
      return std::any_of(call.outputs.begin(), call.outputs.end(), reads);
    });
  }

  // A row-contiguous copy of a value, made once.
  uint32_t contiguous(uint32_t v) {
    if (is_row_contiguous(draft_.values[v].shape, draft_.values[v].strides)) return v;
    const auto [it, added] = copies_.try_emplace(v, none);
    if (added) {
      const Shape shape = draft_.values[v].shape;
      it->second = new_value(shape, draft_.values[v].dtype, row_major_strides(shape));
      materialized_.push_back(true);
      plan_->steps.emplace_back(CopyStep{v, it->second});
    }
    return it->second;
  }

  // Programs whose results only leave the plan (an optimizer's updates) can wait till the end:
  // those of the same form run as one.
  void batch_sinks() {
    std::vector<bool> read(draft_.values.size(), false);
    const auto mark = [&](uint32_t v) {
      for (; v != none && !read[v]; v = draft_.values[v].view_of) read[v] = true;
    };
    for (const Step& step : plan_->steps) for_each_input(step, mark);
    std::vector<Step> kept;
    std::vector<FusedStep> sinks;
    std::unordered_multimap<uint64_t, size_t> by_form;
    for (Step& step : plan_->steps) {
      auto* fused = std::get_if<FusedStep>(&step);
      const bool sink =
          fused && !fused->program.reduction &&
          std::none_of(fused->instances[0].outputs.begin(), fused->instances[0].outputs.end(),
                       [&](uint32_t v) { return read[v]; });
      if (!sink) {
        kept.push_back(std::move(step));
        continue;
      }
      const uint64_t form = form_of(fused->program);
      const auto [first, last] = by_form.equal_range(form);
      const auto same = std::find_if(first, last, [&](const auto& entry) {
        return same_program(sinks[entry.second].program, fused->program);
      });
      if (same != last) {
        sinks[same->second].instances.push_back(std::move(fused->instances[0]));
      } else {
        by_form.emplace(form, sinks.size());
        sinks.push_back(std::move(*fused));
      }
    }
    for (FusedStep& sink : sinks) kept.emplace_back(std::move(sink));
    plan_->steps = std::move(kept);
  }

  static uint64_t form_of(const cpu::Program& program) {
    Key key;
    for (const cpu::Instruction& in : program.instructions) {
      key.add(reinterpret_cast<uintptr_t>(in.kernel));
      key.add(in.dst);
      for (uint16_t operand : in.operands) key.add(operand);
    }
    return key.hash();
  }

  static bool same_program(const cpu::Program& a, const cpu::Program& b) {
    const auto same_instruction = [](const cpu::Instruction& x, const cpu::Instruction& y) {
      return x.kernel == y.kernel && x.dst == y.dst &&
             std::equal(std::begin(x.operands), std::end(x.operands), std::begin(y.operands));
    };
    return a.inputs == b.inputs && a.outputs == b.outputs && a.temporaries == b.temporaries &&
           std::equal(a.instructions.begin(), a.instructions.end(), b.instructions.begin(),
                      b.instructions.end(), same_instruction);
  }

  void finish() {
    for (PlanValue& value : draft_.values) {
      if (value.view_node != none) plan_->op_nodes.push_back(value.view_node);
    }
    std::sort(plan_->op_nodes.begin(), plan_->op_nodes.end());
    plan_->op_nodes.erase(std::unique(plan_->op_nodes.begin(), plan_->op_nodes.end()),
                          plan_->op_nodes.end());
    plan_->values = std::move(draft_.values);
    plan_memory(*plan_, graph_, draft_.kept);
    plan_->key = graph_.key;
  }

  const Graph& graph_;
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
  Draft draft_;
  Key keys_;                                          // of all nodes, one after the other
  std::vector<std::pair<size_t, size_t>> key_of_;     // each node's part of keys_
  std::unordered_multimap<uint64_t, uint32_t> same_;  // nodes by the hash of their key
  std::vector<bool> materialized_;
  const PlanNode* last_kernel_ = nullptr;  // whose call was added to the steps last
  std::unordered_map<uint32_t, uint32_t> copies_;
};

}  // namespace

std::shared_ptr<const Plan> make_plan(const Graph& graph) { return Planner(graph).run(); }

}  // namespace mica::engine
