#include "mica/engine/cpu/elementwise.h"

#include <bit>
#include <sstream>
#include <string>

#include "mica/ops/elementwise/elementwise.h"
#include "mica/ops/op_list.h"
#include "tests/engine/cpu/kernel_test.h"

namespace mica::cpu {
namespace {

class ElementwiseKernels : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Targets, ElementwiseKernels, testing::ValuesIn(kernel_targets()));

// Distance in units in the last place of the float nearest to the expected value.
double ulps(float value, double expected) {
  const auto nearest = static_cast<float>(expected);
  if (std::isnan(value) || std::isnan(nearest)) {
    return std::isnan(value) && std::isnan(nearest) ? 0 : HUGE_VAL;
  }
  if (value == nearest) return std::signbit(value) == std::signbit(nearest) ? 0 : HUGE_VAL;
  if (std::isinf(value) || std::isinf(nearest)) return HUGE_VAL;
  int exponent;
  std::frexp(nearest, &exponent);
  return std::abs(value - expected) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

// Vector math of float32 against the C++ library in double; 0 where results must be exact.
double allowed_ulps(OpId op) {
  switch (op) {
    case OpId::Tanh:
    case OpId::Erf:
      return 6;
    case OpId::Exp:
    case OpId::Expm1:
    case OpId::Log:
    case OpId::Log2:
    case OpId::Log10:
    case OpId::Log1p:
    case OpId::Sin:
    case OpId::Cos:
    case OpId::Tan:
    case OpId::ArcSin:
    case OpId::ArcCos:
    case OpId::ArcTan:
    case OpId::Sinh:
    case OpId::Cosh:
    case OpId::ArcSinh:
    case OpId::ArcCosh:
    case OpId::ArcTanh:
    case OpId::ErfInv:
    case OpId::Sigmoid:
    case OpId::ArcTan2:
    case OpId::LogAddExp:
    case OpId::Power:
      return 4;
    default:
      return 0;
  }
}

template <class Op, class T>
auto reference(T a, [[maybe_unused]] T b) {
  if constexpr (Op::arity == 1) {
    return Op::apply(a);
  } else {
    return Op::apply(a, b);
  }
}

template <class Op, class T>
using ResultOf = decltype(reference<Op>(T{}, T{}));

template <class Op, class T>
bool is_right(T a, T b, ResultOf<Op, T> value) {
  if constexpr (std::is_same_v<T, float>) {
    if (const double allowed = allowed_ulps(op_id<Op>()); allowed > 0) {
      const double expected = reference<Op>(static_cast<double>(a), static_cast<double>(b));
      // The larger operand and a logarithm may cancel.
      const double slack =
          std::is_same_v<Op, ops::LogAddExp> ? 2.5e-7 * std::max(std::abs(a), std::abs(b)) : 0;
      return std::abs(value - expected) <= slack || ulps(value, expected) <= allowed;
    }
  }
  return same_bits(value, reference<Op>(a, b));
}

template <class T>
std::string text(T value) {
  std::ostringstream stream;
  stream.precision(9);
  stream << +value;
  return stream.str();
}

template <class Op, class T>
void expect_elements(const Buffer<T>& a, const Buffer<T>& b, const Buffer<ResultOf<Op, T>>& y) {
  size_t i = 0;
  while (i < y.size() && is_right<Op>(a[i], b[i], y[i])) ++i;
  if (i == y.size()) return;
  ADD_FAILURE() << Op::name << "(" << text(a[i]) << ", " << text(b[i]) << "): got " << text(y[i])
                << ", expected " << text(reference<Op>(a[i], b[i]));
}

template <class T>
bool same_elements(const Buffer<T>& a, const void* b) {
  for (size_t i = 0; i < a.size(); ++i) {
    T element;
    std::memcpy(&element, static_cast<const char*>(b) + i * sizeof(T), sizeof(T));
    if (!same_bits(a[i], element)) return false;
  }
  return true;
}

template <class Op, class T>
void expect_op(ElementwiseKernel kernel) {
  using Result = ResultOf<Op, T>;
  constexpr size_t n = 3001;
  const auto a = make_operand<T>(0, n, 7);
  const auto b = make_operand<T>(1, n, 7);
  Buffer<Result> results(n);
  kernel(results.data(), a.data(), b.data(), nullptr, n);
  expect_elements<Op>(a, b, results);
  // A lone element, short tiles, tiles off alignment: the same bits, and nothing beyond the end.
  bool same = true;
  for (size_t size : {0, 1, 3, 7, 16, 33, 100}) {
    for (size_t start : {0, 1, 5, 357}) {
      Buffer<Result> part(size + 1, Result(1));
      kernel(part.data(), a.data() + start, b.data() + start, nullptr, size);
      same &= same_bits(part, results.data() + start, size) && same_bits(part[size], Result(1));
    }
  }
  // In place.
  if constexpr (sizeof(Result) <= sizeof(T)) {
    Buffer<T> first = a, second = b;
    kernel(first.data(), first.data(), b.data(), nullptr, n);
    same &= same_elements(results, first.data());
    if (Op::arity == 2) {
      kernel(second.data(), a.data(), second.data(), nullptr, n);
      same &= same_elements(results, second.data());
    }
  }
  EXPECT_TRUE(same) << Op::name << " depends on its tile";
}

template <class T>
struct ExpectOp {
  KernelTables& tables;

  template <class Op>
  void operator()() const {
    constexpr Dtype dtype = dtype_of<T>();
    const ElementwiseKernel kernel = tables.elementwise(op_id<Op>(), dtype);
    SCOPED_TRACE(dtype_name(dtype));
    if constexpr (Op::arity == 3 || Op::result == ResultDtype::attribute) {
      return;
    } else if constexpr (!Op::operands.has(dtype)) {
      EXPECT_EQ(kernel, nullptr) << Op::name;
    } else {
      ASSERT_NE(kernel, nullptr) << Op::name;
      expect_op<Op, T>(kernel);
    }
  }
};

TEST_P(ElementwiseKernels, ComputeEveryOpOfBool) { for_each_elementwise(ExpectOp<bool>{tables}); }
TEST_P(ElementwiseKernels, ComputeEveryOpOfUint8) {
  for_each_elementwise(ExpectOp<uint8_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfUint16) {
  for_each_elementwise(ExpectOp<uint16_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfUint32) {
  for_each_elementwise(ExpectOp<uint32_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfUint64) {
  for_each_elementwise(ExpectOp<uint64_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfInt8) { for_each_elementwise(ExpectOp<int8_t>{tables}); }
TEST_P(ElementwiseKernels, ComputeEveryOpOfInt16) {
  for_each_elementwise(ExpectOp<int16_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfInt32) {
  for_each_elementwise(ExpectOp<int32_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfInt64) {
  for_each_elementwise(ExpectOp<int64_t>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfFloat32) {
  for_each_elementwise(ExpectOp<float>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfFloat64) {
  for_each_elementwise(ExpectOp<double>{tables});
}
TEST_P(ElementwiseKernels, ComputeEveryOpOfComplex64) {
  for_each_elementwise(ExpectOp<complex64_t>{tables});
}

// Every 4099th float, so all exponents.
TEST_P(ElementwiseKernels, FollowTheLibraryOverAllFloats) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4099) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  const Buffer<float> x(values);
  Buffer<float> y(x.size());
  for_each_elementwise([&]<class Op>() {
    if constexpr (Op::arity == 1 && Op::operands.has(float32) &&
                  Op::result == ResultDtype::operand) {
      tables.elementwise(op_id<Op>(), float32)(y.data(), x.data(), nullptr, nullptr, x.size());
      expect_elements<Op>(x, x, y);
    }
  });
}

TEST_P(ElementwiseKernels, ReachTheLimits) {
  struct Case {
    OpId op;
    float x, y;
  };
  const float inf = std::numeric_limits<float>::infinity();
  for (const auto& [op, x, y] :
       {Case{OpId::Tanh, 20, 1}, Case{OpId::Tanh, -inf, -1}, Case{OpId::Erf, 5, 1},
        Case{OpId::Erf, -inf, -1}, Case{OpId::Sigmoid, 40, 1}, Case{OpId::Sigmoid, -inf, 0},
        Case{OpId::Exp, -inf, 0}, Case{OpId::Log2, 1024, 10}, Case{OpId::Log10, 1000, 3},
        Case{OpId::ErfInv, -1, -inf}}) {
    float value;
    tables.elementwise(op, float32)(&value, &x, nullptr, nullptr, 1);
    EXPECT_EQ(value, y);
  }
}

TEST_P(ElementwiseKernels, SelectEveryDtype) {
  constexpr size_t n = 173;
  const auto condition = make_operand<bool>(0, n, 3);
  for (Dtype d : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                  bfloat16, float32, float64, complex64}) {
    const size_t size = d.size();
    const auto x = make_operand<uint8_t>(0, n * size, 3), y = make_operand<uint8_t>(1, n * size, 5);
    Buffer<uint8_t> out(n * size);
    tables.elementwise(OpId::Select, d)(out.data(), condition.data(), x.data(), y.data(), n);
    for (size_t i = 0; i < n * size; ++i) {
      ASSERT_EQ(out[i], condition[i / size] ? x[i] : y[i]) << dtype_name(d);
    }
  }
}

TEST(ElementwiseKernelTable, HasTheBestKernels) {
  float x = 2, y = 3, out = 0;
  elementwise_kernel(OpId::Multiply, float32)(&out, &x, &y, nullptr, 1);
  EXPECT_EQ(out, 6);
  EXPECT_EQ(elementwise_kernel(OpId::Multiply, float16), nullptr);
  EXPECT_EQ(elementwise_kernel(OpId::BitwiseAnd, float32), nullptr);
}

TEST(FillKernel, RepeatsAnElement) {
  for (size_t itemsize : {1, 2, 4, 8}) {
    const uint64_t value = 0x0123456789abcdef;
    std::vector<uint8_t> out(itemsize * 5 + 1, 0xff);
    fill_kernel(out.data(), &value, itemsize, 5);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(std::memcmp(out.data() + i * itemsize, &value, itemsize), 0);
    }
    EXPECT_EQ(out.back(), 0xff);
  }
}

}  // namespace
}  // namespace mica::cpu
