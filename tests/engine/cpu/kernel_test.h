// What the tests of the CPU kernels share: operands with edge cases, and the instruction sets.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "mica/engine/cpu/targets.h"

#include <hwy/highway.h>

#include "mica/engine/cpu/kernel_tables.h"

namespace mica::cpu {

// Each test runs over the kernels of every instruction set that this machine has.
class KernelTest : public testing::TestWithParam<int64_t> {
 protected:
  KernelTest() {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    tables = make_kernel_tables();
  }
  ~KernelTest() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }

  KernelTables tables;
};

inline std::vector<int64_t> kernel_targets() {
  std::vector<int64_t> found;
  const int64_t supported = hwy::SupportedTargets();
  hwy::GetChosenTarget().Update(supported);  // asking has chosen without the limit of MICA_CPU_ISA
  for (int64_t target = 1; target <= HWY_TARGETS && target > 0; target <<= 1) {
    if (target & supported & HWY_TARGETS) found.push_back(target | HWY_STATIC_TARGET);
  }
  return found;
}

// As std::vector, with bools that are bools.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t size, T value = T{}) : values_(new T[size]), size_(size) {
    std::fill_n(values_.get(), size, value);
  }
  Buffer(const std::vector<T>& values) : Buffer(values.size()) {
    std::copy(values.begin(), values.end(), values_.get());
  }
  Buffer(const Buffer& other) : Buffer(other.size_) {
    std::copy_n(other.values_.get(), size_, values_.get());
  }
  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return values_[i]; }
  const T& operator[](size_t i) const { return values_[i]; }

 private:
  std::unique_ptr<T[]> values_;
  size_t size_;
};

template <class T>
std::vector<T> edge_values() {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (std::is_same_v<T, complex64_t>) {
    return {{0, 0}, {-0.0f, 0}, {1, 0}, {0, 1}, {-1, 2}, {1, -2}, {0.5f, 0.25f}, {3, 4}};
  } else if constexpr (std::is_integral_v<T>) {
    return {T(0),  T(1),          T(2),         T(3), T(7), static_cast<T>(-1), static_cast<T>(-2),
            T(63), Limits::max(), Limits::min()};
  } else {
    const T inf = Limits::infinity();
    return {T(0),
            -T(0),
            T(1),
            T(-1),
            T(0.5),
            T(-0.5),
            T(1.5),
            T(2),
            T(-2),
            T(2.5),
            T(-2.5),
            T(3),
            T(-7),
            T(89),
            T(-88),
            T(100),
            T(1e-20),
            T(-1e6),
            T(4e18),
            inf,
            -inf,
            Limits::max(),
            Limits::lowest(),
            Limits::min(),
            Limits::denorm_min(),
            Limits::quiet_NaN()};
  }
}

// All pairs of edge values, then random ones; `which` chooses the operand of the pair.
template <class T>
Buffer<T> make_operand(int which, size_t n, uint32_t seed) {
  std::mt19937 random(seed + static_cast<uint32_t>(which));
  std::uniform_real_distribution<float> uniform(-4, 4);
  std::vector<T> values;
  for (T a : edge_values<T>()) {
    for (T b : edge_values<T>()) values.push_back(which == 0 ? a : b);
  }
  while (values.size() < n) {
    if constexpr (std::is_same_v<T, complex64_t>) {
      values.push_back({uniform(random), uniform(random)});
    } else if constexpr (std::is_integral_v<T>) {
      values.push_back(static_cast<T>(values.size() % 2 ? random() % 13 : random()));
    } else {
      values.push_back(values.size() % 3 ? uniform(random) : std::exp(5 * uniform(random)));
    }
  }
  values.resize(n);
  return values;
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (a != a && b != b);
}

template <class T>
bool same_bits(const Buffer<T>& a, const T* b, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace mica::cpu
