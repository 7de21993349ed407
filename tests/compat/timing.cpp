// Written for MLX C++: times matrix products, elementwise chains and compiled functions, and prints
// what they computed. The times go to the standard error stream.
#include <chrono>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "mlx/mlx.h"

namespace mx = mlx::core;

namespace {

void time(const std::string& name, const std::function<mx::array()>& function, int repeats = 5) {
  mx::eval(function());
  mx::synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) mx::eval(function());
  mx::synchronize(mx::default_stream(mx::default_device()));
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  std::cerr << name << ": " << elapsed.count() / repeats << " ms\n";
}

std::vector<mx::array> gelu(const std::vector<mx::array>& inputs) {
  const mx::array& x = inputs[0];
  return {x * (mx::erf(x / mx::sqrt(mx::array(2.0f))) + mx::array(1.0f)) / mx::array(2.0f)};
}

}  // namespace

int main() {
  mx::set_default_device(mx::Device::cpu);
  std::cout << mx::default_device() << " " << mx::is_available(mx::Device(mx::Device::cpu)) << " "
            << mx::metal::is_available() << "\n";
  std::cout << std::fixed << std::setprecision(2);

  mx::array a = mx::reshape(mx::arange(0.0, 1.0, 1.0 / 65536, mx::float32), {256, 256});
  mx::array b = mx::transpose(a);
  time("matmul", [&] { return mx::matmul(a, b); });
  std::cout << "matmul " << mx::sum(mx::matmul(a, b)).item<float>() / 1e4 << "\n";

  mx::Stream second = mx::new_stream(mx::Device::cpu);
  mx::array on_second = mx::add(a, b, second);
  mx::array back = mx::subtract(on_second, b);
  std::cout << "streams " << mx::allclose(back, a).item<bool>() << "\n";

  auto compiled = mx::compile(gelu);
  time("gelu", [&] { return gelu({a})[0]; });
  time("compiled gelu", [&] { return compiled({a})[0]; });
  std::cout << "gelu "
            << mx::array_equal(mx::round(gelu({a})[0], 4), mx::round(compiled({a})[0], 4)) << " "
            << mx::mean(compiled({a})[0]).item<float>() << "\n";

  auto softmax_of_rows = [](const mx::array& x) {
    return mx::exp(x) / mx::sum(mx::exp(x), -1, true);
  };
  mx::array rows = mx::vmap(std::function<mx::array(const mx::array&)>(softmax_of_rows))(a);
  std::cout << "softmax " << mx::allclose(rows, mx::softmax(a, -1)).item<bool>() << "\n";

  mx::array scattered = mx::scatter_add(mx::zeros({4}), mx::array({0, 2, 2}),
                                        mx::reshape(mx::array({1.0f, 2.0f, 3.0f}), {3, 1}), 0);
  std::cout << "scatter " << scattered << "\n";
  auto parts = mx::split(mx::arange(6), 3);
  std::cout << "split " << parts.size() << " " << parts[2] << "\n";
  std::cout << "cumsum " << mx::cumsum(mx::array({1, 2, 3}), 0, true, false) << "\n";
  std::cout << "slice " << mx::slice(mx::reshape(mx::arange(12), {3, 4}), {0, 1}, {3, 4}, {2, 2})
            << "\n";
  std::cout << "half " << mx::astype(mx::array({1.5f, 2.25f}), mx::bfloat16) << " "
            << mx::promote_types(mx::float16, mx::bfloat16) << "\n";
  std::cout << "memory " << (mx::get_peak_memory() >= mx::get_active_memory()) << "\n";
}
