#include "mica/optimizers/averages.h"

#include <stdexcept>

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

AveragedWeights::AveragedWeights(const char* name) : name_(name) {
  state_["step"] = array(0, uint64);
  state_["average"] = Tree();
}

void AveragedWeights::update(const Tree& parameters) {
  const array count = state_["step"];
  Tree& average = state_["average"];
  average = average.empty() ? parameters
                            : tree_map(
                                  [&](const array& mean, const array& parameter) {
                                    return issubdtype(mean.dtype(), inexact)
                                               ? averaged(mean, parameter, count)
                                               : parameter;
                                  },
                                  average, parameters);
  state_["step"] = count + array(1, uint64);
}

const Tree& AveragedWeights::parameters() const {
  const Tree& average = state_["average"];
  if (average.empty())
    throw std::invalid_argument(std::string(name_) + ": expected an update before parameters()");
  return average;
}

void AveragedWeights::set_state(Tree state) {
  for (const char* key : {"step", "average"})
    if (!state.contains(key))
      throw std::invalid_argument(std::string(name_) + ": expected a state with " + key +
                                  ", got none");
  state_ = std::move(state);
}

EMA::EMA(const Options& options) : AveragedWeights("EMA"), options_(options) {
  if (!(options.decay >= 0 && options.decay < 1))
    throw std::invalid_argument("EMA: expected decay in [0, 1), got " + nn::repr(options.decay));
}

array EMA::averaged(const array& average, const array& parameter, const array&) const {
  return nn::weak(options_.decay, average) * average +
         nn::weak(1 - options_.decay, parameter) * parameter;
}

array SWA::averaged(const array& average, const array& parameter, const array& count) const {
  const array share = reciprocal(astype(count, float32) + array(1.0f));
  return average + (parameter - average) * astype(share, average.dtype());
}

}  // namespace mica::optimizers
