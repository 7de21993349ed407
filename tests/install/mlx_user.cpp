#include <iostream>

#include "mlx/mlx.h"

namespace mx = mlx::core;

int main() { std::cout << mx::sum(mx::array({1.0f, 2.0f})) << "\n"; }
