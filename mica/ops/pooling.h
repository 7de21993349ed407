// Pooling with channels last over one to three spatial axes: x (N, spatial..., C). Padding is added
// on both sides.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica {

// The largest element under each window; padding is never the largest. kernel, stride and padding
// have an entry for each spatial axis. Equal maxima share the gradient, as in mlx.nn.
array max_pool(const array& x, const std::vector<int>& kernel, const std::vector<int>& stride,
               const std::vector<int>& padding, StreamOrDevice s = {});
// The mean of each window, in which padding counts as zeros; integers give float32.
array avg_pool(const array& x, const std::vector<int>& kernel, const std::vector<int>& stride,
               const std::vector<int>& padding, StreamOrDevice s = {});

namespace ops {

struct PoolWindow {
  std::vector<int> kernel, stride, padding;

  bool operator==(const PoolWindow&) const = default;
  void add_to_key(engine::Key& key) const;
};

struct MaxPool {
  PoolWindow window;

  static constexpr const char* name = "max_pool";
  bool operator==(const MaxPool&) const = default;
  void add_to_key(engine::Key& key) const { window.add_to_key(key); }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: MaxPool's input, its output, and a cotangent of that, in which this is linear; piecewise
// constant in the others.
struct MaxPoolBackward {
  PoolWindow window;

  static constexpr const char* name = "max_pool_backward";
  bool operator==(const MaxPoolBackward&) const = default;
  void add_to_key(engine::Key& key) const { window.add_to_key(key); }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

struct AvgPool {
  PoolWindow window;

  static constexpr const char* name = "avg_pool";
  bool operator==(const AvgPool&) const = default;
  void add_to_key(engine::Key& key) const { window.add_to_key(key); }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The transpose of AvgPool, for an input with these spatial sizes.
struct AvgPoolBackward {
  PoolWindow window;
  std::vector<int> spatial;

  static constexpr const char* name = "avg_pool_backward";
  bool operator==(const AvgPoolBackward&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace ops
}  // namespace mica
