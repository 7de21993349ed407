// The op of functions with rules of their own.
#pragma once

#include <memory>
#include <vector>

#include "mica/engine/op.h"
#include "mica/transforms/custom_function.h"

namespace mica::ops {

// Inputs: the outputs of a function, which are passed through, then its arguments. A transform for
// which there is a rule follows the arguments only.
struct CustomFunction {
  std::shared_ptr<const detail::CustomRules> rules;
  int outputs;

  static constexpr const char* name = "custom_function";
  static constexpr bool run_by_engine = true;  // always a view
  static constexpr bool strided_inputs = true;
  bool operator==(const CustomFunction&) const = default;
  void add_to_key(engine::Key& key) const { key.add_field(outputs); }
  bool view(const engine::Layout& in, const Shape&, Strides& out) const {
    out = in.strides;
    return true;
  }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
};

}  // namespace mica::ops
