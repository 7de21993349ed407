#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mica/logging/readable.h"
#include "mica/ops/checks.h"
#include "other_files.h"
#include "program.h"
#include "table.h"
#include "weights.h"

namespace tools {
namespace {

size_t elements(const Weights& weights) {
  size_t total = 0;
  for (const auto& [name, a] : weights.arrays) total += a.size();
  return total;
}

void print_json(const Weights& weights, const std::string& path, std::ostream& output) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::object();
  for (const auto& [name, a] : weights.arrays)
    tensors[name] = {{"shape", std::vector<int>(a.shape().begin(), a.shape().end())},
                     {"dtype", mica::dtype_name(a.dtype())},
                     {"bytes", a.nbytes()}};
  const nlohmann::ordered_json all = {{"file", path},
                                      {"format", weights.format},
                                      {"elements", elements(weights)},
                                      {"bytes", weights.bytes()},
                                      {"metadata", weights.metadata},
                                      {"tensors", tensors}};
  output << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_json(const OtherFile& file, const std::string& path, std::ostream& output) {
  const nlohmann::ordered_json all = {
      {"file", path}, {"format", file.kind}, {"metadata", file.facts}};
  output << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_fact(const std::string& name, const std::string& value, std::ostream& output,
                std::optional<int> width) {
  const std::string line = fmt::format("{} = {}", name, value);
  output << (width ? mica::logging::shortened(line, static_cast<size_t>(*width)) : line) << "\n";
}

// "101770", "124 M".
std::string count_text(size_t count) {
  constexpr size_t most = 1'000'000;
  return count < most ? std::to_string(count)
                      : mica::logging::readable_count(static_cast<double>(count));
}

}  // namespace

void info(const InfoOptions& options, std::ostream& output, std::optional<int> width) {
  if (const std::optional<OtherFile> file = read_other_file(options.file)) {
    if (options.json) return print_json(*file, options.file.string(), output);
    output << fmt::format("{}: {}\n\n", options.file.string(), file->kind);
    for (const auto& [name, value] : file->facts) print_fact(name, value, output, width);
    return;
  }
  const Weights weights = read_weights(options.file);
  if (options.json) return print_json(weights, options.file.string(), output);

  output << fmt::format("{}: {}, {} {}, {} values, {}\n", options.file.string(), weights.format,
                        weights.arrays.size(), weights.arrays.size() == 1 ? "tensor" : "tensors",
                        count_text(elements(weights)), readable_bytes(weights.bytes()));
  if (!weights.metadata.empty()) output << "\n";
  for (const auto& [name, value] : weights.metadata) print_fact(name, value, output, width);
  if (weights.arrays.empty()) return;
  output << "\n";
  std::vector<Row> rows;
  for (const auto& [name, a] : weights.arrays)
    rows.push_back({name, mica::to_string(a.shape()), mica::dtype_name(a.dtype()),
                    readable_bytes(a.nbytes())});
  print_table(output, {"tensor", "shape", "dtype", "size"}, rows, {3}, width);
}

}  // namespace tools
