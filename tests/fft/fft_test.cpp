// Fourier transforms give mlx's values, at any length, axis and norm.
#include "mica/fft/fft.h"

#include <gtest/gtest.h>

#include <complex>

#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using fft::FFTNorm;
using Goldens = std::unordered_map<std::string, array>;

constexpr std::pair<FFTNorm, const char*> norms[] = {
    {FFTNorm::Backward, "backward"}, {FFTNorm::Ortho, "ortho"}, {FFTNorm::Forward, "forward"}};

class Fourier : public ::testing::Test {
 protected:
  void expect(const std::string& name, const array& actual) const {
    SCOPED_TRACE(name);
    golden::expect_close(actual, file_.at(name), 2e-5, 2e-5);
  }

  const Goldens file_ = golden::load("fft/fft");
  const array x_ = file_.at("x"), z_ = file_.at("z");
};

TEST_F(Fourier, EveryLength) {
  for (const int n : {1, 2, 3, 4, 7, 31, 37, 64, 97, 100, 148, 1009}) {
    const std::string name = "length_" + std::to_string(n) + ".";
    const array line = slice(file_.at("line"), {0}, {n});
    expect(name + "fft", fft::fft(line));
    expect(name + "ifft", fft::ifft(line));
    expect(name + "rfft", fft::rfft(real(line)));
    expect(name + "irfft", fft::irfft(line, n, -1));
    expect(name + "irfft", fft::irfft(slice(line, {0}, {n / 2 + 1}), n, 0));
  }
}

// The overloads of a function over one axis.
template <class Sized, class Default>
void one_axis(const std::function<void(const std::string&, const array&)>& expect,
              const std::string& name, const array& a, const Sized& sized,
              const Default& over_axis) {
  for (const auto& [norm, norm_name] : norms)
    expect(name + "_" + norm_name, over_axis(a, -1, norm));
  expect(name + "_axis", over_axis(a, 0, FFTNorm::Backward));
  expect(name + "_cropped", sized(a, 4, 1, FFTNorm::Backward));
  expect(name + "_filled", sized(a, 9, -2, FFTNorm::Backward));
  expect(name + "_norm_n", sized(a, 7, -1, FFTNorm::Ortho));
}

TEST_F(Fourier, OneAxis) {
  const auto check = [this](const std::string& name, const array& a) { expect(name, a); };
  const auto cases = [&](const std::string& name, const array& a, auto sized, auto over_axis) {
    one_axis(check, name, a, sized, over_axis);
  };
#define MICA_BOTH(function)                                                                      \
  [](const array& a, int n, int axis, FFTNorm norm) { return fft::function(a, n, axis, norm); }, \
      [](const array& a, int axis, FFTNorm norm) { return fft::function(a, axis, norm); }
  cases("fft", x_, MICA_BOTH(fft));
  cases("ifft", z_, MICA_BOTH(ifft));
  cases("rfft", x_, MICA_BOTH(rfft));
  cases("irfft", z_, MICA_BOTH(irfft));
#undef MICA_BOTH
  expect("fft_backward", fft::fft(x_));
  expect("ifft_backward", fft::ifft(z_));
  expect("rfft_backward", fft::rfft(x_));
  expect("irfft_backward", fft::irfft(z_));
}

TEST_F(Fourier, TwoAxes) {
  const std::vector<int> axes{2, 0}, ends{0, -1};
  expect("fft2", fft::fft2(x_));
  expect("fft2_axes", fft::fft2(x_, axes));
  expect("fft2_sizes", fft::fft2(x_, {4, 7}, ends, FFTNorm::Forward));
  expect("ifft2", fft::ifft2(z_));
  expect("ifft2_axes", fft::ifft2(z_, axes));
  expect("ifft2_sizes", fft::ifft2(z_, {4, 7}, ends, FFTNorm::Forward));
  expect("rfft2", fft::rfft2(x_));
  expect("rfft2_axes", fft::rfft2(x_, axes));
  expect("rfft2_sizes", fft::rfft2(x_, {4, 7}, ends, FFTNorm::Forward));
  expect("irfft2", fft::irfft2(z_));
  expect("irfft2_axes", fft::irfft2(z_, axes));
  expect("irfft2_sizes", fft::irfft2(z_, {4, 7}, ends, FFTNorm::Forward));
}

TEST_F(Fourier, AllAxes) {
  const std::vector<int> two{1, 0}, three{1, 2, 0};
  const Shape sizes{3, 8, 2};
  expect("fftn", fft::fftn(x_));
  expect("fftn_ortho", fft::fftn(x_, FFTNorm::Ortho));
  expect("fftn_axes", fft::fftn(x_, two));
  expect("fftn_sizes", fft::fftn(x_, sizes, three));
  expect("ifftn", fft::ifftn(z_));
  expect("ifftn_ortho", fft::ifftn(z_, FFTNorm::Ortho));
  expect("ifftn_axes", fft::ifftn(z_, two));
  expect("ifftn_sizes", fft::ifftn(z_, sizes, three));
  expect("rfftn", fft::rfftn(x_));
  expect("rfftn_ortho", fft::rfftn(x_, FFTNorm::Ortho));
  expect("rfftn_axes", fft::rfftn(x_, two));
  expect("rfftn_sizes", fft::rfftn(x_, sizes, three));
  expect("irfftn", fft::irfftn(z_));
  expect("irfftn_ortho", fft::irfftn(z_, FFTNorm::Ortho));
  expect("irfftn_axes", fft::irfftn(z_, two));
  expect("irfftn_sizes", fft::irfftn(z_, sizes, three));
}

TEST_F(Fourier, DtypesAndLayouts) {
  for (const std::string dtype : {"int32", "bool_", "float16"}) {
    const array a = file_.at("dtypes." + dtype + ".a");
    expect("dtypes." + dtype + ".fft", fft::fft(a));
    expect("dtypes." + dtype + ".rfft", fft::rfft(a));
    expect("dtypes." + dtype + ".irfft", fft::irfft(a));
  }
  const array strided = slice(transpose(x_, {2, 0, 1}), {0, 0, 0}, {5, 2, 6}, {2, 1, 1});
  expect("transposed", fft::fft(strided, 1));
  test::expect_array<complex64_t>(fft::fft(zeros({0, 3})), {0, 3}, {});
  test::expect_array<float>(fft::irfft(zeros({0, 3})), {0, 4}, {});
  test::expect_array<float>(fft::fftn(ones({2}), std::vector<int>{}), {2}, {1, 1});
}

TEST_F(Fourier, ManyLinesOnBothSidesOfAnAxis) {
  const array a = reshape(cos(arange(0.0, 3.0 * 40 * 37, float32)), {3, 40, 37});
  const array last = swapaxes(fft::fft(swapaxes(a, 1, 2), -1), 1, 2);
  golden::expect_close(fft::fft(a, 1), last, 1e-6, 1e-6);
  golden::expect_close(fft::irfft(fft::rfft(a, 1), 40, 1), a, 1e-5, 1e-5);
  golden::expect_close(fft::irfft(fft::rfft(a, 2), 37, 2), a, 1e-5, 1e-5);
  golden::expect_close(real(fft::ifftn(fft::fftn(a))), a, 1e-5, 1e-5);
}

TEST_F(Fourier, SumsOfRealNumbersAreReal) {
  for (int n : {1, 2, 3, 4, 6, 7, 12, 30}) {
    const array y = imag(fft::rfft(random::normal({3, n}, random::key(1))));
    EXPECT_EQ(abs(take(y, 0, 1)).max().item<float>(), 0) << n;
    if (n % 2 == 0) {
      EXPECT_EQ(abs(take(y, -1, 1)).max().item<float>(), 0) << n;
    }
  }
}

TEST_F(Fourier, FrequenciesAndShifts) {
  for (const int n : {1, 2, 5, 8}) {
    const std::string name = "freq_" + std::to_string(n) + ".";
    expect(name + "fftfreq", fft::fftfreq(n));
    expect(name + "fftfreq_d", fft::fftfreq(n, 0.25));
    expect(name + "rfftfreq", fft::rfftfreq(n));
    expect(name + "rfftfreq_d", fft::rfftfreq(n, 0.25));
  }
  expect("shift.fftshift", fft::fftshift(x_));
  expect("shift.fftshift_axes", fft::fftshift(x_, {-1, 1}));
  expect("shift.ifftshift", fft::ifftshift(x_));
  expect("shift.ifftshift_axes", fft::ifftshift(x_, {2}));
  golden::expect_same(fft::fftshift(x_, std::vector<int>{}), x_);
}

// sum |y|^2 under Backward: the gradient of n sum |x|^2 is 2 n x.
TEST_F(Fourier, GradientsFollowParsevalsTheorem) {
  const auto energy = [](const array& y) { return sum(square(abs(y))); };
  const array line = real(slice(file_.at("line"), {0}, {37}));
  const array gradient = grad([&](const array& a) { return energy(fft::fft(a)); })(line);
  golden::expect_close(gradient, line * array(74.0f), 1e-4, 1e-4);
  const auto twice = [&](const array& a) {
    return sum(square(grad([&](const array& b) { return energy(fft::fft(b)); })(a)));
  };
  golden::expect_close(grad(twice)(line), line * array(2.0f * 74 * 74), 1e-4, 1e-4);
}

TEST_F(Fourier, RefusesWhatHasNoTransform) {
  const std::vector<int> repeated{0, -3}, outside{3};
  test::expect_error([&] { fft::fft(array(1.0f)); },
                     "fftn: expected an array with axes, got axis -1 of a scalar");
  test::expect_error([&] { fft::rfftn(array(1.0f)); },
                     "rfftn: expected an array with axes, got a scalar");
  test::expect_error([&] { fft::fftn(x_, repeated); },
                     "fftn: expected each axis once, got axis 0 twice");
  test::expect_error([&] { fft::ifftn(x_, outside); }, "ifftn: expected axis in [-3, 3), got 3");
  test::expect_error(
      [&] {
        fft::fftn(x_, {2}, {0, 1});
      },
      "fftn: expected n for each of 2 axes, got (2,)");
  test::expect_error([&] { fft::fft(x_, 0, -1); },
                     "fftn: expected at least one element along each axis, got (0,)");
  test::expect_error(
      [&] {
        fft::irfft(zeros({2, 1}));
      },
      "irfftn: expected at least one element along each axis, got (0,)");
  test::expect_error([&] { fft::fftfreq(0); }, "fftfreq: expected n of at least 1, got 0");
  test::expect_error([&] { fft::rfftfreq(4, 0); }, "rfftfreq: expected d other than 0, got 0");
  test::expect_error([&] { fft::fftshift(x_, {3}); }, "fftshift: expected axis in [-3, 3), got 3");
}

}  // namespace
}  // namespace mica
