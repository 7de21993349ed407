#include "mica/engine/cpu/fourier.h"

#include <kissfft/kiss_fft.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <list>
#include <mutex>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <vector>

static_assert(std::is_same_v<kiss_fft_scalar, float>, "kissfft in single precision is needed");

namespace mica::cpu {
namespace {

using Complex = std::complex<float>;

Complex* as_complex(float* x) { return reinterpret_cast<Complex*>(x); }
const Complex* as_complex(const float* x) { return reinterpret_cast<const Complex*>(x); }

// Without the checks for infinities of the operator.
Complex product(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

Complex times_i(Complex a) { return {-a.imag(), a.real()}; }

// exp(2 pi i numerator / denominator)
Complex unit_root(int64_t numerator, int64_t denominator) {
  constexpr double two_pi = 6.283185307179586476925286766559;
  const double angle =
      two_pi * static_cast<double>(numerator % denominator) / static_cast<double>(denominator);
  return {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))};
}

class KissPlan final : public FourierPlan {
 public:
  KissPlan(int n, bool inverse) : config_(kiss_fft_alloc(n, inverse, nullptr, nullptr)) {
    if (!config_) throw std::bad_alloc();
  }
  int64_t scratch_size() const override { return 0; }
  void run(const float* in, float* out, float*) const override {
    kiss_fft(config_.get(), reinterpret_cast<const kiss_fft_cpx*>(in),
             reinterpret_cast<kiss_fft_cpx*>(out));
  }

 private:
  struct Free {
    void operator()(kiss_fft_cfg config) const { std::free(config); }
  };
  std::unique_ptr<std::remove_pointer_t<kiss_fft_cfg>, Free> config_;
};

// Bluestein's algorithm, for lengths with large prime factors, on which kissfft takes quadratic
// time: with c[j] = exp(-+pi i j^2 / n) the transform is c[k] times the convolution of in * c with
// conj(c), since 2 j k = j^2 + k^2 - (k - j)^2. The convolution is done by transforms of a length
// m >= 2 n - 1 with small factors.
class BluesteinPlan final : public FourierPlan {
 public:
  BluesteinPlan(int n, bool inverse)
      : n_(n),
        m_(kiss_fft_next_fast_size(padded(n))),
        forward_(m_, false),
        inverse_(m_, true),
        chirp_(static_cast<size_t>(n)),
        filter_(static_cast<size_t>(m_)) {
    std::vector<Complex> conjugates(static_cast<size_t>(m_));
    for (int64_t j = 0; j < n; ++j) {
      const auto i = static_cast<size_t>(j);
      const Complex root = unit_root(j * j % (2 * int64_t{n}), 2 * int64_t{n});
      chirp_[i] = inverse ? root : std::conj(root);
      conjugates[i] = conjugates[j ? conjugates.size() - i : 0] = std::conj(chirp_[i]);
    }
    forward_.run(reinterpret_cast<const float*>(conjugates.data()),
                 reinterpret_cast<float*>(filter_.data()), nullptr);
    for (Complex& value : filter_) value /= static_cast<float>(m_);
  }

  int64_t scratch_size() const override { return 4 * int64_t{m_}; }

  void run(const float* in, float* out, float* scratch) const override {
    Complex* a = as_complex(scratch);
    Complex* b = a + m_;
    for (int j = 0; j < n_; ++j) {
      a[j] = product(as_complex(in)[j], chirp_[static_cast<size_t>(j)]);
    }
    std::fill(a + n_, a + m_, Complex());
    forward_.run(scratch, reinterpret_cast<float*>(b), nullptr);
    for (int j = 0; j < m_; ++j) b[j] = product(b[j], filter_[static_cast<size_t>(j)]);
    inverse_.run(reinterpret_cast<const float*>(b), scratch, nullptr);
    for (int k = 0; k < n_; ++k) {
      as_complex(out)[k] = product(a[k], chirp_[static_cast<size_t>(k)]);
    }
  }

 private:
  static int padded(int n) {
    if (n > (1 << 29)) {
      throw std::length_error(
          "fft: expected at most 2^29 elements along an axis whose length has "
          "a prime factor above 31, got " +
          std::to_string(n));
    }
    return 2 * n - 1;
  }

  int n_, m_;
  KissPlan forward_, inverse_;
  std::vector<Complex> chirp_, filter_;
};

bool has_large_factor(int n) {
  for (int factor = 2; factor <= 31; ++factor) {
    while (n % factor == 0) n /= factor;
  }
  return n > 1;
}

std::unique_ptr<const FourierPlan> complex_plan(int n, bool inverse) {
  if (has_large_factor(n)) return std::make_unique<BluesteinPlan>(n, inverse);
  return std::make_unique<KissPlan>(n, inverse);
}

// A real transform of even length n = 2 h is a complex one of length h: the even elements are the
// real, the odd ones the imaginary parts. With Z the transform of these, E = (Z[k] + conj Z[h-k])/2
// and O = (Z[k] - conj Z[h-k]) / 2i are those of the even and of the odd elements, and the result
// is E + exp(-2 pi i k / n) O.
class EvenRealPlan final : public FourierPlan {
 public:
  EvenRealPlan(int n, bool inverse)
      : half_(n / 2), inverse_(inverse), plan_(complex_plan(half_, inverse)) {
    for (int k = 0; k <= half_; ++k) {
      const Complex root = unit_root(k, n);
      roots_.push_back(inverse ? root : std::conj(root));
    }
  }

  int64_t scratch_size() const override { return 2 * int64_t{half_} + plan_->scratch_size(); }

  void run(const float* in, float* out, float* scratch) const override {
    Complex* z = as_complex(scratch);
    float* rest = scratch + 2 * int64_t{half_};
    if (inverse_) {
      const Complex* x = as_complex(in);
      z[0] = {x[0].real() + x[half_].real(), x[0].real() - x[half_].real()};
      for (int k = 1; k < half_; ++k) {
        const Complex a = x[k], b = std::conj(x[half_ - k]);
        z[k] = a + b + times_i(product(a - b, roots_[static_cast<size_t>(k)]));
      }
      plan_->run(scratch, out, rest);
      return;
    }
    plan_->run(in, scratch, rest);
    Complex* y = as_complex(out);
    for (int k = 0; k <= half_; ++k) {
      const Complex a = z[k == half_ ? 0 : k], b = std::conj(z[k == 0 ? 0 : half_ - k]);
      y[k] = 0.5f * (a + b - times_i(product(a - b, roots_[static_cast<size_t>(k)])));
    }
  }

 private:
  int half_;
  bool inverse_;
  std::unique_ptr<const FourierPlan> plan_;
  std::vector<Complex> roots_;  // exp(-+2 pi i k / n)
};

class OddRealPlan final : public FourierPlan {
 public:
  OddRealPlan(int n, bool inverse) : n_(n), inverse_(inverse), plan_(complex_plan(n, inverse)) {}

  int64_t scratch_size() const override { return 4 * int64_t{n_} + plan_->scratch_size(); }

  void run(const float* in, float* out, float* scratch) const override {
    float* transformed = scratch + 2 * int64_t{n_};
    float* rest = transformed + 2 * int64_t{n_};
    Complex* line = as_complex(scratch);
    if (inverse_) {
      const Complex* x = as_complex(in);
      line[0] = x[0].real();
      for (int k = 1; k <= n_ / 2; ++k) {
        line[k] = x[k];
        line[n_ - k] = std::conj(x[k]);
      }
    } else {
      std::copy(in, in + n_, line);
    }
    plan_->run(scratch, transformed, rest);
    if (inverse_) {
      for (int j = 0; j < n_; ++j) out[j] = transformed[2 * int64_t{j}];
    } else {
      std::copy_n(transformed, 2 * (n_ / 2 + 1), out);
    }
  }

 private:
  int n_;
  bool inverse_;
  std::unique_ptr<const FourierPlan> plan_;
};

std::unique_ptr<const FourierPlan> make_plan(FourierKind kind, int n) {
  switch (kind) {
    case FourierKind::forward:
      return complex_plan(n, false);
    case FourierKind::inverse:
      return complex_plan(n, true);
    default:
      break;
  }
  const bool inverse = kind == FourierKind::real_inverse;
  if (n % 2 == 0) return std::make_unique<EvenRealPlan>(n, inverse);
  return std::make_unique<OddRealPlan>(n, inverse);
}

// The plans used last, the most recent first, of at most capacity elements together.
class PlanCache {
 public:
  std::shared_ptr<const FourierPlan> get(FourierKind kind, int n) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.kind == kind && entry.n == n;
    });
    if (found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
      return found->plan;
    }
    std::shared_ptr<const FourierPlan> plan = make_plan(kind, n);
    if (n > capacity) return plan;
    entries_.push_front({kind, n, plan});
    size_ += n;
    while (size_ > capacity) {
      size_ -= entries_.back().n;
      entries_.pop_back();
    }
    return plan;
  }

 private:
  static constexpr int64_t capacity = 1 << 20;
  struct Entry {
    FourierKind kind;
    int n;
    std::shared_ptr<const FourierPlan> plan;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;
  int64_t size_ = 0;
};

}  // namespace

std::shared_ptr<const FourierPlan> fourier_plan(FourierKind kind, int n) {
  static PlanCache cache;
  return cache.get(kind, n);
}

}  // namespace mica::cpu
