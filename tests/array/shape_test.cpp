#include "mica/array/shape.h"

#include <gtest/gtest.h>

#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mica {
namespace {

using Vector = SmallVector<int, 4>;

Vector counting(int count) {
  Vector v(static_cast<size_t>(count));
  std::iota(v.begin(), v.end(), 1);
  return v;
}

std::vector<int> contents(const Vector& v) { return {v.begin(), v.end()}; }

template <class T>
std::string printed(const T& value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

TEST(SmallVector, StartsEmptyWithRoomInPlace) {
  const Vector v;
  EXPECT_TRUE(v.empty());
  EXPECT_EQ(v.size(), 0u);
  EXPECT_EQ(v.capacity(), 4u);
  EXPECT_EQ(v.begin(), v.end());
}

TEST(SmallVector, IsMadeOfValues) {
  EXPECT_EQ(contents(Vector(3, 7)), (std::vector{7, 7, 7}));
  EXPECT_EQ(contents(Vector(2)), (std::vector{0, 0}));
  EXPECT_EQ(contents(Vector{3, 1, 2}), (std::vector{3, 1, 2}));
  const std::vector<int> six = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(contents(Vector(six)), six);
  EXPECT_EQ(contents(Vector(six.begin() + 1, six.end() - 1)), (std::vector{2, 3, 4, 5}));
}

TEST(SmallVector, GrowsPastItsRoom) {
  Vector v;
  for (int i = 1; i <= 100; ++i) {
    v.push_back(i);
    EXPECT_EQ(v.back(), i);
  }
  EXPECT_EQ(v, counting(100));
  EXPECT_GE(v.capacity(), 100u);
}

TEST(SmallVector, PushesAnElementOfItsOwn) {
  Vector v = counting(4);
  v.push_back(v.front());
  EXPECT_EQ(contents(v), (std::vector{1, 2, 3, 4, 1}));
}

TEST(SmallVector, ResizesWithValues) {
  Vector v = counting(2);
  v.resize(6, 9);
  EXPECT_EQ(contents(v), (std::vector{1, 2, 9, 9, 9, 9}));
  v.resize(1);
  EXPECT_EQ(contents(v), (std::vector{1}));
  v.resize(3);
  EXPECT_EQ(contents(v), (std::vector{1, 0, 0}));
  v.clear();
  EXPECT_TRUE(v.empty());
}

TEST(SmallVector, ReservesWithoutChangingContents) {
  Vector v = counting(3);
  v.reserve(50);
  EXPECT_EQ(v.capacity(), 50u);
  v.reserve(10);
  EXPECT_EQ(v.capacity(), 50u);
  EXPECT_EQ(v, counting(3));
}

class SmallVectorOfSize : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(InPlaceAndOnTheHeap, SmallVectorOfSize, testing::Values(0, 3, 4, 5, 20));

TEST_P(SmallVectorOfSize, CopiesAreIndependent) {
  const Vector original = counting(GetParam());
  Vector copy = original;
  EXPECT_EQ(copy, original);
  copy.push_back(-1);
  EXPECT_EQ(original, counting(GetParam()));

  Vector assigned = counting(10);
  assigned = original;
  EXPECT_EQ(assigned, original);
  const Vector& self = assigned;
  assigned = self;
  EXPECT_EQ(assigned, original);
}

TEST_P(SmallVectorOfSize, MovedFromIsEmptyAndUsable) {
  Vector from = counting(GetParam());
  Vector to = std::move(from);
  EXPECT_EQ(to, counting(GetParam()));
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.capacity(), 4u);
  for (int i = 1; i <= 6; ++i) from.push_back(i);
  EXPECT_EQ(from, counting(6));
  EXPECT_EQ(to, counting(GetParam()));
}

TEST_P(SmallVectorOfSize, MoveAssignsOverAnySize) {
  for (const int size : {0, 2, 9}) {
    Vector to = counting(size);
    Vector from = counting(GetParam());
    to = std::move(from);
    EXPECT_EQ(to, counting(GetParam()));
    EXPECT_TRUE(from.empty());
  }
}

TEST_P(SmallVectorOfSize, Swaps) {
  Vector a = counting(GetParam());
  Vector b = {7};
  std::swap(a, b);
  EXPECT_EQ(contents(a), (std::vector{7}));
  EXPECT_EQ(b, counting(GetParam()));
}

TEST_P(SmallVectorOfSize, InsertsAtEveryPlace) {
  for (int at = 0; at <= GetParam(); ++at) {
    Vector v = counting(GetParam());
    std::vector<int> expected = contents(v);
    const int* inserted = v.insert(v.begin() + at, -1);
    expected.insert(expected.begin() + at, -1);
    EXPECT_EQ(contents(v), expected);
    EXPECT_EQ(inserted, v.begin() + at);

    const std::vector<int> range = {-2, -3, -4};
    v.insert(v.begin() + at, range.begin(), range.end());
    expected.insert(expected.begin() + at, range.begin(), range.end());
    EXPECT_EQ(contents(v), expected);
  }
}

TEST_P(SmallVectorOfSize, ErasesEveryRange) {
  for (int first = 0; first <= GetParam(); ++first) {
    for (int last = first; last <= GetParam(); ++last) {
      Vector v = counting(GetParam());
      std::vector<int> expected = contents(v);
      const int* next = v.erase(v.begin() + first, v.begin() + last);
      expected.erase(expected.begin() + first, expected.begin() + last);
      EXPECT_EQ(contents(v), expected);
      EXPECT_EQ(next, v.begin() + first);
    }
  }
}

TEST(SmallVector, ErasesOneAndPops) {
  Vector v = counting(5);
  v.erase(v.begin() + 1);
  EXPECT_EQ(contents(v), (std::vector{1, 3, 4, 5}));
  v.pop_back();
  EXPECT_EQ(contents(v), (std::vector{1, 3, 4}));
}

TEST(SmallVector, AssignsAndEmplaces) {
  Vector v = counting(9);
  const std::vector<int> two = {8, 9};
  v.assign(two.begin(), two.end());
  EXPECT_EQ(v.emplace_back(10), 10);
  EXPECT_EQ(contents(v), (std::vector{8, 9, 10}));
}

TEST(SmallVector, ReadsElements) {
  Vector v = counting(3);
  EXPECT_EQ(v[0], 1);
  EXPECT_EQ(v.front(), 1);
  EXPECT_EQ(v.at(2), 3);
  v.at(2) = 5;
  EXPECT_EQ(v.back(), 5);
  EXPECT_EQ(std::vector<int>(v.rbegin(), v.rend()), (std::vector{5, 2, 1}));
  EXPECT_THROW(v.at(3), std::out_of_range);
  EXPECT_THROW(std::as_const(v).at(3), std::out_of_range);
}

TEST(SmallVector, Compares) {
  EXPECT_TRUE(counting(3) == counting(3));
  EXPECT_TRUE(counting(3) != counting(4));
  EXPECT_TRUE(counting(3) < counting(4));
  EXPECT_TRUE((Vector{1, 2} < Vector{1, 3}));
  EXPECT_FALSE((Vector{2} < Vector{1, 3}));
}

TEST(Shape, PrintsAsMlx) {
  EXPECT_EQ(printed(Shape{}), "()");
  EXPECT_EQ(printed(Shape{2}), "(2)");
  EXPECT_EQ(printed(Shape{2, 3, -1}), "(2,3,-1)");
  EXPECT_EQ(printed(Strides{6, 1}), "(6,1)");
}

}  // namespace
}  // namespace mica
