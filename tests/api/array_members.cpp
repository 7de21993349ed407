// array.h of MLX: each public member in the forms that MLX's programs use.
#include "tests/api/surface.h"

#include <complex>
#include <vector>

#include "mlx/io.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace {

TEST(ArrayMembers, Constructors) {
  EXPECT_EQ(array(1.5).dtype(), mx::float32);
  EXPECT_EQ(array(3, mx::int8).dtype(), mx::int8);
  EXPECT_EQ(array(true).dtype(), mx::bool_);
  EXPECT_EQ(array(std::complex<float>(1, 2)).dtype(), mx::complex64);
  EXPECT_EQ(array(mx::complex64_t{1, 2}, mx::complex64).ndim(), 0u);
  const std::vector<float> values = {1, 2, 3, 4};
  EXPECT_EQ(array(values.begin(), Shape{2, 2}).shape(), (Shape{2, 2}));
  EXPECT_EQ(array(values.data(), {4}, mx::float16).dtype(), mx::float16);
  const std::vector<int> integers = {1, 2};
  EXPECT_EQ(array(integers.begin(), {2}).dtype(), mx::int32);
  EXPECT_EQ(array({1.0f, 2.0f}).size(), 2u);
  EXPECT_EQ(array({1.0, 2.0}).dtype(), mx::float32);
  EXPECT_EQ(array({}).dtype(), mx::float32);
  EXPECT_EQ(array({}, mx::int32).size(), 0u);
  EXPECT_EQ(array({1, 2, 3, 4}, {2, 2}).ndim(), 2u);
  EXPECT_EQ(array({1, 2, 3, 4}, {2, 2}, mx::uint8).itemsize(), 1u);
  EXPECT_THROW(array({1, 2, 3}, {2, 2}), std::invalid_argument);
  EXPECT_EQ(array(mx::float16_t(1.5f)).dtype(), mx::float16);
  EXPECT_EQ(array({mx::bfloat16_t(1.5f)}).dtype(), mx::bfloat16);
}

TEST(ArrayMembers, ForeignMemory) {
  alignas(64) float values[4] = {1, 2, 3, 4};
  int deleted = 0;
  {
    const std::function<void(void*)> deleter = [&](void* data) {
      EXPECT_EQ(data, values);
      ++deleted;
    };
    array a(static_cast<void*>(values), Shape{2, 2}, mx::float32, deleter);
    EXPECT_EQ(a.data<float>(), values);
    EXPECT_EQ(mx::sum(a).item<float>(), 10);
  }
  EXPECT_EQ(deleted, 1);
}

TEST(ArrayMembers, Description) {
  array a = mx::transpose(mx::reshape(mx::arange(6), {2, 3}));
  a.eval();
  EXPECT_EQ(a.itemsize(), sizeof(int));
  EXPECT_EQ(a.nbytes(), 24u);
  EXPECT_EQ(a.shape(), (Shape{3, 2}));
  EXPECT_EQ(a.shape(-1), 2);
  EXPECT_THROW(a.shape(2), std::out_of_range);
  EXPECT_EQ(a.strides(), (Strides{1, 3}));
  EXPECT_EQ(a.strides(0), 1);
  EXPECT_EQ(a.data_size(), 6u);
  EXPECT_GE(a.buffer_size(), a.nbytes());
  EXPECT_EQ(a.offset(), 0);
  const array::Flags& flags = a.flags();
  EXPECT_TRUE(flags.contiguous && flags.col_contiguous && !flags.row_contiguous);
  switch (a.dtype()) {
    case mx::int32:
      break;
    default:
      ADD_FAILURE() << a.dtype();
  }
}

TEST(ArrayMembers, Values) {
  array a = mx::arange(3) + array(1);
  EXPECT_EQ(a.data<int>()[2], 3);
  const array& constant = a;
  EXPECT_EQ(constant.data<int>()[1], 2);
  EXPECT_EQ(mx::sum(constant).item<int>(), 6);
  EXPECT_THROW(a.item<int>(), std::invalid_argument);
  int total = 0;
  for (auto row : mx::reshape(mx::arange(6), {3, 2})) total += mx::sum(row).item<int>();
  EXPECT_EQ(total, 15);
  array::ArrayIterator it = a.begin();
  EXPECT_EQ((*++it).item<int>(), 2);
  EXPECT_TRUE(it != a.end());
}

TEST(ArrayMembers, Evaluation) {
  const array x({1.0f, 2.0f});
  array y = mx::exp(x);
  EXPECT_EQ(y.status(), array::Status::unscheduled);
  EXPECT_FALSE(y.is_available());
  EXPECT_TRUE(y.has_primitive());
  EXPECT_EQ(y.inputs().size(), 1u);
  EXPECT_EQ(y.inputs()[0].id(), x.id());
  EXPECT_NE(y.primitive_id(), 0u);
  EXPECT_FALSE(y.is_tracer());
  mx::async_eval(y);
  y.wait();
  EXPECT_TRUE(y.is_available());
  EXPECT_EQ(y.status(), array::available);
  EXPECT_FALSE(x.has_primitive());
  EXPECT_EQ(x.primitive_id(), 0u);
  array z = y + x;
  z.eval();
  z.detach();
  EXPECT_TRUE(z.inputs().empty());
}

TEST(ArrayMembers, Siblings) {
  const std::vector<array> parts = mx::divmod(array({7, 8}), array(3));
  EXPECT_EQ(parts[0].outputs().size(), parts[0].siblings().size() + 1);
  const std::vector<array> halves = mx::split(mx::arange(4), 2);
  ASSERT_EQ(halves[1].siblings().size(), 1u);
  EXPECT_EQ(halves[1].siblings()[0].id(), halves[0].id());
  EXPECT_EQ(halves[1].sibling_position(), 1);
  EXPECT_EQ(halves[1].outputs()[1].id(), halves[1].id());
}

TEST(ArrayMembers, Assignment) {
  array a(1), b(2);
  const array copy = a;
  a.overwrite_descriptor(b);
  EXPECT_EQ(a.id(), b.id());
  EXPECT_EQ(copy.item<int>(), 1);
  a = array(3) * b;
  EXPECT_EQ(a.item<int>(), 6);
  static_assert(!std::is_assignable_v<array&&, const array&>);
  static_assert(mx::is_array_v<const array&> && !mx::is_array_v<int>);
  EXPECT_TRUE(array({1.0f}).is_donatable());
  const array held({1.0f});
  const array again = held;
  EXPECT_FALSE(again.is_donatable());
}

}  // namespace
