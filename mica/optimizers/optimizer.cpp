#include "mica/optimizers/optimizer.h"

#include <stdexcept>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using mica::detail::join_path;
using nn::weak;

Optimizer::Optimizer(const char* name, const LearningRate& learning_rate, bool required)
    : name_(name), schedule_(learning_rate.schedule()) {
  state_["step"] = array(0, uint64);
  if (schedule_)
    state_["learning_rate"] = schedule_(step());
  else if (learning_rate.value())
    state_["learning_rate"] = *learning_rate.value();
  else if (required)
    fail("a learning_rate", "none");
  else
    return;
  if (const array& rate = state_["learning_rate"]; rate.ndim() != 0)
    fail("a learning_rate of shape ()", to_string(rate.shape()));
}

void Optimizer::fail(const std::string& expected, const std::string& got) const {
  throw std::invalid_argument(std::string(name_) + ": expected " + expected + ", got " + got);
}

void Optimizer::check_betas(const std::array<double, 2>& betas) const {
  for (const double beta : betas)
    if (!(beta >= 0 && beta < 1)) fail("betas in [0, 1)", nn::repr(beta));
}

array Optimizer::learning_rate_like(const array& gradient) const {
  return astype(learning_rate(), gradient.dtype());
}

void Optimizer::update(nn::Module& model, const Tree& gradients) {
  model.update(apply_gradients(gradients, model.parameters()));
}

Tree Optimizer::apply_gradients(const Tree& gradients, const Tree& parameters) {
  check(gradients, parameters);
  if (!initialized_) init(gradients);
  count_step();
  return apply(gradients, parameters, state_);
}

void Optimizer::count_step() {
  if (schedule_) state_["learning_rate"] = schedule_(step());
  state_["step"] = step() + array(1, uint64);
}

void Optimizer::init(const Tree& parameters) {
  for (const char* key : {"step", "learning_rate"})
    if (parameters.contains(key)) fail("parameters by other names", key);
  init(parameters, state_);
  initialized_ = true;
}

Tree Optimizer::state() const { return state_; }

array Optimizer::step() const { return state_["step"]; }

array Optimizer::learning_rate() const { return state_["learning_rate"]; }

void Optimizer::set_learning_rate(const array& value) { state_["learning_rate"] = value; }

void Optimizer::set_state(Tree state) {
  for (const char* key : {"step", "learning_rate"})
    if (state_.contains(key) && !state.contains(key))
      fail(std::string("a state with ") + key, "none");
  state_ = std::move(state);
  initialized_ = false;
}

void Optimizer::check(const Tree& gradients, const Tree& parameters,
                      const std::string& path) const {
  auto fail_at = [&](const std::string& expected, const std::string& got) {
    fail(path.empty() ? expected : expected + " for " + path, got);
  };
  if (gradients.is_leaf()) {
    if (!parameters.is_leaf()) fail_at(parameters.kind(), "one gradient");
    if (gradients.shape() != parameters.shape())
      fail_at("a gradient " + to_string(parameters.shape()), to_string(gradients.shape()));
  } else if (gradients.empty()) {
    return;
  } else if (gradients.is_list()) {
    if (!parameters.is_list()) fail_at(parameters.kind(), "a list");
    const auto& elements = gradients.elements();
    if (elements.size() > parameters.size())
      fail_at("at most " + std::to_string(parameters.size()) + " gradients",
              std::to_string(elements.size()));
    for (size_t i = 0; i < elements.size(); ++i)
      check(elements[i], parameters[i], join_path(path, std::to_string(i)));
  } else {
    if (!parameters.is_dict()) fail_at(parameters.kind(), "a dictionary");
    for (const auto& [key, gradient] : gradients.items()) {
      const Tree* parameter = parameters.find(key);
      if (!parameter) fail_at("gradients of parameters", "'" + key + "'");
      check(gradient, *parameter, join_path(path, key));
    }
  }
}

void Optimizer::init(const Tree& parameters, Tree& state) {
  if (parameters.is_leaf()) {
    if (state.is_dict() && state.empty()) init_single(parameters, state);
  } else if (parameters.is_list()) {
    if (state.empty()) state = Tree::list();
    for (size_t i = 0; i < parameters.elements().size(); ++i) {
      if (i == state.elements().size()) state.push_back(Tree());
      init(parameters[i], state[i]);
    }
  } else {
    for (const auto& [key, parameter] : parameters.items()) init(parameter, state[key]);
  }
}

Tree Optimizer::apply(const Tree& gradients, const Tree& parameters, Tree& state) const {
  if (gradients.is_leaf()) return apply_single(gradients, parameters, state);
  Tree out = gradients.is_list() ? Tree::list() : Tree();
  if (gradients.is_list()) {
    for (size_t i = 0; i < gradients.elements().size(); ++i)
      out.push_back(apply(gradients[i], parameters[i], state[i]));
  } else {
    for (const auto& [key, gradient] : gradients.items())
      out.items().emplace_back(key, apply(gradient, parameters[key], state[key]));
  }
  return out;
}

void collect_arrays(std::vector<array>& out, const Optimizer& optimizer) {
  mica::collect_arrays(out, optimizer.state());
}

std::pair<Tree, array> clip_grad_norm(const Tree& gradients, const array& max_norm) {
  std::optional<array> squares;
  tree_map(
      [&](const array& gradient) {
        const bool narrow = gradient.dtype() == float16;
        const array square_sum = sum(square(narrow ? astype(gradient, float32) : gradient));
        squares = squares ? *squares + square_sum : square_sum;
      },
      gradients);
  const array norm = squares ? sqrt(*squares) : array(0.0f);
  const array limit = max_norm.ndim() == 0 ? astype(max_norm, norm.dtype()) : max_norm;
  const array scale = minimum(limit / (norm + weak(1e-6, norm)), weak(1.0, norm));
  auto scaled = [&](const array& gradient) { return astype(gradient * scale, gradient.dtype()); };
  return {tree_map(scaled, gradients), norm};
}

std::pair<Tree, array> clip_grad_norm(const Tree& gradients, double max_norm) {
  if (!(max_norm >= 0))
    throw std::invalid_argument("clip_grad_norm: expected max_norm of at least 0, got " +
                                nn::repr(max_norm));
  return clip_grad_norm(gradients, array(max_norm));
}

}  // namespace mica::optimizers
