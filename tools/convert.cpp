#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "mica/io/file.h"
#include "mica/nn/quantized.h"
#include "mica/ops/ops.h"
#include "program.h"
#include "weights.h"

namespace tools {
namespace {

using mica::array;
namespace fs = std::filesystem;

void report(std::ostream& output, const fs::path& path, const Weights& weights) {
  output << fmt::format("{}: {} tensors, {}\n", path.string(), weights.arrays.size(),
                        readable_bytes(weights.bytes()));
}

mica::nn::QuantizationMode mode_named(const std::string& name) {
  using Mode = mica::nn::QuantizationMode;
  for (const Mode mode : {Mode::affine, Mode::mxfp4, Mode::mxfp8, Mode::nvfp4})
    if (name == mica::nn::name_of(mode)) return mode;
  throw std::invalid_argument(
      fmt::format("--mode: expected affine, mxfp4, mxfp8 or nvfp4, got '{}'", name));
}

// What the weight matrix of a layer is called without ".weight"; none for other arrays.
std::optional<std::string> layer_of(const std::string& name) {
  constexpr std::string_view suffix = ".weight";
  if (!name.ends_with(suffix)) return std::nullopt;
  return name.substr(0, name.size() - suffix.size());
}

// A folder's config.json, which then says how the weights are quantized, as mlx-lm's do.
void copy_config(const QuantizeOptions& options, int bits, int group_size) {
  const fs::path config = options.in / "config.json";
  if (!fs::is_directory(options.in) || !fs::exists(config) || options.out.has_extension()) return;
  std::ifstream file(config);
  nlohmann::ordered_json fields =
      nlohmann::ordered_json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!fields.is_object())
    throw std::invalid_argument(config.string() + ": expected a JSON object");
  fields["quantization"] = {{"group_size", group_size}, {"bits", bits}, {"mode", options.mode}};
  mica::io::ReplacingFile copy("mica quantize", (options.out / "config.json").string());
  const std::string text = fields.dump(2) + "\n";
  copy.write(text.data(), text.size());
  copy.commit();
}

}  // namespace

void convert(const ConvertOptions& options, std::ostream& output) {
  Weights weights = read_weights(options.in);
  if (options.dtype)
    for (auto& [name, a] : weights.arrays)
      if (mica::issubdtype(a.dtype(), mica::floating)) a = astype(a, *options.dtype);
  write_weights(options.out, weights);
  report(output, options.out, weights);
}

void quantize(const QuantizeOptions& options, std::ostream& output) {
  Weights weights = read_weights(options.in);
  const mica::nn::Quantization format = mica::nn::detail::settle(
      {.group_size = options.group_size, .bits = options.bits, .mode = mode_named(options.mode)},
      std::numeric_limits<int>::max());
  const auto skipped = [&](const std::string& name) {
    return std::any_of(options.skip.begin(), options.skip.end(), [&](const std::string& part) {
      return name.find(part) != std::string::npos;
    });
  };
  Weights packed{weights.format, {}, weights.metadata};
  size_t count = 0;
  for (const auto& [name, a] : weights.arrays) {
    const std::optional<std::string> layer = layer_of(name);
    if (!layer || a.ndim() != 2 || !mica::issubdtype(a.dtype(), mica::floating) ||
        a.shape(1) % format.group_size != 0 || skipped(name)) {
      packed.arrays.emplace(name, a);
      continue;
    }
    const std::vector<array> parts =
        mica::quantize(a, format.group_size, format.bits, options.mode);
    packed.arrays.emplace(name, parts[0]);
    packed.arrays.emplace(*layer + ".scales", parts[1]);
    if (parts.size() > 2) packed.arrays.emplace(*layer + ".biases", parts[2]);
    ++count;
  }
  if (count == 0)
    throw std::invalid_argument(fmt::format(
        "{}: expected matrices called '....weight' whose rows are multiples of {}, got none",
        options.in.string(), format.group_size));
  packed.metadata["quantization"] = nlohmann::ordered_json{
      {"group_size", format.group_size},
      {"bits", format.bits},
      {"mode", options.mode}}.dump();
  write_weights(options.out, packed);
  copy_config(options, format.bits, format.group_size);
  output << fmt::format("quantized {} of {} tensors: {} bits, groups of {}, {}\n", count,
                        weights.arrays.size(), format.bits, format.group_size, options.mode);
  output << fmt::format("{} before\n", readable_bytes(weights.bytes()));
  report(output, options.out, packed);
}

}  // namespace tools
