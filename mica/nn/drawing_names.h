// What the operations between layers are called in drawings.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "mica/engine/node.h"

namespace mica::nn::detail {

// "add", "sum", "concatenate".
std::string operation_name(const engine::Node& node);

// Whether an op only rearranges what it reads, and whether it then keeps each element's place
// where shapes are the same.
bool is_view(const engine::Node& node);
bool keeps_order(const engine::Node& node);

// Whether an op is drawn on its own.
bool stands_alone(const engine::Node& node);

// Names compositions by what they compute: activations as mica::nn has them, and means.
class KnownFunctions {
 public:
  // What `node` computes from `source`, each through ops; empty where that has no name.
  // is_source: whether an array is the source.
  using IsSource = std::function<bool(const array&)>;
  std::string name(const engine::Node& node, const IsSource& is_source);

 private:
  const std::map<std::string, std::string>& names(Dtype dtype);
  std::map<uint8_t, std::map<std::string, std::string>> names_;  // by dtype, by formula
};

}  // namespace mica::nn::detail
