#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/scratch.h"
#include "mica/ops/sort.h"

namespace mica::ops {
namespace {

// Lines across the rows of an array are taken as many at a time: a cache line of float32.
constexpr int64_t max_lines = 16;
// Shorter lines are sorted faster by std::sort: of 64 keys it takes 18 ns a key, Highway 6; of 16
// it takes 9, Highway 22.
constexpr int64_t short_line = 40;

template <size_t size>
using Unsigned =
    std::conditional_t<size <= 2, uint16_t, std::conditional_t<size == 4, uint32_t, uint64_t>>;

// Where other things decide the order of -0 and 0: imaginary parts, places.
template <class T>
T without_signed_zero(T value) {
  if constexpr (std::is_integral_v<T> || cpu::is_complex<T>) {
    return value;
  } else {
    return value == T(0.0f) ? T(0.0f) : value;
  }
}

// An unsigned number for each T, ordered as cpu::sorts_before orders them, but -0 before 0. All NaN
// have the largest.
template <class T>
struct SortKey {
  using Key = Unsigned<sizeof(T)>;
  static constexpr Key sign = Key{1} << (std::numeric_limits<Key>::digits - 1);

  static Key of(T value) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<Key>(static_cast<Key>(value) ^ (std::is_signed_v<T> ? sign : Key{0}));
    } else {
      const Key bits = std::bit_cast<Key>(value);
      const Key ordered = static_cast<Key>(bits & sign ? ~bits : bits | sign);
      return value != value ? std::numeric_limits<Key>::max() : ordered;
    }
  }
  static T value(Key key) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(key ^ (std::is_signed_v<T> ? sign : Key{0}));
    } else {
      return std::bit_cast<T>(static_cast<Key>(key & sign ? key ^ sign : ~key));
    }
  }
};

template <>
struct SortKey<complex64_t> {
  using Key = uint64_t;
  static Key of(complex64_t value) { return Key{part(value.real())} << 32 | part(value.imag()); }
  static complex64_t value(Key key) {
    return {SortKey<float>::value(static_cast<uint32_t>(key >> 32)),
            SortKey<float>::value(static_cast<uint32_t>(key))};
  }

 private:
  static uint32_t part(float value) { return SortKey<float>::of(without_signed_zero(value)); }
};

// A key with the element's place below it: equal elements keep their order.
template <class T, bool wide = (sizeof(typename SortKey<T>::Key) > 4)>
struct PlacedKey {
  using Key = uint64_t;
  static Key of(T value, int64_t place) {
    return uint64_t{SortKey<T>::of(without_signed_zero(value))} << 32 |
           static_cast<uint64_t>(place);
  }
  static uint32_t place(Key key) { return static_cast<uint32_t>(key); }
};

template <class T>
struct PlacedKey<T, true> {
  using Key = hwy::uint128_t;
  static Key of(T value, int64_t place) {
    return {static_cast<uint64_t>(place), SortKey<T>::of(without_signed_zero(value))};
  }
  static uint32_t place(Key key) { return static_cast<uint32_t>(key.lo); }
};

template <class Key>
void sort_keys(const hwy::Sorter& sorter, Key* keys, int64_t n) {
  if (n >= short_line) return sorter(keys, static_cast<size_t>(n), hwy::SortAscending());
  if constexpr (std::is_same_v<Key, hwy::uint128_t>) {
    std::sort(keys, keys + n, [](const Key& a, const Key& b) {
      return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
    });
  } else {
    std::sort(keys, keys + n);
  }
}

// Calls f(i, key, element) for element i of each of `lines` neighbouring lines, `step` elements
// from one of a line to its next: keys lie line by line. Contiguous lines come one by one, in a
// loop that the compiler vectorizes.
template <class F>
void for_each_element(int64_t n, int64_t lines, int64_t step, F&& f) {
  if (step == 1) {
    for (int64_t i = 0; i < n; ++i) f(i, i, i);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < lines; ++j) f(i, j * n + i, i * step + j);
  }
}

// Sorts each line along the axis by the keys encode(element, its place), in parallel, and writes
// decode(key) of each.
template <class Key, class T, class Out, class Encode, class Decode>
void sort_lines(const T* in, Out* out, const cpu::AxisLayout& layout, Encode&& encode,
                Decode&& decode) {
  const int64_t n = layout.n, step = layout.inner;
  if (layout.size() == 0) return;
  const int64_t width = std::min(step, max_lines), groups = (step + width - 1) / width;
  const int64_t grain = std::max<int64_t>(1, (1 << 12) / (n * width));
  engine::parallel_for(layout.outer * groups, grain, [&](int64_t begin, int64_t end) {
    const cpu::Scratch scratch(static_cast<size_t>(n * width) * sizeof(Key));
    Key* const keys = scratch.as<Key>();  // (width, n)
    const hwy::Sorter sorter;
    for (int64_t group = begin; group < end; ++group) {
      const int64_t first = group % groups * width, lines = std::min(width, step - first);
      const int64_t offset = group / groups * n * step + first;
      const T* const from = in + offset;
      Out* const to = out + offset;
      for_each_element(n, lines, step, [&](int64_t i, int64_t key, int64_t element) {
        keys[key] = encode(from[element], i);
      });
      for (int64_t j = 0; j < lines; ++j) sort_keys(sorter, keys + j * n, n);
      for_each_element(n, lines, step, [&](int64_t, int64_t key, int64_t element) {
        to[element] = decode(keys[key]);
      });
    }
  });
}

}  // namespace

void Sort::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  cpu::visit_type(in.dtype, [&]<class T>() {
    using Keys = SortKey<T>;
    sort_lines<typename Keys::Key>(
        in.as<T>(), call.outputs[0].as<T>(), cpu::AxisLayout(in.shape, axis),
        [](T value, int64_t) { return Keys::of(value); }, Keys::value);
  });
}

void ArgSort::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  cpu::visit_type(in.dtype, [&]<class T>() {
    using Keys = PlacedKey<T>;
    sort_lines<typename Keys::Key>(
        in.as<T>(), call.outputs[0].as<uint32_t>(), cpu::AxisLayout(in.shape, axis),
        [](T value, int64_t place) { return Keys::of(value, place); }, Keys::place);
  });
}

}  // namespace mica::ops
