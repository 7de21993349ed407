#include "mica/transforms/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "mica/engine/engine.h"
#include "mica/engine/node.h"
#include "mica/engine/op_fields.h"
#include "mica/graph_utils.h"
#include "mica/ops/checks.h"
#include "mica/ops/op_list.h"
#include "mica/ops/op_names.h"
#include "mica/ops/ops.h"
#include "mica/transforms/function_file.h"
#include "mica/transforms/random_state.h"
#include "mica/transforms/shape_rules.h"
#include "mica/transforms/tape.h"

namespace mica {

namespace detail {

namespace {

using engine::OutputSpec;
using Function = std::function<std::vector<array>(const Args&, const Kwargs&)>;
using Sorted = std::map<std::string, array>;

// What a call gives to a function: positional arguments, then those with keywords.
struct Arguments {
  std::vector<array> arrays;
  std::vector<std::string> keywords;

  Arguments(const Args& args, const Kwargs& kwargs) : arrays(args) {
    for (const auto& [keyword, value] : Sorted(kwargs.begin(), kwargs.end())) {
      keywords.push_back(keyword);
      arrays.push_back(value);
    }
  }

  bool matches(const StoredTrace& trace) const {
    return matches_dtypes(trace) &&
           std::equal(arrays.begin(), arrays.end(), trace.inputs.begin(),
                      [](const array& a, const auto& input) { return a.shape() == input.shape; });
  }
  // Where the sizes of flexible axes may be others.
  bool matches_flexibly(const StoredTrace& trace) const {
    if (!matches_dtypes(trace) || trace.flexible.empty()) return false;
    auto flexible = trace.flexible.begin();
    for (size_t i = 0; i < arrays.size(); ++i) {
      const Shape &shape = arrays[i].shape(), &recorded = trace.inputs[i].shape;
      if (shape.size() != recorded.size()) return false;
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        if (*flexible++ == 0 && shape[axis] != recorded[axis]) return false;
      }
    }
    return true;
  }

 private:
  bool matches_dtypes(const StoredTrace& trace) const {
    return keywords == trace.keywords &&
           std::equal(arrays.begin(), arrays.end(), trace.inputs.begin(), trace.inputs.end(),
                      [](const array& a, const auto& input) { return a.dtype() == input.dtype; });
  }
};

// "[(2, 3) float32, scale=() float32]", with a * in place of the size of a flexible axis.
std::string signature(const std::vector<OutputSpec>& inputs,
                      const std::vector<std::string>& keywords,
                      const std::vector<uint8_t>& flexible = {}) {
  std::string text;
  const size_t positional = inputs.size() - keywords.size();
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    text += i > 0 ? ", " : "";
    if (i >= positional) text += keywords[i - positional] + "=";
    const Shape& shape = inputs[i].shape;
    text += "(";
    for (size_t axis = 0; axis < shape.size(); ++axis, ++next) {
      text += axis > 0 ? ", " : "";
      text += !flexible.empty() && flexible[next] ? "*" : std::to_string(shape[axis]);
    }
    text += fmt::format("{}) {}", shape.size() == 1 ? "," : "", dtype_name(inputs[i].dtype));
  }
  return "[" + text + "]";
}

std::vector<OutputSpec> specs_of(const std::vector<array>& arrays) {
  std::vector<OutputSpec> specs;
  for (const array& a : arrays) specs.push_back({a.shape(), a.dtype()});
  return specs;
}

// The program without the marks of functions that have rules of their own.
Program without_custom_functions(Program program) {
  std::vector<uint32_t> numbers;  // of the values so far
  uint32_t next = static_cast<uint32_t>(program.input_count + program.captured.size());
  for (uint32_t i = 0; i < next; ++i) numbers.push_back(i);
  std::vector<Program::Step> kept;
  for (Program::Step& step : program.steps) {
    for (uint32_t& input : step.inputs) input = numbers[input];
    const bool mark = step.op->id == OpId::CustomFunction;
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      numbers.push_back(mark ? step.inputs[i] : next++);
    }
    if (!mark) kept.push_back(std::move(step));
  }
  program.steps = std::move(kept);
  for (uint32_t& output : program.outputs) output = numbers[output];
  return program;
}

// Of a function of inputs like these, the last of which have the keywords.
StoredTrace trace_function(const Function& fun, const std::vector<OutputSpec>& inputs,
                           const std::vector<std::string>& keywords) {
  StoredTrace trace{inputs, keywords, {}, {}};
  std::vector<array> placeholders;
  std::vector<array> outputs;
  const bool nested = engine::in_tracing();
  {
    const engine::TracingScope tracing;
    for (const OutputSpec& input : inputs) {
      placeholders.push_back(make_argument(input.shape, input.dtype));
    }
    const auto keyword_values = placeholders.begin() + static_cast<long>(trace.positional());
    Kwargs named;
    for (size_t i = 0; i < keywords.size(); ++i) {
      named.emplace(keywords[i], keyword_values[static_cast<long>(i)]);
    }
    outputs = fun(Args(placeholders.begin(), keyword_values), named);
  }
  Program program = record_program(placeholders, outputs);
  if (program.captures_tracer && nested) {
    throw std::invalid_argument(
        "export_function: expected a function of its arguments, got one that uses those of a "
        "transform around it");
  }
  engine::evaluate(program.captured, true);
  trace.program = without_custom_functions(std::move(program));
  return trace;
}

// The trace's program for inputs of other shapes.
Program reshaped(const StoredTrace& trace, const std::vector<OutputSpec>& shapes) {
  Program program = trace.program;
  std::vector<Axes> values;
  for (size_t i = 0; i < shapes.size(); ++i) {
    values.push_back(axes_of(trace.inputs[i].shape, shapes[i].shape));
  }
  for (const array& a : program.captured) values.push_back(axes_of(a.shape(), a.shape()));
  std::vector<Axes> inputs;
  for (Program::Step& step : program.steps) {
    inputs.clear();
    for (const uint32_t input : step.inputs) inputs.push_back(values[input]);
    Reshaped result = reshape_step(step.op, inputs, step.outputs);
    step.op = std::move(result.op);
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      step.outputs[i].shape = shape_of(result.outputs[i]);
      values.push_back(std::move(result.outputs[i]));
    }
  }
  return program;
}

bool same_value(const array& a, const array& b) {
  return a.id() == b.id() ||
         (a.shape() == b.shape() && a.dtype() == b.dtype() && array_equal(a, b, true).item<bool>());
}

bool same_program(const Program& a, const Program& b) {
  return a.outputs == b.outputs &&
         std::equal(a.captured.begin(), a.captured.end(), b.captured.begin(), b.captured.end(),
                    same_value) &&
         std::equal(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(),
                    [](const Program::Step& x, const Program::Step& y) {
                      return x.op->id == y.op->id && x.inputs == y.inputs &&
                             std::equal(x.outputs.begin(), x.outputs.end(), y.outputs.begin(),
                                        y.outputs.end(),
                                        [](const OutputSpec& s, const OutputSpec& t) {
                                          return s.shape == t.shape && s.dtype == t.dtype;
                                        }) &&
                             engine::write_attributes(*x.op) == engine::write_attributes(*y.op);
                    });
}

// The axes whose sizes may be others: those for which the function, traced with a larger size,
// gives the program that the trace's becomes. A constant that is computed from a size, as the
// number of elements in a mean, or an op whose shape can't follow fix an axis. Axes of one size
// are tried together first, as those of a batch that several inputs have.
class FlexibleAxes {
 public:
  FlexibleAxes(const Function& fun, const StoredTrace& trace, const array& random_state)
      : fun_(fun), trace_(trace), random_state_(random_state) {}

  std::vector<uint8_t> find() const {
    std::map<ShapeElem, std::vector<Place>> by_size;
    size_t number = 0;
    for (size_t input = 0; input < trace_.inputs.size(); ++input) {
      const Shape& shape = trace_.inputs[input].shape;
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        by_size[shape[axis]].push_back({input, axis, number++});
      }
    }
    std::vector<uint8_t> flexible(number, 0);
    for (const auto& [size, places] : by_size) {
      if (can_change(places)) {
        for (const Place& place : places) flexible[place.number] = 1;
      } else if (places.size() > 1) {
        for (const Place& place : places) flexible[place.number] = can_change({place});
      }
    }
    return flexible;
  }

 private:
  struct Place {
    size_t input;
    size_t axis;
    size_t number;  // among the axes of all inputs
  };

  bool can_change(const std::vector<Place>& places) const {
    std::vector<OutputSpec> inputs = trace_.inputs;
    for (const Place& place : places) ++inputs[place.input].shape[place.axis];
    try {
      const RandomStateScope same_numbers(random_state_);
      const StoredTrace other = trace_function(fun_, inputs, trace_.keywords);
      return same_program(reshaped(trace_, inputs), other.program);
    } catch (const std::exception&) {
      return false;  // the function refuses the size, or an op does
    }
  }

  const Function& fun_;
  const StoredTrace& trace_;
  const array& random_state_;
};

// Tells a callback of a trace.
class Narrator {
 public:
  Narrator(const ExportCallback& callback, const StoredTrace& trace)
      : callback_(callback), trace_(trace), program_(trace.program), specs_(trace.inputs) {
    for (const array& a : program_.captured) specs_.push_back({a.shape(), a.dtype()});
    for (const auto& step : program_.steps) {
      specs_.insert(specs_.end(), step.outputs.begin(), step.outputs.end());
    }
  }

  void tell() {
    const auto inputs = static_cast<uint32_t>(trace_.inputs.size());
    callback_({{"type", "inputs"}, {"inputs", described(numbers(0, inputs))}});
    std::vector<std::pair<std::string, std::string>> keywords;
    for (uint32_t i = 0; i < trace_.keywords.size(); ++i) {
      keywords.emplace_back(trace_.keywords[i],
                            name(static_cast<uint32_t>(trace_.positional()) + i));
    }
    callback_({{"type", "keyword_inputs"}, {"keywords", keywords}});
    callback_({{"type", "outputs"}, {"outputs", described(program_.outputs)}});
    std::vector<std::pair<std::string, array>> constants;
    for (uint32_t i = 0; i < program_.captured.size(); ++i) {
      constants.emplace_back(name(inputs + i), program_.captured[i]);
    }
    callback_({{"type", "constants"}, {"constants", constants}});
    auto next = static_cast<uint32_t>(inputs + program_.captured.size());
    for (const Program::Step& step : program_.steps) {
      const auto after = static_cast<uint32_t>(next + step.outputs.size());
      callback_({{"type", "primitive"},
                 {"inputs", described(step.inputs)},
                 {"outputs", described(numbers(next, after))},
                 {"name", std::string(op_name(step.op->id))},
                 {"arguments", engine::attribute_values(*step.op)}});
      next = after;
    }
  }

 private:
  static std::vector<uint32_t> numbers(uint32_t begin, uint32_t end) {
    std::vector<uint32_t> list;
    for (uint32_t i = begin; i < end; ++i) list.push_back(i);
    return list;
  }
  // In the order in which they are told of.
  const std::string& name(uint32_t value) {
    auto [known, is_new] = names_.try_emplace(value);
    if (is_new) known->second = letters_of(names_.size());
    return known->second;
  }
  std::vector<std::tuple<std::string, Shape, Dtype>> described(
      const std::vector<uint32_t>& values) {
    std::vector<std::tuple<std::string, Shape, Dtype>> list;
    for (const uint32_t value : values) {
      list.emplace_back(name(value), specs_[value].shape, specs_[value].dtype);
    }
    return list;
  }

  const ExportCallback& callback_;
  const StoredTrace& trace_;
  const Program& program_;
  std::vector<OutputSpec> specs_;  // of all values
  std::map<uint32_t, std::string> names_;
};

}  // namespace

class Exporter {
 public:
  Exporter(std::string file, ExportCallback callback, Function fun, bool shapeless,
           std::string metadata)
      : callback_(std::move(callback)), fun_(std::move(fun)) {
    function_.file = std::move(file);
    function_.shapeless = shapeless;
    function_.metadata = std::move(metadata);
  }

  void add(const Args& args, const Kwargs& kwargs) {
    if (closed_) {
      throw std::invalid_argument("export_function: expected an open exporter, got a closed one");
    }
    const Arguments arguments(args, kwargs);
    for (const StoredTrace& trace : function_.traces) {
      if (!arguments.matches(trace) && !arguments.matches_flexibly(trace)) continue;
      throw std::invalid_argument(
          fmt::format("export_function: expected arguments that are not exported yet, got {}",
                      signature(specs_of(arguments.arrays), arguments.keywords)));
    }
    const array random_before = random_state();
    StoredTrace trace = trace_function(fun_, specs_of(arguments.arrays), arguments.keywords);
    if (function_.shapeless) trace.flexible = FlexibleAxes(fun_, trace, random_before).find();
    function_.traces.push_back(std::move(trace));
    try {
      if (callback_) {
        Narrator(callback_, function_.traces.back()).tell();
      } else {
        write_function(function_);
      }
    } catch (...) {
      function_.traces.pop_back();
      throw;
    }
  }
  void close() { closed_ = true; }

 private:
  StoredFunction function_;
  ExportCallback callback_;
  Function fun_;
  bool closed_ = false;
};

namespace {

Function of_args(const std::function<std::vector<array>(const Args&)>& fun) {
  return [fun](const Args& args, const Kwargs& kwargs) {
    if (kwargs.empty()) return fun(args);
    throw std::invalid_argument("export_function: expected no keywords, got '" +
                                kwargs.begin()->first + "'");
  };
}

Function of_kwargs(const std::function<std::vector<array>(const Kwargs&)>& fun) {
  return [fun](const Args& args, const Kwargs& kwargs) {
    if (args.empty()) return fun(kwargs);
    throw std::invalid_argument("export_function: expected arguments with keywords only, got " +
                                std::to_string(args.size()) + " without");
  };
}

FunctionExporter to_file(const std::string& file, Function fun, bool shapeless,
                         const std::string& metadata) {
  return FunctionExporter(
      std::make_shared<Exporter>(file, nullptr, std::move(fun), shapeless, metadata));
}

FunctionExporter to_callback(const ExportCallback& callback, Function fun, bool shapeless) {
  if (!callback) throw std::invalid_argument("exporter: expected a callback, got nothing");
  return FunctionExporter(std::make_shared<Exporter>("", callback, std::move(fun), shapeless, ""));
}

}  // namespace

}  // namespace detail

void FunctionExporter::operator()(const Args& args) { exporter_->add(args, {}); }
void FunctionExporter::operator()(const Kwargs& kwargs) { exporter_->add({}, kwargs); }
void FunctionExporter::operator()(const Args& args, const Kwargs& kwargs) {
  exporter_->add(args, kwargs);
}
void FunctionExporter::close() { exporter_->close(); }

FunctionExporter exporter(const std::string& file,
                          const std::function<std::vector<array>(const Args&)>& fun, bool shapeless,
                          const std::string& metadata) {
  return detail::to_file(file, detail::of_args(fun), shapeless, metadata);
}
FunctionExporter exporter(const std::string& file,
                          const std::function<std::vector<array>(const Kwargs&)>& fun,
                          bool shapeless, const std::string& metadata) {
  return detail::to_file(file, detail::of_kwargs(fun), shapeless, metadata);
}
FunctionExporter exporter(const std::string& path,
                          const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                          bool shapeless, const std::string& metadata) {
  return detail::to_file(path, fun, shapeless, metadata);
}
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Args&)>& fun,
                          bool shapeless) {
  return detail::to_callback(callback, detail::of_args(fun), shapeless);
}
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Kwargs&)>& fun,
                          bool shapeless) {
  return detail::to_callback(callback, detail::of_kwargs(fun), shapeless);
}
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                          bool shapeless) {
  return detail::to_callback(callback, fun, shapeless);
}

void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Args&)>& fun, const Args& args,
                     bool shapeless, const std::string& metadata) {
  exporter(file, fun, shapeless, metadata)(args);
}
void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Kwargs&)>& fun,
                     const Kwargs& kwargs, bool shapeless, const std::string& metadata) {
  exporter(file, fun, shapeless, metadata)(kwargs);
}
void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                     const Args& args, const Kwargs& kwargs, bool shapeless,
                     const std::string& metadata) {
  exporter(file, fun, shapeless, metadata)(args, kwargs);
}
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Args&)>& fun, const Args& args,
                     bool shapeless) {
  exporter(callback, fun, shapeless)(args);
}
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Kwargs&)>& fun,
                     const Kwargs& kwargs, bool shapeless) {
  exporter(callback, fun, shapeless)(kwargs);
}
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                     const Args& args, const Kwargs& kwargs, bool shapeless) {
  exporter(callback, fun, shapeless)(args, kwargs);
}

ImportedFunction import_function(const std::string& file) {
  return ImportedFunction(
      std::make_shared<const detail::StoredFunction>(detail::read_function(file)));
}

const std::string& ImportedFunction::metadata() const { return function_->metadata; }

std::vector<std::string> ImportedFunction::signatures() const {
  std::vector<std::string> texts;
  for (const auto& trace : function_->traces) {
    texts.push_back(detail::signature(trace.inputs, trace.keywords, trace.flexible));
  }
  return texts;
}

std::vector<array> ImportedFunction::operator()(const Args& args) const {
  return (*this)(args, {});
}
std::vector<array> ImportedFunction::operator()(const Kwargs& kwargs) const {
  return (*this)({}, kwargs);
}

std::vector<array> ImportedFunction::operator()(const Args& args, const Kwargs& kwargs) const {
  const detail::Arguments arguments(args, kwargs);
  const auto& traces = function_->traces;
  const auto exact = std::find_if(traces.begin(), traces.end(),
                                  [&](const auto& trace) { return arguments.matches(trace); });
  if (exact != traces.end()) return exact->program.replay(arguments.arrays, to_stream({}));
  const auto other = std::find_if(traces.begin(), traces.end(), [&](const auto& trace) {
    return arguments.matches_flexibly(trace);
  });
  if (other != traces.end()) {
    return detail::reshaped(*other, detail::specs_of(arguments.arrays))
        .replay(arguments.arrays, to_stream({}));
  }
  throw std::invalid_argument(fmt::format(
      "import_function ({}): expected {}, got {}", function_->file, fmt::join(signatures(), " or "),
      detail::signature(detail::specs_of(arguments.arrays), arguments.keywords)));
}

}  // namespace mica
