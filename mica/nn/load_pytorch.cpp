#include "mica/nn/load_pytorch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <ostream>
#include <regex>
#include <set>
#include <stdexcept>
#include <utility>

#include "mica/io/checkpoint.h"
#include "mica/nn/edit_distance.h"
#include "mica/nn/pytorch_names.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace {

using Arrays = std::unordered_map<std::string, array>;
using Named = std::pair<std::string, array>;

// The standard library's regular expressions recurse with the length of what they match.
constexpr size_t longest_name = 1000;

std::string text_of(const LoadReport& report) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (!report.missing.empty()) add("missing " + some_of(report.missing, report.unused));
  if (!report.unused.empty()) add("unused " + some_of(report.unused, report.missing));
  if (!report.mismatched.empty()) {
    constexpr size_t shown = 5;
    std::string shapes;
    for (size_t i = 0; i < std::min(report.mismatched.size(), shown); ++i) {
      const auto& [name, expected, got] = report.mismatched[i];
      shapes += fmt::format("{}'{}' of shape {} where {} is due", i ? ", " : "", name,
                            to_string(got), to_string(expected));
    }
    if (report.mismatched.size() > shown) {
      shapes += fmt::format(" and {} more", report.mismatched.size() - shown);
    }
    add(shapes);
  }
  return text;
}

// Loads arrays into one model; `label` names them in errors.
class Loader {
 public:
  Loader(Module& model, std::string label, const LoadPyTorchOptions& options)
      : model_(model), label_(std::move(label)), options_(options) {}

  LoadReport load(const Arrays& arrays) {
    std::vector<Named> named;
    for (const auto& [name, value] : arrays) {
      if (!name.starts_with(options_.prefix)) continue;
      if (name.size() > longest_name) {
        fail(fmt::format("names of at most {} bytes", longest_name), std::to_string(name.size()));
      }
      named.emplace_back(name.substr(options_.prefix.size()), value);
    }
    std::sort(named.begin(), named.end(),
              [](const Named& a, const Named& b) { return a.first < b.first; });
    for (const LoadRule& rule : options_.rules) named = apply(rule, named);
    std::map<std::string, array> given;
    for (auto& [name, value] : named) {
      if (!given.emplace(name, std::move(value)).second) {
        fail("each name once", "'" + name + "' twice");
      }
    }
    return match(given);
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw std::invalid_argument(
        fmt::format("load_pytorch ({}): expected {}, got {}", label_, expected, got));
  }

  std::vector<Named> apply(const LoadRule& rule, const std::vector<Named>& named) const {
    const std::regex pattern = compiled(rule);
    if (rule.names.names.empty()) fail("a name in the rule '" + rule.pattern + "'", "none");
    std::vector<Named> changed;
    for (const auto& [name, value] : named) {
      if (!std::regex_search(name, pattern)) {
        changed.emplace_back(name, value);
      } else if (!rule.drop) {
        const std::vector<array> parts = split_by(rule, name, value);
        for (size_t i = 0; i < parts.size(); ++i) {
          changed.emplace_back(std::regex_replace(name, pattern, rule.names.names[i]), parts[i]);
        }
      }
    }
    return changed;
  }

  std::regex compiled(const LoadRule& rule) const {
    try {
      return std::regex(rule.pattern);
    } catch (const std::regex_error&) {
      fail("a regular expression as a rule's pattern", "'" + rule.pattern + "'");
    }
  }

  std::vector<array> split_by(const LoadRule& rule, const std::string& name,
                              const array& value) const {
    const array whole = rule.transpose && value.ndim() > 1 ? swapaxes(value, -1, -2) : value;
    const auto parts = static_cast<int>(rule.names.names.size());
    if (parts == 1 && rule.sizes.empty()) return {whole};
    const int rows = whole.ndim() == 0 ? 0 : whole.shape(0);
    if (rule.sizes.empty()) {
      if (rows % parts != 0 || rows == 0) {
        fail(fmt::format("'{}' with {} equal parts on axis 0", name, parts),
             to_string(whole.shape()));
      }
      return split(whole, parts, 0);
    }
    const int64_t sum = std::accumulate(rule.sizes.begin(), rule.sizes.end(), int64_t{0});
    const bool positive =
        std::all_of(rule.sizes.begin(), rule.sizes.end(), [](int size) { return size > 0; });
    if (!positive || static_cast<int>(rule.sizes.size()) != parts || sum != rows) {
      fail(fmt::format("'{}' with the {} parts of its rule's sizes on axis 0", name, parts),
           to_string(whole.shape()));
    }
    Shape ends;
    for (size_t i = 0; i + 1 < rule.sizes.size(); ++i) {
      ends.push_back((i ? ends.back() : 0) + rule.sizes[i]);
    }
    return split(whole, ends, 0);
  }

  LoadReport match(const std::map<std::string, array>& given) {
    const TorchNames names = torch_names(model_);
    LoadReport report;
    std::set<std::string> used;
    std::vector<std::pair<array*, array>> assignments;
    for (const TorchTarget& target : names.targets) {
      const TorchSource* source = nullptr;
      for (const TorchSource& candidate : target.sources) {
        const bool there =
            std::all_of(candidate.names.begin(), candidate.names.end(),
                        [&](const std::string& name) { return given.contains(name); });
        if (!there) continue;
        if (!source) source = &candidate;
        used.insert(candidate.names.begin(), candidate.names.end());
      }
      if (!source) {
        add_missing(target, given, report);
        continue;
      }
      std::vector<array> arrays;
      for (const std::string& name : source->names) arrays.push_back(given.at(name));
      const std::optional<array> converted = source->convert(arrays);
      if (!converted || converted->shape() != target.shape) {
        report.mismatched.push_back(
            {source->names[0], target.shape, converted ? converted->shape() : arrays[0].shape()});
        continue;
      }
      for (auto& assignment : placed(target, *converted)) {
        assignments.push_back(std::move(assignment));
      }
      report.loaded.push_back(target.path);
    }
    for (const auto& [name, value] : given) {
      if (!used.contains(name) && !names.ignored.contains(name)) report.unused.push_back(name);
    }
    if (options_.strict && !report.complete()) {
      fail("the weights of " + model_.type_name(), text_of(report));
    }
    for (auto& [target, value] : assignments) *target = std::move(value);
    return report;
  }

  std::vector<std::pair<array*, array>> placed(const TorchTarget& target,
                                               const array& value) const {
    try {
      return target.place(value);
    } catch (const std::invalid_argument& e) {
      fail("'" + target.path + "' that can be quantized", e.what());
    }
  }

  // Of an array that comes of two, the one that is not there; one that is is used nevertheless.
  static void add_missing(const TorchTarget& target, const std::map<std::string, array>& given,
                          LoadReport& report) {
    for (const std::string& name : target.sources[0].names) {
      const auto& missing = report.missing;
      if (!given.contains(name) &&
          std::find(missing.begin(), missing.end(), name) == missing.end()) {
        report.missing.push_back(name);
      }
    }
  }

  Module& model_;
  std::string label_;
  const LoadPyTorchOptions& options_;
};

}  // namespace

std::ostream& operator<<(std::ostream& os, const LoadReport& report) {
  return os << (report.complete() ? "all loaded" : text_of(report));
}

LoadReport load_pytorch(Module& model, const std::string& file_or_folder,
                        const LoadPyTorchOptions& options) {
  return Loader(model, file_or_folder, options).load(load_checkpoint(file_or_folder));
}

LoadReport load_pytorch(Module& model, const Arrays& arrays, const LoadPyTorchOptions& options) {
  return Loader(model, "arrays", options).load(arrays);
}

}  // namespace mica::nn
