// Random numbers for samples: cheap to start anew for each of them, the same on every machine.
#pragma once

#include <cstdint>

namespace mica::data {

// SplitMix64 (Steele, Lea and Flood, 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  // Independent of those of other numbers: Random(seed).at(epoch).at(index).
  Random at(uint64_t number) const {
    Random parent(state_ + 0x632BE59BD9B4E019u * (number + 1));
    return Random(parent.bits());
  }

  uint64_t bits() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // Uniform in [0, n); n is at least 1.
  uint64_t below(uint64_t n) {
    const uint64_t excess = (0 - n) % n;  // 2^64 modulo n: the lowest numbers would come too often
    uint64_t value = bits();
    while (value < excess) value = bits();
    return value % n;
  }

 private:
  uint64_t state_;
};

}  // namespace mica::data
