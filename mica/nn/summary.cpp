#include "mica/nn/summary.h"

#include <fmt/format.h>

#include <map>
#include <ostream>
#include <unordered_set>

#include "mica/engine/engine.h"
#include "mica/engine/node.h"
#include "mica/fast/attention.h"
#include "mica/fast/recurrence.h"
#include "mica/nn/value_and_grad.h"
#include "mica/nn/walk.h"
#include "mica/ops/checks.h"
#include "mica/ops/convolution.h"
#include "mica/ops/gather_mm.h"
#include "mica/ops/matmul.h"
#include "mica/ops/ops.h"
#include "mica/ops/quantized.h"
#include "mica/transforms/random_state.h"

namespace mica::nn {

namespace {

double elements(const array& a) { return static_cast<double>(a.size()); }

// What one node does: two for each product that is added up, one for each element of other results.
double flops_of(engine::Node& node) {
  const auto inputs = node.inputs();
  const OpId op = node.op->id;
  const array output(&node, 0);
  const double size = elements(output);
  auto is_any = [op](auto... ids) { return ((op == ids) || ...); };
  if (is_any(op_id<ops::Matmul>(), op_id<ops::GatherMM>(), op_id<ops::QuantizedMatmul>(),
             op_id<ops::GatherQmm>()))
    return 2 * size * inputs[0].shape(-1);
  if (op == op_id<ops::AddMM>()) return size * (2.0 * inputs[0].shape(-1) + 1);
  if (op == op_id<ops::Convolution>()) return 2 * size * elements(inputs[1]) / inputs[1].shape(0);
  if (op == op_id<ops::Attention>()) {
    const array &queries = inputs[0], &keys = inputs[1], &values = inputs[2];
    const double scores = elements(queries) / queries.shape(3) * keys.shape(2);
    return scores * (2.0 * queries.shape(3) + 2.0 * values.shape(3) + 1);
  }
  if (op == op_id<ops::Recurrence>()) {
    const array &x = inputs[0], &hidden = inputs[2];
    return elements(x) * (2.0 * hidden.shape(-1) + 1);
  }
  return node.op->info().view ? 0 : size;
}

// The operations between what a module was given and what it returned.
double flops_between(const std::vector<array>& inputs, const std::vector<array>& outputs) {
  std::unordered_set<engine::Node*> seen;
  for (const array& input : inputs) seen.insert(&input.node());
  std::vector<array> stack;
  auto enter = [&](const array& a) {
    if (seen.insert(&a.node()).second) stack.push_back(a);
  };
  for (const array& output : outputs) enter(output);
  double flops = 0;
  while (!stack.empty()) {
    const array a = stack.back();
    stack.pop_back();
    if (!a.node().op) continue;
    flops += flops_of(a.node());
    for (const array& input : a.node().inputs()) enter(input);
  }
  return flops;
}

size_t count_elements(const Tree& tree) {
  return tree_reduce([](size_t sum, const array& a) { return sum + a.size(); }, tree, size_t{0});
}

array placeholder_like(const array& a) {
  return engine::make_placeholder(a.shape(), a.dtype(), to_stream({}));
}

// Gives each module of a model a row and a hook that fills it in.
class Rows {
 public:
  explicit Rows(Summary& summary) : summary_(summary) {}

  void add(Module& module, const std::string& path, int depth) {
    const size_t row = summary_.rows.size();
    summary_.rows.push_back({path,
                             module.type_name(),
                             depth,
                             {},
                             0,
                             count_elements(module.parameters()),
                             count_elements(module.trainable_parameters()),
                             0});
    hooks_.push_back(module.register_forward_hook(
        [this, row](const ForwardCall& call) { note(row, call.inputs, call.outputs); }));
    add(ModuleWalk::members(module), path, depth + 1);
  }

  void note(size_t row, const std::vector<array>& inputs, const std::vector<array>& outputs) {
    Summary::Row& to = summary_.rows[row];
    to.outputs.clear();
    for (const array& output : outputs) to.outputs.push_back(output.shape());
    ++to.calls;
    to.flops += flops_between(inputs, outputs);
  }

 private:
  void add(const Members& members, const std::string& prefix, int depth) {
    for (const Member& member : members) {
      const std::string path = mica::detail::join_path(prefix, member.key);
      if (member.is_container()) add(member.items, path, depth);
      if (member.is_module() && ModuleWalk::first_visit(member, seen_))
        add(*member.module, path, depth);
    }
  }

  Summary& summary_;
  std::vector<ForwardHookHandle> hooks_;
  ModuleWalk::Seen seen_;
};

std::string with_unit(double value, const char* const* units, double step) {
  int unit = 0;
  for (; value >= step && units[unit + 1]; ++unit) value /= step;
  return unit == 0 ? fmt::format("{:.0f}{}", value, units[0])
                   : fmt::format("{:.3g} {}", value, units[unit]);
}

std::string count_text(double value) {
  static const char* const units[] = {"", "K", "M", "G", "T", "P", nullptr};
  return with_unit(value, units, 1000);
}

std::string bytes_text(size_t bytes) {
  static const char* const units[] = {" B", "KiB", "MiB", "GiB", "TiB", nullptr};
  return with_unit(static_cast<double>(bytes), units, 1024);
}

std::string cut(const std::string& text, size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

}  // namespace

namespace detail {

Summary summarize(Module& model, const std::vector<array>& inputs,
                  const std::function<std::vector<array>(const std::vector<array>&)>& call) {
  Summary result;
  const mica::detail::RandomStateScope random(mica::detail::random_state());
  const ParametersGuard guard(model);
  for (array* a : ModuleWalk::arrays(model)) *a = placeholder_like(*a);
  result.parameter_bytes = tree_reduce([](size_t sum, const array& a) { return sum + a.nbytes(); },
                                       model.parameters(), size_t{0});
  std::vector<array> traced;
  for (const array& input : inputs) traced.push_back(placeholder_like(input));
  {
    Rows rows(result);
    rows.add(model, "", 0);
    const std::vector<array> outputs = call(traced);
    if (result.rows[0].calls == 0) rows.note(0, traced, outputs);
    result.forward_bytes = engine::memory_to_evaluate(outputs);
  }
  for (array* a : ModuleWalk::arrays(model)) *a = placeholder_like(*a);
  if (result.rows[0].trainable_parameters == 0) return result;

  auto loss = [&] {
    array total(0.0f);
    for (const array& output : call(traced))
      if (issubdtype(output.dtype(), inexact)) total = total + sum(output);
    return total;
  };
  std::vector<array> trained;
  {
    auto [value, gradients] = nn::value_and_grad(model, loss)();
    trained.push_back(value);
    mica::collect_arrays(trained, gradients);
  }
  for (const array* a : ModuleWalk::arrays(model)) trained.push_back(*a);
  result.training_bytes = engine::memory_to_evaluate(trained);
  return result;
}

}  // namespace detail

std::ostream& operator<<(std::ostream& os, const Summary& summary) {
  constexpr size_t name_width = 34, output_width = 20;
  auto line = [&](const std::string& name, const std::string& output, const std::string& parameters,
                  const std::string& flops) {
    os << fmt::format("{:<{}} {:<{}} {:>11} {:>11}\n", cut(name, name_width), name_width,
                      cut(output, output_width), output_width, parameters, flops);
  };
  const std::string rule(name_width + output_width + 25, '-');
  line("layer", "output", "parameters", "FLOPs");
  os << rule << '\n';
  for (const Summary::Row& row : summary.rows) {
    std::string outputs;
    for (const Shape& shape : row.outputs)
      outputs += (outputs.empty() ? "" : " ") + to_string(shape);
    // Below a module, its path goes without saying.
    const std::string name(static_cast<size_t>(2 * row.depth), ' ');
    const std::string path = row.path.empty() ? "" : row.path + ": ";
    line(name + path + row.type + (row.calls > 1 ? fmt::format(" x{}", row.calls) : ""),
         outputs.empty() ? "-" : outputs, count_text(static_cast<double>(row.parameters)),
         row.calls ? count_text(row.flops) : "-");
  }
  const Summary::Row& model = summary.rows.at(0);
  os << rule << '\n'
     << fmt::format("{} parameters ({}), {} trainable\n", model.parameters,
                    bytes_text(summary.parameter_bytes), model.trainable_parameters)
     << fmt::format("forward pass: {} FLOPs, {}", count_text(model.flops),
                    bytes_text(summary.forward_bytes));
  if (summary.training_bytes)
    os << "; forward and backward pass: " << bytes_text(summary.training_bytes);
  return os << '\n';
}

}  // namespace mica::nn
