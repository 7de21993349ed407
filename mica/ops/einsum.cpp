#include "mica/ops/einsum.h"

#include <fmt/format.h>

#include <algorithm>

#include "mica/ops/contraction.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace {

using ops::Labels;

struct Operand {
  array value;
  Labels labels;  // of its axes, each once

  int axis(int label) const {
    return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
  }
  bool has(int label) const { return axis(label) < static_cast<int>(labels.size()); }
  int size(int label) const { return value.shape(axis(label)); }
};

Operand with_diagonals(array value, Labels labels, const StreamOrDevice& s) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto twin = std::find(labels.begin() + static_cast<int>(i) + 1, labels.end(), labels[i]);
    if (twin == labels.end()) continue;
    const int label = labels[i];
    value = diagonal(value, 0, static_cast<int>(i), static_cast<int>(twin - labels.begin()), s);
    labels.erase(twin);
    labels.erase(labels.begin() + static_cast<int>(i));
    labels.push_back(label);
    --i;
  }
  return {value, labels};
}

Operand sum_over(const Operand& operand, const std::vector<int>& labels, const StreamOrDevice& s) {
  if (labels.empty()) return operand;
  std::vector<int> axes;
  Operand result = operand;
  for (const int label : labels) {
    axes.push_back(operand.axis(label));
    std::erase(result.labels, label);
  }
  result.value = sum(operand.value, axes, false, s);
  return result;
}

Operand sum_all_but(const Operand& operand, const std::set<int>& kept, const StreamOrDevice& s) {
  std::vector<int> summed;
  for (const int label : operand.labels) {
    if (!kept.contains(label)) summed.push_back(label);
  }
  return sum_over(operand, summed, s);
}

std::vector<int> axes_of(const Operand& operand, const Labels& labels) {
  std::vector<int> axes;
  for (const int label : labels) axes.push_back(operand.axis(label));
  return axes;
}

Labels joined(Labels a, const Labels& b, const Labels& c = {}) {
  a.insert(a.end(), b.begin(), b.end());
  a.insert(a.end(), c.begin(), c.end());
  return a;
}

// The operand's axes of the three groups, the last two made one axis each.
array as_matrices(const Operand& operand, const Labels& batch, const Labels& rows,
                  const Labels& columns, const StreamOrDevice& s) {
  Shape shape;
  for (const int label : batch) shape.push_back(operand.size(label));
  for (const Labels* group : {&rows, &columns}) {
    int64_t size = 1;
    for (const int label : *group) size *= operand.size(label);
    shape.push_back(safe_cast(size, "einsum"));
  }
  const Labels order = joined(batch, rows, columns);
  return reshape(transpose(operand.value, axes_of(operand, order), s), shape, s);
}

// The operand's axes in the order of labels, with axes of size 1 for those it has not.
array aligned(const Operand& operand, const Labels& labels, const StreamOrDevice& s) {
  std::vector<int> axes;
  Shape shape;
  for (const int label : labels) {
    if (operand.has(label)) axes.push_back(operand.axis(label));
    shape.push_back(operand.has(label) ? operand.size(label) : 1);
  }
  return reshape(transpose(operand.value, axes, s), shape, s);
}

// The product of a and b, summed over the labels that are not kept: a matrix product where both
// have such a label.
Operand contract(Operand a, Operand b, const std::set<int>& kept, const StreamOrDevice& s) {
  // Summed beforehand: labels of one operand, and those along which one of them broadcasts.
  const auto sum_alone = [&](const Operand& x, const Operand& other) {
    std::vector<int> summed;
    for (const int label : x.labels) {
      if (kept.contains(label)) continue;
      if (!other.has(label) || other.size(label) != x.size(label)) summed.push_back(label);
    }
    return sum_over(x, summed, s);
  };
  const Operand summed_a = sum_alone(a, b), summed_b = sum_alone(b, a);
  a = summed_a;
  b = summed_b;

  Labels batch, rows, columns, summed;
  for (const int label : a.labels) {
    (!b.has(label) ? rows : kept.contains(label) ? batch : summed).push_back(label);
  }
  for (const int label : b.labels) {
    if (!a.has(label)) columns.push_back(label);
  }
  const Labels labels = joined(batch, rows, columns);
  if (summed.empty()) return {multiply(aligned(a, labels, s), aligned(b, labels, s), s), labels};

  const array product =
      matmul(as_matrices(a, batch, rows, summed, s), as_matrices(b, batch, summed, columns, s), s);
  Shape shape(product.shape().begin(), product.shape().begin() + batch.size());
  for (const int label : rows) shape.push_back(a.size(label));
  for (const int label : columns) shape.push_back(b.size(label));
  return {reshape(product, shape, s), labels};
}

}  // namespace

array einsum(const std::string& subscripts, const std::vector<array>& operands, StreamOrDevice s) {
  const ops::Contraction contraction = ops::parse_contraction("einsum", subscripts, operands);
  std::vector<Operand> remaining;
  for (size_t i = 0; i < operands.size(); ++i) {
    remaining.push_back(with_diagonals(operands[i], contraction.inputs[i], s));
  }
  for (std::vector<int> positions : ops::contraction_path(contraction).first) {
    // One after the other, where the path takes more than two at once.
    while (true) {
      std::vector<Labels> labels;
      for (const Operand& operand : remaining) labels.push_back(operand.labels);
      const auto first = static_cast<size_t>(positions.front());
      if (positions.size() == 1) {
        const auto kept = ops::kept_labels(labels, positions, contraction.output);
        remaining[first] = sum_all_but(remaining[first], kept, s);
        break;
      }
      const auto second = static_cast<size_t>(positions[1]);
      const auto kept = ops::kept_labels(labels, {positions[0], positions[1]}, contraction.output);
      const Operand result = contract(remaining[first], remaining[second], kept, s);
      remaining.erase(remaining.begin() + positions[1]);
      remaining.erase(remaining.begin() + positions[0]);
      remaining.push_back(result);
      if (positions.size() == 2) break;
      positions.erase(positions.begin(), positions.begin() + 2);
      for (int& position : positions) position -= 2;
      positions.push_back(static_cast<int>(remaining.size()) - 1);
    }
  }
  const Operand& result = remaining.front();
  return transpose(result.value, axes_of(result, contraction.output), s);
}

std::pair<std::vector<std::vector<int>>, std::string> einsum_path(
    const std::string& subscripts, const std::vector<array>& operands) {
  const ops::Contraction contraction = ops::parse_contraction("einsum_path", subscripts, operands);
  const auto [path, cost] = ops::contraction_path(contraction);
  const ops::PathCost naive = ops::naive_cost(contraction);
  return {path, fmt::format("  Complete contraction:  {}\n"
                            "         Naive scaling:  {}\n"
                            "     Optimized scaling:  {}\n"
                            "      Naive FLOP count:  {:.0f}\n"
                            "  Optimized FLOP count:  {:.0f}\n",
                            subscripts, naive.scaling, cost.scaling, naive.flops, cost.flops)};
}

}  // namespace mica
