// stream_copy writes what memcpy writes, and nothing beside it.
#include "mica/engine/cpu/stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace mica::cpu {
namespace {

TEST(StreamCopy, AnyAlignmentAndLength) {
  std::vector<char> in(512);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<char>(i * 7 + 1);
  for (size_t offset : {0, 1, 16, 63, 64}) {
    for (size_t bytes : {0, 1, 15, 63, 64, 65, 128, 200, 300}) {
      std::vector<char> out(512, 0), expected(512, 0);
      stream_copy(in.data() + 3, out.data() + offset, bytes);
      stream_fence();
      for (size_t i = 0; i < bytes; ++i) expected[offset + i] = in[i + 3];
      ASSERT_EQ(out, expected) << bytes << " bytes to offset " << offset;
    }
  }
}

}  // namespace
}  // namespace mica::cpu
