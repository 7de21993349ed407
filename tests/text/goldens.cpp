#include "tests/text/goldens.h"

#include <zlib.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace mica::text {

std::string golden_path(const std::string& name) {
  return MICA_SOURCE_DIR "/tests/golden/text/" + name;
}

nlohmann::json read_golden(const std::string& name) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(golden_path(name).c_str(), "rb"),
                                                        gzclose);
  if (!file) throw std::runtime_error("can't read " + golden_path(name));
  std::string text;
  std::array<char, 1 << 16> part{};
  int size = 0;
  while ((size = gzread(file.get(), part.data(), part.size())) > 0) {
    text.append(part.data(), static_cast<size_t>(size));
  }
  return nlohmann::json::parse(text);
}

}  // namespace mica::text
