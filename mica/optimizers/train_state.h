// A training run as a file, to go on from as if it had not been interrupted.
#pragma once

#include <cstdint>
#include <string>

#include "mica/nn/module.h"
#include "mica/optimizers/optimizer.h"

namespace mica {

// The model (all of its state, BatchNorm's statistics too), the optimizer (its step, at which
// schedules are, among it), the calling thread's random numbers, and the place in the data. They
// are used where they are: they must outlive this.
//
//   TrainState state(model, optimizer);
//   if (std::filesystem::exists(file)) state.load(file);
//   for (; state.position < batches; ++state.position) {
//     train(state.position);
//     if (state.position % 1000 == 999) state.save(file);
//   }
class TrainState {
 public:
  TrainState(nn::Module& model, optimizers::Optimizer& optimizer)
      : model_(model), optimizer_(optimizer) {}

  uint64_t position = 0;  // of the caller's counting

  // One safetensors file, replaced at once. Throws std::system_error where it can't be written.
  void save(const std::string& file) const;
  // Throws std::invalid_argument, and changes nothing, where the file is not of a model and an
  // optimizer as these: names, shapes and dtypes must agree. Which parameters are frozen and
  // whether the model trains is not stored.
  void load(const std::string& file);

 private:
  nn::Module& model_;
  optimizers::Optimizer& optimizer_;
};

}  // namespace mica
