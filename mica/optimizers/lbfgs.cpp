#include "mica/optimizers/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/optimizers/line_search.h"

namespace mica::optimizers {

namespace {

std::vector<array> leaves_of(const Tree& tree) {
  std::vector<array> leaves;
  collect_arrays(leaves, tree);
  return leaves;
}

// All elements as one vector.
array flat(const Tree& tree) {
  Dtype dtype = float32;
  const std::vector<array> leaves = leaves_of(tree);
  for (const array& leaf : leaves) dtype = promote_types(dtype, leaf.dtype());
  std::vector<array> parts;
  for (const array& leaf : leaves) parts.push_back(astype(reshape(leaf, {-1}), dtype));
  return parts.empty() ? zeros({0}) : concatenate(parts, 0);
}

// The parameters at the gradients' paths, moved.
Tree moved(const Tree& gradients, const Tree& parameters, const array& move) {
  int begin = 0;
  const auto add_part = [&](const array& gradient, const array& parameter) {
    const int end = begin + static_cast<int>(gradient.size());
    const array part = reshape(slice(move, {begin}, {end}), parameter.shape());
    begin = end;
    return astype(astype(parameter, move.dtype()) + part, parameter.dtype());
  };
  return tree_map(add_part, gradients, parameters);
}

array dot(const array& a, const array& b) { return sum(a * b); }

double number(const array& a) { return astype(a, float64).item<double>(); }

}  // namespace

LBFGS::LBFGS(const Options& options)
    : Optimizer("LBFGS", options.learning_rate), options_(options) {
  if (options.max_iter < 1) fail("max_iter of at least 1", nn::repr(options.max_iter));
  if (options.history_size < 1) fail("history_size of at least 1", nn::repr(options.history_size));
}

void LBFGS::remember(const array& gradient) {
  if (gradient_ && move_) {
    if (gradient.shape() != gradient_->shape())
      fail("gradients of " + std::to_string(gradient_->size()) + " elements as before",
           std::to_string(gradient.size()));
    const array change = gradient - *gradient_;
    const array curvature = dot(change, *move_);
    const array curved = curvature > array(1e-10, curvature.dtype());
    const array safe = where(curved, curvature, ones_like(curvature));
    pairs_.push_back({*move_, change, where(curved, reciprocal(safe), zeros_like(safe))});
    if (pairs_.size() > static_cast<size_t>(options_.history_size)) pairs_.erase(pairs_.begin());
    const array length = where(curved, dot(change, change), ones_like(safe));
    scale_ = where(curved, safe / length, astype(scale_, safe.dtype()));
  }
  gradient_ = gradient;
}

array LBFGS::direction(const array& gradient) const {
  array out = -gradient;
  std::vector<array> shares;
  for (auto pair = pairs_.rbegin(); pair != pairs_.rend(); ++pair) {
    shares.push_back(pair->weight * dot(pair->step, out));
    out = out - shares.back() * pair->change;
  }
  out = out * scale_;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const Pair& pair = pairs_[i];
    const array share = shares[pairs_.size() - 1 - i] - pair.weight * dot(pair.change, out);
    out = out + share * pair.step;
  }
  return out;
}

// The learning rate; before there is a history, of a direction with elements of at most 1 in sum.
array LBFGS::step_length(const array& gradient) const {
  const array rate = learning_rate_like(gradient);
  if (move_) return rate;
  return rate * minimum(nn::weak(1.0, rate), reciprocal(sum(abs(gradient))));
}

Tree LBFGS::apply_gradients(const Tree& gradients, const Tree& parameters) {
  check(gradients, parameters);
  count_step();
  const array gradient = flat(gradients);
  remember(gradient);
  const array move = direction(gradient) * step_length(gradient);
  move_ = move;
  return moved(gradients, parameters, move);
}

std::pair<array, Tree> LBFGS::minimize(const Tree& parameters, const Function& function) {
  const int max_eval = options_.max_eval.value_or(options_.max_iter * 5 / 4);
  const auto [first, at_start] = function(parameters);
  const Tree& gradients = at_start;  // whose structure all gradients have
  check(gradients, parameters);
  Tree current = parameters;
  array gradient = flat(gradients);
  double value = number(first);
  int evaluations = 1;
  const auto is_small = [&] {
    return gradient.size() == 0 || number(max(abs(gradient))) <= options_.tolerance_grad;
  };
  for (int i = 1; i <= options_.max_iter && !is_small(); ++i) {
    count_step();
    remember(gradient);
    const array along = direction(gradient);
    const double slope = number(dot(gradient, along));
    if (!(slope <= -options_.tolerance_change)) {
      move_ = zeros_like(gradient);
      break;
    }
    const array rate = step_length(gradient);
    const double before = value;
    const Tree start = current;
    // Moves to start + step * along and evaluates there.
    const auto evaluate = [&](double step) {
      current = moved(gradients, start, along * array(step, along.dtype()));
      auto [new_loss, new_gradients] = function(current);
      gradient = flat(new_gradients);
      value = number(new_loss);
      ++evaluations;
      return LinePoint{step, value, number(dot(gradient, along))};
    };
    double step = number(rate);
    if (options_.line_search == LineSearch::strong_wolfe) {
      double last = 0;
      const std::function<LinePoint(double)> at = [&](double t) {
        last = t;
        return evaluate(t);
      };
      const double largest = number(max(abs(along)));
      const WolfeOptions wolfe{.tolerance = options_.tolerance_change};
      step = strong_wolfe(at, {0, before, slope}, step, largest, wolfe).step;
      if (step != last) evaluate(step);
    } else if (i < options_.max_iter) {
      evaluate(step);
    } else {
      current = moved(gradients, start, along * rate);
    }
    const array move = along * array(step, along.dtype());
    move_ = move;
    eval(*move_, current, state());  // not a graph of all iterations
    const bool stays = number(max(abs(move))) <= options_.tolerance_change;
    const bool is_flat = std::abs(value - before) < options_.tolerance_change;
    if (evaluations >= max_eval || stays || is_flat) break;
  }
  return {first, current};
}

void LBFGS::init(const Tree&) {}

Tree LBFGS::state() const {
  Tree state = Optimizer::state();
  Tree& history = state["history"];
  history["scale"] = scale_;
  if (gradient_) history["gradient"] = *gradient_;
  if (move_) history["move"] = *move_;
  for (const Pair& pair : pairs_) {
    if (!history.contains("pairs")) history["pairs"] = Tree::list();
    history["pairs"].push_back(
        Tree::dict({{"step", pair.step}, {"change", pair.change}, {"weight", pair.weight}}));
  }
  return state;
}

void LBFGS::set_state(Tree state) {
  if (!state.contains("history")) fail("a state with history", "none");
  const Tree history = state["history"];
  std::erase_if(state.items(), [](const auto& entry) { return entry.first == "history"; });
  const auto entry = [&](const char* key) {
    return history.contains(key) ? std::optional<array>(history[key]) : std::nullopt;
  };
  std::vector<Pair> pairs;
  if (history.contains("pairs"))
    for (const Tree& pair : history["pairs"].elements())
      pairs.push_back({pair["step"], pair["change"], pair["weight"]});
  const array scale = history["scale"];
  Optimizer::set_state(std::move(state));
  pairs_ = std::move(pairs);
  gradient_ = entry("gradient");
  move_ = entry("move");
  scale_ = scale;
}

void LBFGS::init_single(const array&, Tree&) const {
  throw std::logic_error("LBFGS::init_single: its state is of all parameters together");
}

array LBFGS::apply_single(const array&, const array&, Tree&) const {
  throw std::logic_error("LBFGS::apply_single: its steps are of all parameters together");
}

}  // namespace mica::optimizers
