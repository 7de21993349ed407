// Transforms of the windows of a signal, and back.
#include <fmt/format.h>

#include "mica/fft/fft.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::fft {
namespace {

using ops::throw_expected;

int checked_hop(const char* op, int n_fft, const std::optional<int>& hop_length) {
  if (n_fft < 1) throw_expected(op, "n_fft of at least 1", std::to_string(n_fft));
  const int hop = hop_length.value_or(n_fft / 4);
  if (hop < 1) throw_expected(op, "hop_length of at least 1", std::to_string(hop));
  return hop;
}

// The window, or win_length ones, in the middle of n_fft elements, float32.
array padded_window(const char* op, const std::optional<array>& window, int n_fft,
                    const std::optional<int>& win_length, const StreamOrDevice& s) {
  if (window) {
    if (window->ndim() != 1) throw_expected(op, "window with one axis", to_string(window->shape()));
    if (window->dtype() == complex64) throw_expected(op, "window of real numbers", "complex64");
  }
  const int size = window ? window->shape(0) : win_length.value_or(n_fft);
  if (size < 0 || size > n_fft) {
    throw_expected(op, fmt::format("window of at most n_fft ({}) elements", n_fft),
                   std::to_string(size));
  }
  const array values = window ? astype(*window, float32, s) : ones({size}, float32, s);
  const int before = (n_fft - size) / 2;
  return pad(values, {0}, {before}, {n_fft - size - before}, array(0.0f), "constant", s);
}

// Adds the frames (batch, frames, size), hop apart, up to signals (batch, length).
array overlap_add(const array& frames, int hop, const StreamOrDevice& s) {
  const int count = frames.shape(1), size = frames.shape(2);
  const ShapeElem length = safe_cast((int64_t{count} - 1) * hop + size, "istft");
  const array starts = multiply(arange(count, s), array(hop), s);
  const array places = add(expand_dims(starts, 1, s), arange(size, s), s);
  const Shape flat{frames.shape(0), safe_cast(int64_t{count} * size, "istft")};
  return scatter_add_axis(zeros({flat[0], length}, frames.dtype(), s),
                          broadcast_to(reshape(places, {1, flat[1]}, s), flat, s),
                          reshape(frames, flat, s), 1, s);
}

ShapeElem count_but(const array& a, size_t axes) {
  int64_t count = 1;
  for (size_t i = 0; i + axes < a.ndim(); ++i) count *= a.shape()[i];
  return static_cast<ShapeElem>(count);
}

}  // namespace

array stft(const array& x, int n_fft, const std::optional<int>& hop_length,
           const std::optional<int>& win_length, const std::optional<array>& window, bool center,
           const std::string& pad_mode, FFTNorm norm, const std::optional<bool>& onesided,
           StreamOrDevice s) {
  constexpr const char* op = "stft";
  if (x.ndim() == 0) throw_expected(op, "x with at least one axis", "a scalar");
  const int hop = checked_hop(op, n_fft, hop_length);
  const array weights = padded_window(op, window, n_fft, win_length, s);

  const bool real = x.dtype() != complex64;
  const ShapeElem batch = count_but(x, 1);
  array signal = reshape(astype(x, real ? float32 : complex64, s), {batch, x.shape(-1)}, s);
  if (center) {
    const int both = n_fft / 2;
    signal = pad(signal, {1}, {both}, {both}, array(0, signal.dtype()), pad_mode, s);
  }
  const int length = signal.shape(1);
  if (length < n_fft) {
    throw_expected(
        op, fmt::format("at least n_fft ({}) elements along the last axis, with padding", n_fft),
        std::to_string(length));
  }
  const int count = 1 + (length - n_fft) / hop;
  const array frames = as_strided(signal, {batch, count, n_fft}, {length, hop, 1}, 0, s);
  const array windowed = multiply(frames, weights, s);
  const bool half = onesided.value_or(real);
  // As MLX, one side is that of the real part.
  const array spectrum = half ? rfft(windowed, -1, norm, s) : fft(windowed, -1, norm, s);
  Shape shape(x.shape().begin(), x.shape().end() - 1);
  shape.push_back(spectrum.shape(2));
  shape.push_back(count);
  return reshape(swapaxes(spectrum, 1, 2, s), shape, s);
}

// As MLX, where the squared windows add up to less than 1e-8, they count as 1e-8.
array istft(const array& stft_matrix, const std::optional<int>& n_fft,
            const std::optional<int>& hop_length, const std::optional<int>& win_length,
            const std::optional<array>& window, bool center, FFTNorm norm,
            const std::optional<bool>& onesided, const std::optional<int>& length,
            StreamOrDevice s) {
  constexpr const char* op = "istft";
  if (stft_matrix.ndim() < 2) {
    throw_expected(op, "stft_matrix (..., frequencies, frames)", to_string(stft_matrix.shape()));
  }
  const bool half = onesided.value_or(true);
  const int frequencies = stft_matrix.shape(-2), count = stft_matrix.shape(-1);
  const int size = n_fft.value_or(half ? 2 * (frequencies - 1) : frequencies);
  const int hop = checked_hop(op, size, hop_length);
  const array weights = padded_window(op, window, size, win_length, s);
  if (count < 1) throw_expected(op, "at least one frame", to_string(stft_matrix.shape()));

  const ShapeElem batch = count_but(stft_matrix, 2);
  const array spectrum = swapaxes(reshape(stft_matrix, {batch, frequencies, count}, s), 1, 2, s);
  const array frames =
      half ? irfft(spectrum, size, -1, norm, s) : real(ifft(spectrum, size, -1, norm, s), s);
  const array summed = overlap_add(multiply(frames, weights, s), hop, s);
  const array squares = broadcast_to(square(weights, s), {1, count, size}, s);
  const array signal = divide(summed, maximum(overlap_add(squares, hop, s), array(1e-8f), s), s);

  const int total = signal.shape(1);
  const int begin = center ? size / 2 : 0;
  const int wanted = std::max(length.value_or(total - 2 * begin), 0);
  const int available = std::clamp(total - begin, 0, wanted);
  const array cut = slice(signal, {0, begin}, {batch, begin + available}, s);
  const array filled = pad(cut, {1}, {0}, {wanted - available}, array(0.0f), "constant", s);
  Shape shape(stft_matrix.shape().begin(), stft_matrix.shape().end() - 2);
  shape.push_back(wanted);
  return reshape(filled, shape, s);
}

}  // namespace mica::fft
