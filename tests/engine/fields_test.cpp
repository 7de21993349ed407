#include "mica/engine/fields.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "mica/ops/quantized.h"

namespace mica::engine {
namespace {

struct NoDefault {
  int a;
  Dtype dtype;
};
struct Nested {
  struct Part {
    std::vector<int> list;
    bool flag;
  } part;
  std::optional<float> number;
  std::string text;
};

TEST(Fields, AreCounted) {
  struct None {};
  EXPECT_EQ(detail::count_fields<None>(), 0u);
  EXPECT_EQ(detail::count_fields<NoDefault>(), 2u);
  EXPECT_EQ(detail::count_fields<Nested>(), 3u);
  EXPECT_EQ(detail::count_fields<ops::Dequantize>(), 4u);
}

// A dtype has no default, so that an op with one can't be made from its other fields alone.
TEST(Fields, OfOpsWithoutADefaultEnterTheKey) {
  const auto key_of = [](const auto& op) {
    Key key;
    add_attributes(op, key);
    return key;
  };
  const ops::Dequantize four{ops::QuantMode::affine, 64, 4, float32};
  const ops::Dequantize eight{ops::QuantMode::affine, 64, 8, float32};
  EXPECT_EQ(key_of(four), key_of(four));
  EXPECT_FALSE(key_of(four) == key_of(eight));
  EXPECT_EQ(std::get<1>(tie_fields(NoDefault{3, int8})), int8);
}

}  // namespace
}  // namespace mica::engine
