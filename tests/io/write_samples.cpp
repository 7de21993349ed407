// io_samples FOLDER: writes a file of each format there, for read_samples.py to read.
#include <iostream>
#include <string>
#include <unordered_map>

#include "mica/io/io.h"
#include "mica/ops/ops.h"

using namespace mica;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: io_samples FOLDER\n";
    return 2;
  }
  const std::string folder = std::string(argv[1]) + "/";
  const auto samples = [](std::initializer_list<Dtype> dtypes) {
    std::unordered_map<std::string, array> arrays;
    for (Dtype dtype : dtypes) {
      arrays.emplace(dtype_name(dtype), astype(array({{0, 1, 2}, {3, 100, 5}}), dtype));
    }
    arrays.emplace("transposed", transpose(reshape(arange(6.f), {2, 3})));
    arrays.emplace("scalar", array(2.5f));
    return arrays;
  };
  auto all = samples({bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      bfloat16, float32, float64, complex64});
  all.emplace("empty", zeros({0, 3}));
  save_safetensors(folder + "a.safetensors", all, {{"name", "café"}});
  save_npz(folder + "stored.npz", all);
  save_npz(folder + "deflated.npz", all, true);
  for (const auto& [name, values] : all) save(folder + name + ".npy", values);
  save_gguf(folder + "a.gguf", samples({float16, float32, float64, int8, int16, int32, int64}),
            {{"general.architecture", "mica"},
             {"name", "café"},
             {"list", std::vector<std::string>{"a", "", "bc"}},
             {"layers", array(3u)},
             {"sizes", array({1, 2, 3}, int64)},
             {"rate", array(0.1, float64)},
             {"flag", array(true)}});

  // MLX reads no float64 and no empty arrays, and of gguf fewer types.
  all.erase("float64");
  all.erase("empty");
  save_safetensors(folder + "mlx.safetensors", all);
  save_npz(folder + "mlx.npz", all);
  save_gguf(folder + "mlx.gguf", samples({float16, float32, int8, int16, int32}));
}
