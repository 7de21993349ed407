// What PyTorch calls the arrays of mica's layers, and how it lays them out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mica/nn/module.h"

namespace mica::nn {

// Arrays of a state_dict that together give one of mica's.
struct TorchSource {
  std::vector<std::string> names;
  // None where the arrays have not the number of axes that they must.
  std::function<std::optional<array>(const std::vector<array>&)> convert;
};

// An array of a model.
struct TorchTarget {
  std::string path;
  Shape shape;
  std::vector<TorchSource> sources;  // the first of which all names are there is taken
  // Where arrays go: itself, or a quantized layer's codes and scales.
  std::function<std::vector<std::pair<array*, array>>(const array&)> place;
};

struct TorchNames {
  std::vector<TorchTarget> targets;
  std::unordered_set<std::string> ignored;  // of a state_dict, of no use here
};
TorchNames torch_names(Module& model);

}  // namespace mica::nn
