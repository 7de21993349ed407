// io.h of MLX.
#include "tests/api/surface.h"

#include "mlx/io.h"

namespace {

using namespace mx;

TEST(ArraySurface, Io) {
  has<array(std::shared_ptr<io::Reader>, S)>(mx::load);
  has<array(std::string, S)>(mx::load);
  has<GGUFLoad(const std::string&, S)>(mx::load_gguf);
  has<SafetensorsLoad(std::shared_ptr<io::Reader>, S)>(mx::load_safetensors);
  has<SafetensorsLoad(const std::string&, S)>(mx::load_safetensors);
  has<void(std::shared_ptr<io::Writer>, array)>(mx::save);
  has<void(std::string, array)>(mx::save);
  has<void(std::string, std::unordered_map<std::string, array>,
           std::unordered_map<std::string, GGUFMetaData>)>(mx::save_gguf);
  has<void(std::shared_ptr<io::Writer>, std::unordered_map<std::string, array>,
           std::unordered_map<std::string, std::string>)>(mx::save_safetensors);
  has<void(std::string, std::unordered_map<std::string, array>,
           std::unordered_map<std::string, std::string>)>(mx::save_safetensors);
}

}  // namespace
