#include "mica/ops/contraction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <tuple>

#include "mica/ops/checks.h"

namespace mica::ops {
namespace {

// Parsing.

constexpr int first_ellipsis_label = 256;

// "ab...c": letters in front of the ellipsis and behind it.
struct Subscript {
  std::string text, front, back;
  bool ellipsis = false;

  size_t letters() const { return front.size() + back.size(); }
  // With the last `count` of all axes of ellipses.
  Labels labels(int count, int all) const {
    Labels result(front.begin(), front.end());
    for (int i = all - count; i < all && ellipsis; ++i) result.push_back(first_ellipsis_label + i);
    result.insert(result.end(), back.begin(), back.end());
    return result;
  }
};

Subscript parse_subscript(const char* op, const std::string& text) {
  Subscript result{text, {}, {}};
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "...") == 0) {
      if (result.ellipsis) throw_expected(op, "at most one '...' for each operand", text);
      result.ellipsis = true;
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      (result.ellipsis ? result.back : result.front) += text[i];
    } else {
      throw_expected(op, "subscripts of letters and '...'", fmt::format("'{}'", text[i]));
    }
  }
  return result;
}

std::vector<Subscript> parse_inputs(const char* op, const std::string& text) {
  std::vector<Subscript> inputs;
  for (size_t begin = 0;;) {
    const size_t end = text.find(',', begin);
    inputs.push_back(parse_subscript(op, text.substr(begin, end - begin)));
    if (end == std::string::npos) return inputs;
    begin = end + 1;
  }
}

// The letters that occur once, in order.
std::string implicit_output(const std::vector<Subscript>& inputs) {
  std::map<char, int> counts;
  for (const Subscript& input : inputs) {
    for (const char letter : input.front + input.back) ++counts[letter];
  }
  std::string once;
  for (const auto& [letter, count] : counts) {
    if (count == 1) once += letter;
  }
  return once;
}

// Axes of size 1 broadcast, but not along a diagonal.
void add_sizes(const char* op, const array& a, const Labels& labels, size_t number,
               std::map<int, int>& sizes) {
  std::map<int, int> own;
  for (size_t i = 0; i < labels.size(); ++i) {
    const int size = a.shape()[i];
    const auto name = [&] {
      return labels[i] < first_ellipsis_label ? fmt::format("'{}'", static_cast<char>(labels[i]))
                                              : std::string("'...'");
    };
    const auto [same, is_new] = own.emplace(labels[i], size);
    if (!is_new && same->second != size) {
      throw_expected(op, fmt::format("axes of one size for {} of operand {}", name(), number),
                     to_string(a.shape()));
    }
    int& common = sizes.emplace(labels[i], size).first->second;
    if (common == 1) common = size;
    if (size != common && size != 1) {
      throw_expected(op, fmt::format("size {} for {} of operand {}", common, name(), number),
                     to_string(a.shape()));
    }
  }
}

// Finding a path.

using LabelSet = std::set<int>;

LabelSet set_of(const Labels& labels) { return {labels.begin(), labels.end()}; }

void merge(LabelSet& into, const LabelSet& labels) { into.insert(labels.begin(), labels.end()); }

double size_of(const LabelSet& labels, const std::map<int, int>& sizes) {
  double size = 1;
  for (const int label : labels) size *= sizes.at(label);
  return size;
}

PathCost cost_of(const LabelSet& loop, bool sums, size_t operands,
                 const std::map<int, int>& sizes) {
  const double factor = static_cast<double>(std::max<size_t>(1, operands - 1)) + (sums ? 1 : 0);
  return {size_of(loop, sizes) * factor, loop.size()};
}

struct Step {
  std::vector<int> positions;
  LabelSet result;
  PathCost cost;
  double growth = 0;  // elements of the result less those of the operands
};

Step step_of(const std::vector<LabelSet>& inputs, std::vector<int> positions,
             const LabelSet& output, const std::map<int, int>& sizes) {
  LabelSet loop, kept = output;
  Step step;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    const LabelSet& input = inputs[static_cast<size_t>(i)];
    const bool contracted = std::find(positions.begin(), positions.end(), i) != positions.end();
    merge(contracted ? loop : kept, input);
    if (contracted) step.growth -= size_of(input, sizes);
  }
  std::set_intersection(loop.begin(), loop.end(), kept.begin(), kept.end(),
                        std::inserter(step.result, step.result.end()));
  step.growth += size_of(step.result, sizes);
  step.cost = cost_of(loop, step.result.size() < loop.size(), positions.size(), sizes);
  step.positions = std::move(positions);
  return step;
}

bool disjoint(const LabelSet& a, const LabelSet& b) {
  return std::none_of(a.begin(), a.end(), [&](int label) { return b.contains(label); });
}

// Of steps that free as many elements the cheaper one comes first.
bool is_better(const Step& a, const Step& b) {
  return std::tuple(a.growth, a.cost.flops) < std::tuple(b.growth, b.cost.flops);
}

// The steps that are left once `done` has been taken, with its positions gone.
std::vector<Step> renumbered(std::vector<Step> steps, const Step& done) {
  std::erase_if(steps, [&](const Step& step) {
    return std::find_first_of(step.positions.begin(), step.positions.end(), done.positions.begin(),
                              done.positions.end()) != step.positions.end();
  });
  for (Step& step : steps) {
    for (int& position : step.positions) {
      position -= static_cast<int>(std::count_if(done.positions.begin(), done.positions.end(),
                                                 [&](int gone) { return gone < position; }));
    }
  }
  return steps;
}

template <class T>
void erase_positions(std::vector<T>& items, const std::vector<int>& positions) {
  for (auto position = positions.rbegin(); position != positions.rend(); ++position) {
    items.erase(items.begin() + *position);
  }
}

std::vector<int> first_numbers(size_t count) {
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

Contraction parse_contraction(const char* op, const std::string& subscripts,
                              const std::vector<array>& operands) {
  if (operands.empty()) throw_expected(op, "at least one operand", "none");
  std::string text;
  std::copy_if(subscripts.begin(), subscripts.end(), std::back_inserter(text),
               [](char c) { return c != ' '; });
  const size_t arrow = text.find("->");
  const std::vector<Subscript> inputs = parse_inputs(op, text.substr(0, arrow));
  if (inputs.size() != operands.size()) {
    throw_expected(op, fmt::format("an operand for each of {} subscripts", inputs.size()),
                   std::to_string(operands.size()));
  }
  std::vector<int> counts;  // of the axes that each ellipsis stands for
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t letters = inputs[i].letters(), ndim = operands[i].ndim();
    if (inputs[i].ellipsis ? letters > ndim : letters != ndim) {
      throw_expected(op, fmt::format("operand {} with the axes '{}'", i, inputs[i].text),
                     to_string(operands[i].shape()));
    }
    counts.push_back(static_cast<int>(ndim - letters));
  }
  const int all = *std::max_element(counts.begin(), counts.end());

  Contraction result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    result.inputs.push_back(inputs[i].labels(counts[i], all));
    add_sizes(op, operands[i], result.inputs.back(), i, result.sizes);
  }
  Subscript output{{}, {}, implicit_output(inputs), true};
  if (arrow != std::string::npos) output = parse_subscript(op, text.substr(arrow + 2));
  result.output = output.labels(all, all);
  for (const int label : result.output) {
    if (!result.sizes.contains(label)) {
      throw_expected(op, "output subscripts that operands have", output.text);
    }
  }
  if (set_of(result.output).size() != result.output.size()) {
    throw_expected(op, "each output subscript once", output.text);
  }
  return result;
}

std::set<int> kept_labels(const std::vector<Labels>& inputs, const std::vector<int>& positions,
                          const Labels& output) {
  std::vector<Labels> others = inputs;
  erase_positions(others, positions);
  std::set<int> kept = set_of(output);
  for (const Labels& input : others) kept.insert(input.begin(), input.end());
  return kept;
}

PathCost naive_cost(const Contraction& contraction) {
  LabelSet loop;
  for (const Labels& input : contraction.inputs) loop.insert(input.begin(), input.end());
  return cost_of(loop, contraction.output.size() < loop.size(), contraction.inputs.size(),
                 contraction.sizes);
}

std::pair<ContractionPath, PathCost> contraction_path(const Contraction& contraction) {
  std::vector<LabelSet> inputs;
  double most_elements = size_of(set_of(contraction.output), contraction.sizes);
  for (const Labels& input : contraction.inputs) {
    inputs.push_back(set_of(input));
    most_elements = std::max(most_elements, size_of(inputs.back(), contraction.sizes));
  }
  const double most_flops = naive_cost(contraction).flops;
  const LabelSet output = set_of(contraction.output);

  ContractionPath path;
  PathCost cost;
  std::vector<Step> candidates;  // once found allowed, a pair stays one
  while (path.empty() || inputs.size() > 1) {
    const auto last = static_cast<int>(inputs.size()) - 1;
    const auto add_pairs = [&](bool outer_products) {
      for (int i = 0; i < last; ++i) {
        for (int j = path.empty() ? i + 1 : last; j <= last; ++j) {
          if (!outer_products &&
              disjoint(inputs[static_cast<size_t>(i)], inputs[static_cast<size_t>(j)])) {
            continue;
          }
          Step step = step_of(inputs, {i, j}, output, contraction.sizes);
          if (size_of(step.result, contraction.sizes) > most_elements) continue;
          if (cost.flops + step.cost.flops <= most_flops) candidates.push_back(std::move(step));
        }
      }
    };
    if (inputs.size() > 2) add_pairs(false);
    if (inputs.size() > 2 && candidates.empty()) add_pairs(true);
    const Step step = candidates.empty()
                          ? step_of(inputs, first_numbers(inputs.size()), output, contraction.sizes)
                          : *std::min_element(candidates.begin(), candidates.end(), is_better);
    cost.flops += step.cost.flops;
    cost.scaling = std::max(cost.scaling, step.cost.scaling);
    erase_positions(inputs, step.positions);
    inputs.push_back(step.result);
    path.push_back(step.positions);
    candidates = renumbered(std::move(candidates), step);
  }
  return {path, cost};
}

}  // namespace mica::ops
