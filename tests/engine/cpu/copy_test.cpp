#include "mica/engine/cpu/copy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

namespace mica::cpu {
namespace {

struct Layout {
  Shape shape;
  Strides in, out;
};

int64_t lowest(const Shape& shape, const Strides& strides) {
  int64_t offset = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    offset += std::min<int64_t>(0, strides[i] * (shape[i] - 1));
  }
  return offset;
}

int64_t extent(const Shape& shape, const Strides& strides) {
  int64_t size = 1;
  for (size_t i = 0; i < shape.size(); ++i) size += std::abs(strides[i]) * (shape[i] - 1);
  return size;
}

// Copies counters, and compares with one element after the other.
template <class T>
void check(const Layout& l) {
  for (int dim : l.shape) ASSERT_GT(dim, 0);
  std::vector<T> in(static_cast<size_t>(extent(l.shape, l.in)));
  std::iota(in.begin(), in.end(), T{1});
  const T untouched{99};
  std::vector<T> out(static_cast<size_t>(extent(l.shape, l.out)), untouched), expected = out;
  const int64_t in_base = -lowest(l.shape, l.in), out_base = -lowest(l.shape, l.out);
  std::vector<int> index(l.shape.size(), 0);
  for (;;) {
    int64_t from = in_base, to = out_base;
    for (size_t d = 0; d < index.size(); ++d) from += index[d] * l.in[d], to += index[d] * l.out[d];
    expected[static_cast<size_t>(to)] = in[static_cast<size_t>(from)];
    size_t d = index.size();
    while (d > 0 && ++index[d - 1] == l.shape[d - 1]) index[--d] = 0;
    if (d == 0) break;
  }
  copy_strided(in.data() + in_base, l.in, out.data() + out_base, l.out, l.shape, sizeof(T));
  EXPECT_TRUE(out == expected) << "shape " << l.shape << " in " << l.in << " out " << l.out
                               << " itemsize " << sizeof(T);
}

void check_all(const Layout& l) {
  check<uint8_t>(l);
  check<uint16_t>(l);
  check<uint32_t>(l);
  check<uint64_t>(l);
}

TEST(CopyStrided, Layouts) {
  check_all({{}, {}, {}});
  check_all({{7}, {1}, {1}});
  check_all({{7}, {0}, {1}});
  check_all({{7}, {-1}, {1}});
  check_all({{7}, {3}, {-2}});
  check_all({{3, 5}, {5, 1}, {5, 1}});
  check_all({{3, 5}, {1, 3}, {5, 1}});
  check_all({{3, 5}, {0, 1}, {5, 1}});
  check_all({{3, 5}, {1, 0}, {5, 1}});
  check_all({{1, 5, 1}, {9, 1, 9}, {5, 1, 1}});
  check_all({{2, 3, 4, 5}, {60, 5, 15, 1}, {60, 20, 5, 1}});
  check_all({{600, 3}, {1, 600}, {3, 1}});
  check_all({{2, 600, 3}, {1800, 1, 600}, {1800, 3, 1}});
}

TEST(CopyStrided, Transposes) {
  for (int rows : {1, 4, 16, 64, 65, 100}) {
    for (int columns : {3, 16, 63, 64, 257}) {
      check_all({{rows, columns}, {1, rows}, {columns, 1}});
      check_all({{2, rows, columns},
                 {rows * columns, 1, rows + 5},
                 {int64_t{rows} * columns, columns, 1}});
      check_all({{rows, 2, columns}, {1, rows * columns, rows}, {2 * columns, columns, 1}});
    }
  }
}

TEST(CopyStrided, LargeRowsAreSplitAmongThreads) {
  check<uint32_t>({{300001}, {1}, {1}});
  check<uint32_t>({{2, 150001}, {0, 1}, {150001, 1}});
  check<uint16_t>({{600001}, {2}, {1}});
  check<uint64_t>({{70, 1031}, {1031, 1}, {2000, 1}});
}

TEST(CopyStrided, LargerThanTheCaches) {
  const int n = 6000;
  check<uint32_t>({{n, n}, {n, 1}, {n, 1}});
  check<uint32_t>({{n, n}, {1, n}, {n, 1}});
  check<uint32_t>({{n, n}, {0, 0}, {n, 1}});
  check<uint32_t>({{n, n - 1}, {1, n}, {n - 1, 1}});
}

TEST(CopyStrided, RandomLayouts) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    const size_t ndim = random() % 5;
    Layout l;
    std::vector<size_t> order(ndim);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    l.in.resize(ndim), l.out.resize(ndim);
    for (size_t d = 0; d < ndim; ++d) l.shape.push_back(1 + static_cast<int>(random() % 20));
    int64_t in = 1, out = 1;
    for (size_t d : order) {
      l.in[d] = random() % 6 == 0 ? 0 : random() % 4 == 0 ? -in : in;
      in *= l.shape[d] + static_cast<int>(random() % 2);
    }
    for (size_t d = ndim; d-- > 0;) {
      l.out[d] = random() % 8 == 0 ? -out : out;
      out *= l.shape[d] + static_cast<int>(random() % 3 == 0);
    }
    check_all(l);
  }
}

TEST(CopyStrided, NothingToCopy) {
  copy_strided(nullptr, {3, 1}, nullptr, {3, 1}, {0, 3}, 4);
  copy_contiguous(nullptr, nullptr, 0);
}

TEST(CopyStrided, TensorToRowMajor) {
  std::vector<float> in{1, 2, 3, 4, 5, 6}, out(6);
  const Shape shape{3, 2};
  const Strides strides{1, 3};
  copy_strided(Tensor{in.data(), shape, strides, float32, 6}, out.data());
  EXPECT_EQ(out, (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(CopyContiguous, AnyAlignment) {
  std::vector<char> in(40 << 20), out(in.size());
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<char>(i * 7 + i / 1000);
  const size_t bytes = in.size() - 9;
  copy_contiguous(in.data() + 3, out.data() + 5, bytes);
  EXPECT_EQ(std::memcmp(in.data() + 3, out.data() + 5, bytes), 0);
  EXPECT_EQ(out[4], 0);
  EXPECT_EQ(out[5 + bytes], 0);
}

}  // namespace
}  // namespace mica::cpu
