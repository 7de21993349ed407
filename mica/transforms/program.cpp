#include "mica/transforms/program.h"

#include <map>
#include <tuple>
#include <utility>

#include "mica/engine/compile_mode.h"
#include "mica/engine/node.h"
#include "mica/transforms/tape.h"

namespace mica::detail {

std::vector<array> Program::replay(const std::vector<array>& inputs,
                                   const std::optional<Stream>& stream) const {
  std::vector<array> values = inputs;
  values.insert(values.end(), captured.begin(), captured.end());
  std::vector<array> operands;
  for (const Step& step : steps) {
    operands.clear();
    for (uint32_t i : step.inputs) operands.push_back(values[i]);
    const Stream on = stream.value_or(step.stream);
    if (step.outputs.size() == 1) {
      values.push_back(
          engine::make_array(step.op, operands, step.outputs[0].shape, step.outputs[0].dtype, on));
    } else {
      for (array& output : engine::make_arrays(step.op, operands, step.outputs, on)) {
        values.push_back(std::move(output));
      }
    }
  }
  std::vector<array> results;
  results.reserve(outputs.size());
  for (uint32_t i : outputs) results.push_back(values[i]);
  return results;
}

namespace {

using engine::Node;

class Recorder {
 public:
  Recorder(const std::vector<array>& arguments, const std::vector<array>& outputs)
      : tape_(arguments, outputs, Walk::compile),
        merge_(engine::compile_mode() != CompileMode::no_simplify) {
    program_.input_count = arguments.size();
    for (const array& argument : arguments) number(argument);
    for (const array& output : outputs) find_captured(output);
    for (Node* node : tape_.nodes()) {
      for (const array& input : node->inputs()) find_captured(input);
    }
    for (uint32_t place = 0; place < tape_.nodes().size(); ++place) {
      if (!tape_.is_root(place)) add_step(*tape_.nodes()[place]);
    }
    for (const array& output : outputs) program_.outputs.push_back(value_of(output));
  }

  Program take() { return std::move(program_); }

 private:
  using Place = std::pair<const Node*, uint32_t>;
  static Place place_of(const array& a) { return {&a.node(), a.output_index()}; }
  uint32_t value_of(const array& a) const { return values_.at(place_of(a)); }
  void number(const array& a) { values_.emplace(place_of(a), next_++); }

  void find_captured(const array& a) {
    if (tape_.find(a) != NodeIndex::none || values_.contains(place_of(a))) return;
    number(a);
    program_.captured.push_back(a);
    program_.captures_tracer |= a.is_tracer();
  }

  void add_step(Node& node) {
    Program::Step step{node.op, {}, {}, node.stream};
    for (const array& input : node.inputs()) step.inputs.push_back(value_of(input));
    // Ops without attributes share one object.
    auto [known, is_new] = merged_.try_emplace({node.op.get(), step.inputs, node.stream}, next_);
    const bool repeated = !is_new && merge_;
    for (uint32_t i = 0; i < node.output_count(); ++i) {
      values_.emplace(Place{&node, i}, (repeated ? known->second : next_) + i);
      step.outputs.push_back({node.output(i).shape, node.output(i).dtype});
    }
    if (repeated) return;
    next_ += node.output_count();
    program_.steps.push_back(std::move(step));
  }

  Tape tape_;
  bool merge_;
  Program program_;
  uint32_t next_ = 0;
  std::map<Place, uint32_t> values_;
  std::map<std::tuple<const engine::Op*, std::vector<uint32_t>, Stream>, uint32_t> merged_;
};

}  // namespace

Program record_program(const std::vector<array>& arguments, const std::vector<array>& outputs) {
  return Recorder(arguments, outputs).take();
}

}  // namespace mica::detail
