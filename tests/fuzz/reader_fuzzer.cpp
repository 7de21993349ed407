// A libFuzzer program: MICA_FUZZ_READER names the reader that gets the bytes. It must read them or
// throw std::invalid_argument.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include "mica/io/io.h"
#include "mica/io/pytorch.h"
#include "tests/io/streams.h"

namespace {

void evaluate(mica::array values) { values.eval(); }
template <class Value>
void evaluate(const std::unordered_map<std::string, Value>& arrays) {
  for (const auto& [name, value] : arrays) {
    if constexpr (std::is_same_v<Value, mica::array>) evaluate(value);
  }
}
void evaluate(const mica::PickledValue& value) { evaluate(value.tensors()); }
template <class Arrays, class MetaData>
void evaluate(const std::pair<Arrays, MetaData>& loaded) {
  evaluate(loaded.first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes =
      std::make_shared<mica::StringReader>(std::string(reinterpret_cast<const char*>(data), size));
  try {
    evaluate(mica::MICA_FUZZ_READER(bytes));
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
