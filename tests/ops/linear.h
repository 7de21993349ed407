// For functions that are linear in their inputs, derivatives and vmap follow from the function
// alone; on small integers all of it is exact.
#pragma once

#include <functional>
#include <vector>

#include "mica/transforms/transforms.h"
#include "tests/ops/expect.h"

namespace mica::test {

using Function = std::function<std::vector<array>(const std::vector<array>&)>;

inline float inner_product(const array& a, const array& b) {
  float total = 0;
  const auto x = values<float>(a), y = values<float>(b);
  for (size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

inline void expect_equal(const array& a, const array& b) {
  expect_array(a, b.shape(), values<float>(b));
}

// f's tangent at t is f(t); its cotangents c' satisfy <c', t> = <c, f(t)> for every t; vmap over an
// axis of any of the inputs equals a loop. The inputs are float32.
inline void check_linear(const Function& f, const std::vector<Shape>& shapes) {
  std::vector<array> primals, tangents;
  for (const Shape& shape : shapes) {
    primals.push_back(counting(shape, static_cast<float>(primals.size()) - 3));
    tangents.push_back(remainder(multiply(counting(shape), array(7.0f)), array(5.0f)));
  }
  const std::vector<array> expected = f(tangents);
  const auto pushed = jvp(f, primals, tangents).second;
  ASSERT_EQ(pushed.size(), expected.size());
  std::vector<array> cotangents;
  for (size_t i = 0; i < expected.size(); ++i) {
    expect_equal(pushed[i], expected[i]);
    cotangents.push_back(
        remainder(multiply(counting(expected[i].shape()), array(3.0f)), array(4.0f)));
  }
  const auto pulled = vjp(f, primals, cotangents).second;
  ASSERT_EQ(pulled.size(), primals.size());
  float left = 0, right = 0;
  for (size_t i = 0; i < primals.size(); ++i) {
    EXPECT_EQ(pulled[i].shape(), primals[i].shape());
    left += inner_product(pulled[i], tangents[i]);
  }
  for (size_t i = 0; i < expected.size(); ++i) right += inner_product(cotangents[i], expected[i]);
  EXPECT_EQ(left, right);

  // One input batched at a time along each axis that it could have, then all of them in front.
  constexpr int batch = 3;
  for (size_t batched = 0; batched <= shapes.size(); ++batched) {
    const bool all = batched == shapes.size();
    const int last_axis = all ? 0 : static_cast<int>(shapes[batched].size());
    for (int axis = 0; axis <= last_axis; ++axis) {
      std::vector<array> inputs;
      std::vector<int> axes;
      for (size_t i = 0; i < shapes.size(); ++i) {
        Shape shape = shapes[i];
        const bool has_batch = all || i == batched;
        if (has_batch) shape.insert(shape.begin() + axis, batch);
        inputs.push_back(counting(shape, static_cast<float>(i)));
        axes.push_back(has_batch ? axis : -1);
      }
      const auto outputs = vmap(f, axes, std::vector<int>(expected.size(), 0))(inputs);
      for (int b = 0; b < batch; ++b) {
        std::vector<array> one = inputs;
        for (size_t i = 0; i < one.size(); ++i) {
          if (axes[i] >= 0) one[i] = unstack(one[i], axes[i])[static_cast<size_t>(b)];
        }
        const auto results = f(one);
        for (size_t o = 0; o < results.size(); ++o) {
          expect_equal(unstack(outputs[o])[static_cast<size_t>(b)], results[o]);
        }
      }
    }
  }
}

inline void check_linear(const std::function<array(const array&)>& f, const Shape& shape) {
  check_linear([&](const std::vector<array>& in) { return std::vector<array>{f(in[0])}; }, {shape});
}

}  // namespace mica::test
