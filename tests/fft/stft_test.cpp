// Transforms of windows give mlx's values, and their inverse the signal.
#include <gtest/gtest.h>

#include "mica/fft/fft.h"
#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using fft::FFTNorm;

struct Options {
  std::optional<int> hop = {}, win_length = {};
  std::optional<array> window = {};
  bool center = true;
  std::string pad_mode = "reflect";
  FFTNorm norm = FFTNorm::Backward;
  std::optional<bool> onesided = {};
};

class Stft : public ::testing::Test {
 protected:
  void expect(const std::string& name, const array& actual) const {
    SCOPED_TRACE(name);
    golden::expect_close(actual, file_.at(name), 1e-4, 1e-5);
  }
  void expect_both(const std::string& name, const Options& o) const {
    const array spectrum =
        fft::stft(x_, 8, o.hop, o.win_length, o.window, o.center, o.pad_mode, o.norm, o.onesided);
    expect(name + ".stft", spectrum);
    expect(name + ".istft",
           fft::istft(spectrum, 8, o.hop, o.win_length, o.window, o.center, o.norm, o.onesided));
  }

  const std::unordered_map<std::string, array> file_ = golden::load("fft/stft");
  const array x_ = file_.at("x"), z_ = file_.at("z"), hann_ = file_.at("hann");
};

TEST_F(Stft, EveryOption) {
  expect_both("default", {});
  expect_both("hop", {.hop = 3});
  expect_both("win_length", {.win_length = 5});
  expect_both("window", {.window = hann_});
  expect_both("short_window", {.hop = 2, .window = file_.at("short")});
  expect_both("no_center", {.center = false});
  expect_both("constant", {.pad_mode = "constant"});
  expect_both("edge", {.pad_mode = "edge"});
  expect_both("ortho", {.norm = FFTNorm::Ortho});
  expect_both("forward", {.norm = FFTNorm::Forward});
  expect_both("two_sided", {.onesided = false});
  const array line = sin(arange(0.0, 5000.0, float32));
  golden::expect_same(fft::stft(line), fft::stft(line, 2048, 512, 2048, ones({2048}), true,
                                                 "reflect", FFTNorm::Backward, true));
}

TEST_F(Stft, OddComplexAndLong) {
  const array odd = fft::stft(x_, 7, 2);
  expect("odd", odd);
  expect("odd_inverse", fft::istft(odd, 7, 2));
  const std::optional<int> none;
  const std::optional<array> no_window;
  const array both = fft::stft(z_, 8);
  expect("complex", both);
  expect("complex_one_sided",
         fft::stft(z_, 8, none, none, no_window, true, "reflect", FFTNorm::Backward, true));
  expect("complex_inverse",
         fft::istft(both, none, none, none, no_window, true, FFTNorm::Backward, false));
  expect("mirrored_twice", fft::stft(x_, 60, 30));
}

TEST_F(Stft, InverseOptions) {
  const std::optional<int> none;
  const std::optional<array> no_window;
  const array spectrum = fft::stft(x_, 8);
  const auto with_length = [&](int length, bool center) {
    return fft::istft(spectrum, none, none, none, no_window, center, FFTNorm::Backward, {}, length);
  };
  expect("inferred", fft::istft(spectrum));
  expect("length", with_length(7, true));
  expect("long_length", with_length(26, true));
  expect("no_center_length", with_length(31, false));
  expect("other_n_fft", fft::istft(spectrum, 12));
  const array tiny({1e-6f, 1.0f, 1.0f, 1e-3f});
  const array apart = fft::stft(x_, 4, 4, none, no_window, false);
  golden::expect_close(fft::istft(apart, 4, 4, none, tiny, false), file_.at("tiny"), 1e-4, 1e-5);
  golden::expect_close(fft::istft(spectrum), x_, 1e-5, 1e-5);
  test::expect_array<float>(fft::istft(zeros({0, 3, 2}), 4), {0, 1}, {});
}

TEST_F(Stft, Gradients) {
  const auto gradient = [&](const auto& f, const std::string& name) {
    const auto [outputs, gradients] =
        vjp([&](const std::vector<array>& x) { return std::vector<array>{f(x[0])}; },
            std::vector<array>{x_}, std::vector<array>{file_.at(name + ".cotangent")});
    expect(name + ".output", outputs[0]);
    expect(name + ".gradients.0", gradients[0]);
  };
  gradient([&](const array& x) { return abs(fft::stft(x, 8, {}, {}, hann_)); }, "gradients");
  gradient([&](const array& x) { return fft::istft(square(fft::stft(x, 8, {}, {}, hann_))); },
           "inverse_gradients");
}

TEST_F(Stft, BatchesEqualALoop) {
  const array batched = vmap([](const array& x) { return fft::stft(x, 8); })(x_);
  golden::expect_close(batched, fft::stft(x_, 8), 1e-6, 1e-6);
  const array back = vmap([](const array& y) { return fft::istft(y); })(batched);
  golden::expect_close(back, x_, 1e-5, 1e-5);
}

TEST_F(Stft, RefusesWhatHasNoWindows) {
  using test::expect_error;
  expect_error([&] { fft::stft(array(1.0f)); },
               "stft: expected x with at least one axis, got a scalar");
  expect_error([&] { fft::stft(x_, 0); }, "stft: expected n_fft of at least 1, got 0");
  expect_error([&] { fft::stft(x_, 3); }, "stft: expected hop_length of at least 1, got 0");
  expect_error([&] { fft::stft(x_, 8, 2, 9); },
               "stft: expected window of at most n_fft (8) elements, got 9");
  expect_error([&] { fft::stft(x_, 8, 2, {}, ones({9})); },
               "stft: expected window of at most n_fft (8) elements, got 9");
  expect_error(
      [&] {
        fft::stft(x_, 8, 2, {}, ones({2, 2}));
      },
      "stft: expected window with one axis, got (2, 2)");
  expect_error([&] { fft::stft(x_, 8, 2, {}, ones({2}, complex64)); },
               "stft: expected window of real numbers, got complex64");
  expect_error([&] { fft::stft(x_, 30, 2, {}, {}, false); },
               "stft: expected at least n_fft (30) elements along the last axis, with padding, "
               "got 20");
  expect_error([&] { fft::istft(ones({4})); },
               "istft: expected stft_matrix (..., frequencies, frames), got (4,)");
  expect_error([&] { fft::istft(ones({1, 4})); }, "istft: expected n_fft of at least 1, got 0");
  expect_error([&] { fft::istft(ones({5, 0})); }, "istft: expected at least one frame, got (5, 0)");
}

}  // namespace
}  // namespace mica
