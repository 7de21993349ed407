// Functions as files: a function of arrays is traced for the shapes and dtypes of its arguments,
// and its graph is stored with the constants it captures.
//
// A file is mica's own. It is checked as it is read, against damage too (a checksum); but the graph
// in it is a program, so import files only from where you would run a program from.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mica/array/array.h"

namespace mica {

using Args = std::vector<array>;
using Kwargs = std::unordered_map<std::string, array>;

// An attribute of an op.
using StateT =
    std::variant<bool, int, size_t, float, double, Dtype, Shape, Strides, std::vector<int>,
                 std::vector<size_t>, std::vector<std::tuple<bool, bool, bool>>,
                 std::vector<std::variant<bool, int, float>>, std::optional<float>, std::string>;

// What a callback gets in place of a file being written. One call each, told apart by "type":
// "inputs", "keyword_inputs" ("keywords": keyword, name), "outputs", "constants", and for each op
// "primitive" ("name", "inputs", "outputs", "arguments").
using ExportCallbackInput =
    std::unordered_map<std::string, std::variant<std::vector<std::tuple<std::string, Shape, Dtype>>,
                                                 std::vector<std::pair<std::string, array>>,
                                                 std::vector<std::pair<std::string, std::string>>,
                                                 std::vector<StateT>, std::string>>;
using ExportCallback = std::function<void(const ExportCallbackInput&)>;

namespace detail {
class Exporter;
struct StoredFunction;
}  // namespace detail

// Traces its function for the arguments of each call. The file holds all traces so far after each.
// Throws std::invalid_argument for shapes and dtypes that are there already.
struct FunctionExporter {
  explicit FunctionExporter(std::shared_ptr<detail::Exporter> exporter)
      : exporter_(std::move(exporter)) {}
  FunctionExporter(const FunctionExporter&) = delete;
  FunctionExporter& operator=(const FunctionExporter&) = delete;
  FunctionExporter(FunctionExporter&&) = default;

  void operator()(const std::initializer_list<array>& args) { (*this)(Args(args)); }
  void operator()(const Args& args);
  void operator()(const Kwargs& kwargs);
  void operator()(const Args& args, const Kwargs& kwargs);
  // Nothing more is exported.
  void close();

 private:
  std::shared_ptr<detail::Exporter> exporter_;
};

// Gives the results of the trace whose arguments have these shapes and dtypes. Throws
// std::invalid_argument where there is none.
//
// It can be transformed like any function. Rules of a custom_function are not stored: its results
// have those of the ops that make them.
struct ImportedFunction {
  explicit ImportedFunction(std::shared_ptr<const detail::StoredFunction> function)
      : function_(std::move(function)) {}

  std::vector<array> operator()(const std::initializer_list<array>& args) const {
    return (*this)(Args(args));
  }
  std::vector<array> operator()(const Args& args) const;
  std::vector<array> operator()(const Kwargs& kwargs) const;
  std::vector<array> operator()(const Args& args, const Kwargs& kwargs) const;

  const std::string& metadata() const;
  // The shapes and dtypes of each trace's arguments, as errors name them.
  std::vector<std::string> signatures() const;

 private:
  std::shared_ptr<const detail::StoredFunction> function_;
};

// shapeless: a trace serves arguments of other shapes too, whose numbers of dimensions are the
// same. The function is called again with each size changed, to see which may be others: its graph
// must follow, which ops can that keep, broadcast, reduce, merge or join shapes, look up rows, and
// products of matrices, and no constant may depend on the size. `metadata` is stored.
//
// Throw std::invalid_argument where the function uses ops that can't be stored (those that hold a
// function of the user's).
FunctionExporter exporter(const std::string& file,
                          const std::function<std::vector<array>(const Args&)>& fun,
                          bool shapeless = false, const std::string& metadata = "");
FunctionExporter exporter(const std::string& file,
                          const std::function<std::vector<array>(const Kwargs&)>& fun,
                          bool shapeless = false, const std::string& metadata = "");
FunctionExporter exporter(const std::string& path,
                          const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                          bool shapeless = false, const std::string& metadata = "");
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Args&)>& fun,
                          bool shapeless = false);
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Kwargs&)>& fun,
                          bool shapeless = false);
FunctionExporter exporter(const ExportCallback& callback,
                          const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                          bool shapeless = false);

// One trace.
void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Args&)>& fun, const Args& args,
                     bool shapeless = false, const std::string& metadata = "");
void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Kwargs&)>& fun,
                     const Kwargs& kwargs, bool shapeless = false,
                     const std::string& metadata = "");
void export_function(const std::string& file,
                     const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                     const Args& args, const Kwargs& kwargs, bool shapeless = false,
                     const std::string& metadata = "");
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Args&)>& fun, const Args& args,
                     bool shapeless = false);
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Kwargs&)>& fun,
                     const Kwargs& kwargs, bool shapeless = false);
void export_function(const ExportCallback& callback,
                     const std::function<std::vector<array>(const Args&, const Kwargs&)>& fun,
                     const Args& args, const Kwargs& kwargs, bool shapeless = false);

// Throws std::invalid_argument for a file that is damaged, of another version, or uses an op that
// this library lacks; std::system_error where it can't be read.
ImportedFunction import_function(const std::string& file);

}  // namespace mica
