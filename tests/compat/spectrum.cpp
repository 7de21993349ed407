// Finds the tones of a signal, and filters one out: transforms, einsum and windows.
#include <iostream>

#include "mlx/mlx.h"

namespace mx = mlx::core;

int main() {
  const int n = 256;
  const double rate = 1000;
  mx::array t = mx::arange(0.0, double(n)) / static_cast<float>(rate);
  mx::array tones = mx::array({62.5f, 250.0f});
  mx::array waves = mx::sin(mx::outer(tones, t) * 6.283185307f);
  mx::array signal = mx::einsum("t,tn->n", {mx::array({1.0f, 0.5f}), waves});

  mx::array power = mx::square(mx::abs(mx::fft::rfft(signal)));
  mx::array order = mx::argsort(power);
  mx::array loudest = mx::slice(order, {order.shape(0) - 2}, {order.shape(0)});
  std::cout << "tones at " << mx::take(mx::fft::rfftfreq(n, 1 / rate), loudest, 0) << " Hz\n";

  mx::array spectrum = mx::fft::fft(signal, -1, mx::fft::FFTNorm::Ortho);
  mx::array low = mx::less(mx::abs(mx::fft::fftfreq(n, 1 / rate)), mx::array(100.0f));
  mx::array filtered = mx::real(mx::fft::ifft(mx::where(low, spectrum, mx::zeros_like(spectrum)),
                                              -1, mx::fft::FFTNorm::Ortho));
  mx::array error = mx::max(mx::abs(filtered - mx::take(waves, 0, 0)));
  std::cout << "filtered: " << (error.item<float>() < 1e-4f) << "\n";

  std::optional<mx::array> window = mx::hanning(64);
  mx::array frames = mx::fft::stft(signal, 64, std::nullopt, std::nullopt, window);
  std::cout << "frames " << frames.shape() << "\n";
  mx::array again = mx::fft::istft(frames, 64, std::nullopt, std::nullopt, window);
  std::cout << "reconstructed: "
            << mx::allclose(again, mx::slice(signal, {0}, {again.shape(0)}), 1e-4, 1e-4) << "\n";

  auto [path, text] = mx::einsum_path(
      "ij,jk,kl->il", {mx::zeros({2, 30}), mx::zeros({30, 40}), mx::zeros({40, 5})});
  std::cout << text;
  for (const auto& step : path) std::cout << step[0] << " " << step[1] << "\n";
}
