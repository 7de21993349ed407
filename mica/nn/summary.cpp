#include "mica/nn/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ostream>
#include <unordered_set>

#include "mica/engine/engine.h"
#include "mica/engine/node.h"
#include "mica/fast/attention.h"
#include "mica/fast/recurrence.h"
#include "mica/logging/readable.h"
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
  if (op == op_id<ops::Convolution>())
    return size * (2 * elements(inputs[1]) / inputs[1].shape(0) + (inputs.size() > 2 ? 1 : 0));
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

std::string bytes_text(size_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.3g} {}", value, units[unit]);
}

// A row's cells, the first still in its parts.
struct Line {
  std::string indent, path, type;  // "  ", "layers.0", "Linear x2"
  std::string output, parameters, flops;

  size_t name_columns() const { return indent.size() + path_columns() + type.size(); }
  size_t path_columns() const { return path.empty() ? 0 : logging::columns_of(path) + 2; }
};

constexpr size_t gap = 2;
constexpr size_t least_path = 10, least_type = 8, least_name = 16, least_output = 10;

// The path is cut first, then the type, then what is deep inside.
std::string name_within(const Line& line, size_t columns) {
  const size_t all = line.name_columns();
  if (all <= columns) return line.indent + (line.path.empty() ? "" : line.path + ": ") + line.type;
  const size_t taken = line.indent.size() + line.type.size();
  const size_t for_path =
      std::min(line.path_columns(), std::max(columns, taken + least_path) - taken);
  const size_t before_type = line.indent.size() + for_path;
  const size_t for_type = std::max(columns, before_type + least_type) - before_type;
  const std::string path = for_path == 0 ? "" : logging::shortened(line.path, for_path - 2) + ": ";
  return logging::shortened(line.indent + path + logging::shortened(line.type, for_type), columns);
}

std::vector<Line> lines_of(const Summary& summary) {
  std::vector<Line> lines{{"", "", "layer", "output", "parameters", "FLOPs"}};
  std::vector<std::string> parents;  // paths, by depth
  for (const Summary::Row& row : summary.rows) {
    std::string outputs;
    for (const Shape& shape : row.outputs)
      outputs += (outputs.empty() ? "" : " ") + to_string(shape);
    parents.resize(static_cast<size_t>(row.depth));
    // Below a module, its path goes without saying.
    const std::string above = parents.empty() || parents.back().empty() ? "" : parents.back() + ".";
    const std::string path = row.path.starts_with(above) ? row.path.substr(above.size()) : row.path;
    parents.push_back(row.path);
    lines.push_back({std::string(static_cast<size_t>(2 * row.depth), ' '), path,
                     row.type + (row.calls > 1 ? fmt::format(" x{}", row.calls) : ""),
                     outputs.empty() ? "-" : outputs,
                     logging::readable_count(static_cast<double>(row.parameters)),
                     row.calls ? logging::readable_count(row.flops) : "-"});
  }
  return lines;
}

}  // namespace

namespace detail {

Summary summarize(Module& model, const std::vector<array>& inputs, const ArraysFunction& call) {
  Summary result;
  const mica::detail::RandomStateScope random(mica::detail::random_state());
  const ParametersGuard guard(model);
  ModuleWalk::put_placeholders(model);
  result.parameter_bytes = tree_reduce([](size_t sum, const array& a) { return sum + a.nbytes(); },
                                       model.parameters(), size_t{0});
  const std::vector<array> traced = ModuleWalk::placeholders_like(inputs);
  {
    Rows rows(result);
    rows.add(model, "", 0);
    const std::vector<array> outputs = call(traced);
    if (result.rows[0].calls == 0) rows.note(0, traced, outputs);
    result.forward_bytes = engine::memory_to_evaluate(outputs);
  }
  ModuleWalk::put_placeholders(model);
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

std::string Summary::table(int columns) const {
  const std::vector<Line> lines = lines_of(*this);
  size_t name = 0, output = 0, parameters = 0, flops = 0;
  for (const Line& line : lines) {
    name = std::max(name, line.name_columns());
    output = std::max(output, line.output.size());
    parameters = std::max(parameters, line.parameters.size());
    flops = std::max(flops, line.flops.size());
  }
  // Names give way first, down to a share of the room, then outputs.
  const size_t width = static_cast<size_t>(std::max(columns, 0));
  const size_t numbers = parameters + flops + 3 * gap;
  const size_t room = std::max(width, numbers + least_name + least_output) - numbers;
  if (name + output > room) {
    output = std::min(output, std::max(least_output, room - std::min(name, room / 2)));
    name = std::min(name, room - output);
  }
  std::string text;
  const std::string rule(name + output + numbers, '-');
  for (const Line& line : lines) {
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}\n", name_within(line, name), name,
                        logging::shortened(line.output, output), output, line.parameters,
                        parameters, line.flops, flops);
    if (&line == &lines.front()) text += rule + '\n';
  }
  const Summary::Row& model = rows.at(0);
  text += rule + '\n';
  text += fmt::format("{} parameters ({}), {} trainable\n", model.parameters,
                      bytes_text(parameter_bytes), model.trainable_parameters);
  std::string costs = fmt::format("forward pass: {} FLOPs, {}",
                                  logging::readable_count(model.flops), bytes_text(forward_bytes));
  if (training_bytes) {
    const std::string training = "forward and backward pass: " + bytes_text(training_bytes);
    costs += costs.size() + 2 + training.size() <= width ? "; " : "\n";
    costs += training;
  }
  return text + costs + '\n';
}

std::ostream& operator<<(std::ostream& os, const Summary& summary) {
  return os << summary.table(logging::columns_for(os));
}

}  // namespace mica::nn
