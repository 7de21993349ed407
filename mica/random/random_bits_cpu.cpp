#include <algorithm>
#include <cstring>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"
#include "mica/random/random_bits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/random/random_bits_cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::random {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Words = hn::ScalableTag<uint32_t>;
using WordVector = hn::Vec<Words>;

// Two hashes side by side: the rounds of one alone wait for each other.
struct HashState {
  WordVector a0, b0, a1, b1;
};

template <int rotation>
HWY_INLINE void mix(HashState& s) {
  s.a0 = hn::Add(s.a0, s.b0);
  s.a1 = hn::Add(s.a1, s.b1);
  s.b0 = hn::Xor(hn::RotateRight<32 - rotation>(s.b0), s.a0);
  s.b1 = hn::Xor(hn::RotateRight<32 - rotation>(s.b1), s.a1);
}

template <int r0, int r1, int r2, int r3>
HWY_INLINE void four_rounds(HashState& s, WordVector key_a, WordVector key_b) {
  mix<r0>(s);
  mix<r1>(s);
  mix<r2>(s);
  mix<r3>(s);
  s.a0 = hn::Add(s.a0, key_a);
  s.a1 = hn::Add(s.a1, key_a);
  s.b0 = hn::Add(s.b0, key_b);
  s.b1 = hn::Add(s.b1, key_b);
}

// The hashes of the counters (i, i + distance), i in [begin, end): first words to low[i], second
// ones to high[i].
void hash_range(const uint32_t* key, int64_t begin, int64_t end, uint32_t distance, uint32_t* low,
                uint32_t* high) {
  const Words d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const WordVector k0 = hn::Set(d, key[0]), k1 = hn::Set(d, key[1]);
  const WordVector k2 = hn::Set(d, key[0] ^ key[1] ^ 0x1bd11bdau);
  const WordVector apart = hn::Set(d, distance);
  const auto plus = [d](WordVector k, uint32_t n) { return hn::Add(k, hn::Set(d, n)); };
  int64_t i = begin;
  for (; i + 2 * lanes <= end; i += 2 * lanes) {
    const WordVector counter0 = hn::Iota(d, static_cast<uint32_t>(i));
    const WordVector counter1 = hn::Iota(d, static_cast<uint32_t>(i + lanes));
    HashState s{hn::Add(counter0, k0), hn::Add(hn::Add(counter0, apart), k1), hn::Add(counter1, k0),
                hn::Add(hn::Add(counter1, apart), k1)};
    four_rounds<13, 15, 26, 6>(s, k1, plus(k2, 1));
    four_rounds<17, 29, 16, 24>(s, k2, plus(k0, 2));
    four_rounds<13, 15, 26, 6>(s, k0, plus(k1, 3));
    four_rounds<17, 29, 16, 24>(s, k1, plus(k2, 4));
    four_rounds<13, 15, 26, 6>(s, k2, plus(k0, 5));
    hn::StoreU(s.a0, d, low + i);
    hn::StoreU(s.a1, d, low + i + lanes);
    hn::StoreU(s.b0, d, high + i);
    hn::StoreU(s.b1, d, high + i + lanes);
  }
  for (; i < end; ++i) {
    const auto counter = static_cast<uint32_t>(i);
    const auto words = threefry({key[0], key[1]}, {counter, counter + distance});
    low[i] = words[0];
    high[i] = words[1];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::random
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::random {
namespace {

HWY_EXPORT(hash_range);

// Pairs of words that a thread should at least compute.
constexpr int64_t grain = 1 << 13;

// count words of one key.
void fill_words(const uint32_t* key, int64_t count, uint32_t* words) {
  const int64_t half = count / 2, middle = count % 2;
  const auto distance = static_cast<uint32_t>(half + middle);
  engine::parallel_for(half, grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(hash_range)(key, begin, end, distance, words, words + distance);
  });
  if (middle) words[half] = threefry({key[0], key[1]}, {static_cast<uint32_t>(half), 0})[0];
}

}  // namespace
}  // namespace mica::random

namespace mica::ops {

void RandomBits::cpu(const cpu::Call& call) const {
  const cpu::Tensor& keys = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  if (out.size == 0) return;
  const auto key_count = static_cast<int64_t>(keys.size / 2);
  const auto bytes = static_cast<int64_t>(out.size) * width / key_count;
  const int64_t words = (bytes + 3) / 4;
  const int64_t key_grain = std::max<int64_t>(1, 2 * random::grain / words);
  engine::parallel_for(key_count, key_grain, [&](int64_t begin, int64_t end) {
    std::vector<uint32_t> padded(bytes % 4 == 0 ? 0 : static_cast<size_t>(words));
    for (int64_t i = begin; i < end; ++i) {
      const uint32_t* key = keys.as<uint32_t>() + 2 * i;
      if (padded.empty()) {
        random::fill_words(key, words, out.as<uint32_t>() + i * words);
      } else {
        random::fill_words(key, words, padded.data());
        std::memcpy(out.as<char>() + i * bytes, padded.data(), static_cast<size_t>(bytes));
      }
    }
  });
}

}  // namespace mica::ops
#endif
