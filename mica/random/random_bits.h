// Random bits from keys.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "mica/engine/op.h"

namespace mica::random {

// Two words of threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1,
// 2, 3", 2011).
constexpr std::array<uint32_t, 2> threefry(std::array<uint32_t, 2> key,
                                           std::array<uint32_t, 2> counter) {
  constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bdau};
  uint32_t a = counter[0] + keys[0], b = counter[1] + keys[1];
  for (uint32_t block = 0; block < 5; ++block) {
    for (int rotation : rotations[block % 2]) {
      a += b;
      b = (b << rotation | b >> (32 - rotation)) ^ a;
    }
    a += keys[(block + 1) % 3];
    b += keys[(block + 2) % 3] + block + 1;
  }
  return {a, b};
}

}  // namespace mica::random

namespace mica::ops {

// Input: keys (..., 2). Output: for each of them `shape`, in elements of `width` bytes. Of the
// words that fill a key's output, the i-th of the first half and that of the second are the hash of
// the counters of their positions; a middle one counts to the first half, with a second counter of
// 0.
struct RandomBits {
  Shape shape;
  int width;

  static constexpr const char* name = "random_bits";
  bool operator==(const RandomBits&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
