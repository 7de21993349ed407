// What this machine can do at most: the figures that speeds are divided by.
#pragma once

namespace benchmarks {

struct Roofline {
  double read;   // bytes a second, from memory
  double copy;   // bytes read and written a second, from memory to memory
  double flops;  // float32 multiplications and additions a second
};

// With `threads` threads; takes about a second.
Roofline measure_roofline(int threads);

}  // namespace benchmarks
