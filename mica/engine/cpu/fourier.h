// Discrete Fourier transforms of one line of numbers, on kissfft: the only file that includes its
// header.
#pragma once

#include <cstdint>
#include <memory>

namespace mica::cpu {

// What a line becomes. Complex numbers are pairs of floats; h = n / 2.
enum class FourierKind : uint8_t {
  forward,       // n complex: out[k] is the sum over j of in[j] exp(-2 pi i j k / n)
  inverse,       // n complex: the same with exp(+2 pi i j k / n)
  real_forward,  // n real to the first h + 1 of forward's
  real_inverse,  // h + 1 complex to n real: inverse of the line that continues so that the result
                 // is real; the imaginary parts of in[0] and, for even n, in[h] count as 0
};

// The tables of a transform of n >= 1 numbers.
class FourierPlan {
 public:
  virtual ~FourierPlan() = default;
  // Floats that run() needs for itself.
  virtual int64_t scratch_size() const = 0;
  // in, out and scratch don't overlap. Plans are shared by threads, scratch is not.
  virtual void run(const float* in, float* out, float* scratch) const = 0;
};

// Recently used plans are kept.
std::shared_ptr<const FourierPlan> fourier_plan(FourierKind kind, int n);

}  // namespace mica::cpu
