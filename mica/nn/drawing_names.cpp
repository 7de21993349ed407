#include "mica/nn/drawing_names.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "mica/fast/attention.h"
#include "mica/fast/recurrence.h"
#include "mica/nn/activations.h"
#include "mica/ops/convolution.h"
#include "mica/ops/elementwise/elementwise.h"
#include "mica/ops/gather_mm.h"
#include "mica/ops/indexing.h"
#include "mica/ops/joining.h"
#include "mica/ops/matmul.h"
#include "mica/ops/ops.h"
#include "mica/ops/quantized.h"
#include "mica/ops/reduce.h"
#include "mica/ops/softmax.h"
#include "mica/ops/views.h"

namespace mica::nn::detail {

namespace {

using engine::Node;

template <class... T>
bool is_any(const Node& node) {
  return node.op && ((node.op->id == op_id<T>()) || ...);
}

constexpr size_t longest_formula = 400;

// A constant that is written out in a formula.
std::optional<double> constant(const array& a) {
  if (a.size() != 1 || !a.is_available() || a.dtype() == complex64) return std::nullopt;
  return array(a).astype(float64).item<double>();
}

// "multiply(x,sigmoid(x))". Empty where another array than the source is read, or much is done.
std::string formula(const array& a, const KnownFunctions::IsSource& is_source, int depth = 0) {
  if (is_source(a)) return "x";
  if (const auto value = constant(a)) return fmt::format("{:.6g}", *value);
  const Node& node = a.node();
  if (!node.op || depth > 24) return "";
  if (is_any<ops::BroadcastTo>(node)) return formula(node.inputs()[0], is_source, depth + 1);
  std::string text = operation_name(node) + '(';
  const char* separator = "";
  for (const array& input : node.inputs()) {
    const std::string part = formula(input, is_source, depth + 1);
    if (part.empty() || text.size() + part.size() > longest_formula) return "";
    text += separator + part;
    separator = ",";
  }
  return text + ')';
}

using Function = array (*)(const array&);
const std::pair<const char*, Function> activations[] = {
    {"sigmoid", sigmoid},
    {"relu", relu},
    {"relu2", relu2},
    {"relu6", relu6},
    {"leaky_relu", [](const array& x) { return leaky_relu(x); }},
    {"elu", [](const array& x) { return elu(x); }},
    {"softplus", softplus},
    {"softsign", softsign},
    {"celu", [](const array& x) { return celu(x); }},
    {"silu", silu},
    {"log_sigmoid", log_sigmoid},
    {"gelu", gelu},
    {"gelu_approx", gelu_approx},
    {"gelu_fast_approx", gelu_fast_approx},
    {"selu", selu},
    {"mish", mish},
    {"hardswish", hardswish},
    {"hard_tanh", [](const array& x) { return hard_tanh(x); }},
    {"tanh", tanh},
};

// multiply(sum(x), 1 / count), as mica::mean is.
bool is_mean(const Node& node, const KnownFunctions::IsSource& is_source) {
  if (!is_any<ops::Multiply>(node)) return false;
  const array &total = node.inputs()[0], &scale = node.inputs()[1];
  const array* sum = &total;
  while (is_any<ops::Reshape>(sum->node()) && !is_source(*sum)) sum = &sum->node().inputs()[0];
  if (!is_any<ops::Reduce>(sum->node()) || operation_name(sum->node()) != "sum") return false;
  const array& x = sum->node().inputs()[0];
  const auto value = constant(scale);
  if (!is_source(x) || !value || x.size() == 0) return false;
  const double expected = static_cast<double>(total.size()) / static_cast<double>(x.size());
  return std::abs(*value - expected) <= 0.01 * expected;
}

}  // namespace

std::string operation_name(const Node& node) {
  if (is_any<ops::Reduce>(node)) {
    constexpr const char* kinds[] = {"sum", "prod", "min", "max", "all", "any"};
    return kinds[static_cast<size_t>(engine::attributes<ops::Reduce>(*node.op).kind)];
  }
  return node.op->info().name;
}

bool keeps_order(const Node& node) {
  return is_any<ops::BroadcastTo, ops::Contiguous, ops::Depends, ops::Identity, ops::Reshape,
                ops::StopGradient>(node);
}

bool is_view(const Node& node) { return keeps_order(node) || is_any<ops::Transpose>(node); }

bool stands_alone(const Node& node) {
  return is_any<ops::AddMM, ops::Attention, ops::Concatenate, ops::Convolution, ops::Gather,
                ops::GatherAxis, ops::GatherMM, ops::GatherQmm, ops::Matmul, ops::QuantizedMatmul,
                ops::Recurrence, ops::Softmax>(node);
}

const std::map<std::string, std::string>& KnownFunctions::names(Dtype dtype) {
  auto& names = names_[static_cast<uint8_t>(dtype.val())];
  if (!names.empty()) return names;
  const array x = engine::make_placeholder({2, 3}, dtype, to_stream({}));
  for (const auto& [name, function] : activations)
    names.emplace(formula(function(x), [&](const array& a) { return a.id() == x.id(); }), name);
  return names;
}

std::string KnownFunctions::name(const Node& node, const IsSource& is_source) {
  if (!node.op || !node.op->info().elementwise) return "";
  if (is_mean(node, is_source)) return "mean";
  const array a(const_cast<Node*>(&node), 0);
  const std::string text = formula(a, is_source);
  if (text.empty() || !issubdtype(a.dtype(), inexact)) return "";
  const auto& known = names(a.dtype());
  const auto found = known.find(text);
  return found == known.end() ? "" : found->second;
}

}  // namespace mica::nn::detail
