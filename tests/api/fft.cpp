// fft.h of MLX.
#include "tests/api/surface.h"

#include "mlx/fft.h"

namespace {

using namespace mx;

TEST(ArraySurface, Fft) {
  has<array(const array&, int, int, fft::FFTNorm, S)>(mx::fft::fft);
  has<array(const array&, int, fft::FFTNorm, S)>(mx::fft::fft);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::fft2);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::fft2);
  has<array(int, double, S)>(mx::fft::fftfreq);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::fftn);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::fftn);
  has<array(const array&, fft::FFTNorm, S)>(mx::fft::fftn);
  has<array(const array&, S)>(mx::fft::fftshift);
  has<array(const array&, const std::vector<int>&, S)>(mx::fft::fftshift);
  has<array(const array&, int, int, fft::FFTNorm, S)>(mx::fft::ifft);
  has<array(const array&, int, fft::FFTNorm, S)>(mx::fft::ifft);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::ifft2);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::ifft2);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::ifftn);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::ifftn);
  has<array(const array&, fft::FFTNorm, S)>(mx::fft::ifftn);
  has<array(const array&, S)>(mx::fft::ifftshift);
  has<array(const array&, const std::vector<int>&, S)>(mx::fft::ifftshift);
  has<array(const array&, int, int, fft::FFTNorm, S)>(mx::fft::irfft);
  has<array(const array&, int, fft::FFTNorm, S)>(mx::fft::irfft);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::irfft2);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::irfft2);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::irfftn);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::irfftn);
  has<array(const array&, fft::FFTNorm, S)>(mx::fft::irfftn);
  has<array(const array&, const std::optional<int>&, const std::optional<int>&,
            const std::optional<int>&, const std::optional<array>&, bool, fft::FFTNorm,
            const std::optional<bool>&, const std::optional<int>&, S)>(mx::fft::istft);
  has<array(const array&, int, int, fft::FFTNorm, S)>(mx::fft::rfft);
  has<array(const array&, int, fft::FFTNorm, S)>(mx::fft::rfft);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::rfft2);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::rfft2);
  has<array(int, double, S)>(mx::fft::rfftfreq);
  has<array(const array&, const Shape&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::rfftn);
  has<array(const array&, const std::vector<int>&, fft::FFTNorm, S)>(mx::fft::rfftn);
  has<array(const array&, fft::FFTNorm, S)>(mx::fft::rfftn);
  has<array(const array&, int, const std::optional<int>&, const std::optional<int>&,
            const std::optional<array>&, bool, const std::string&, fft::FFTNorm,
            const std::optional<bool>&, S)>(mx::fft::stft);
}

}  // namespace
