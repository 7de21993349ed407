// fast::rope gives mlx's values and gradients, and turns a decoding loop into hits of the plan
// cache.
#include "mica/counters.h"
#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_error;

struct Options {
  int dims = 8;
  bool traditional = false;
  float base = 100;
  float scale = 1;
};

class Rope : public ::testing::Test {
 protected:
  template <class Offset>
  void expect_rope(const std::string& name, const array& x, const Options& o, const Offset& offset,
                   Tolerance tolerance = {}) const {
    expect_case(
        file_, name,
        [&](const array& x) {
          return fast::rope(x, o.dims, o.traditional, o.base, o.scale, offset);
        },
        x, tolerance);
  }

  const Goldens file_ = golden::load("fast/rope");
  const array x_ = file_.at("x"), offsets_ = file_.at("offsets");
};

TEST_F(Rope, EveryOption) {
  expect_rope("plain", x_, {}, 0);
  expect_rope("traditional", x_, {.traditional = true}, 0);
  expect_rope("base", x_, {.base = 10000}, 0);
  expect_rope("scale", x_, {.scale = 0.25}, 3);
  expect_rope("offset", x_, {}, 3);
  expect_rope("negative_offset", x_, {}, -2);
  expect_rope("offset_array", x_, {}, array(11));
  expect_rope("offsets_of_batch", x_, {}, offsets_);
  expect_rope("fewer_dims", x_, {.dims = 4}, 3);
  expect_rope("fewer_dims_traditional", x_, {.dims = 4, .traditional = true}, 3);
  expect_rope("three_axes", file_.at("line"), {}, 3);
  expect_rope("five_axes", file_.at("block"), {}, offsets_);
}

TEST_F(Rope, HalfPrecision) {
  expect_rope("float16", file_.at("half"), {}, 3, half_tolerance(float16));
  expect_rope("bfloat16", file_.at("brain"), {}, 3, half_tolerance(bfloat16));
}

TEST_F(Rope, FrequenciesAndTheirGradient) {
  expect_case(
      file_, "freqs_given",
      [](const std::vector<array>& x) {
        return fast::rope(x[0], 8, false, std::nullopt, 1, 3, x[1]);
      },
      {x_, file_.at("freqs")}, file_.at("freqs_given.cotangent"));
}

TEST_F(Rope, StridedInput) {
  const array swapped = contiguous(swapaxes(x_, 1, 2));
  golden::expect_close(fast::rope(swapaxes(swapped, 1, 2), 8, false, 100, 1, 3),
                       file_.at("offset.output"));
  const array reversed = contiguous(swapaxes(x_, -1, -2));
  golden::expect_close(fast::rope(swapaxes(reversed, -1, -2), 8, true, 100, 1, 0),
                       file_.at("traditional.output"));
}

TEST_F(Rope, MapsOffsetsAndFrequencies) {
  const array xs = stack({x_, 2 * x_}), offsets = array({3, 0});
  const auto mapped = [](const array& x, const array& offset) {
    return fast::rope(x, 8, false, 100, 1, offset);
  };
  const array both = vmap(mapped)(xs, offsets);
  golden::expect_close(take(both, 0, 0), file_.at("offset.output"));
  golden::expect_close(take(both, 1, 0), 2 * file_.at("plain.output"));
  const array batched = vmap(mapped, {0, -1})(xs, offsets_);
  golden::expect_close(take(batched, 1, 0), 2 * file_.at("offsets_of_batch.output"));
  const array freqs = stack({file_.at("freqs"), file_.at("freqs") * 3});
  const array each =
      vmap([&](const array& f) { return fast::rope(x_, 8, false, std::nullopt, 1, 3, f); })(freqs);
  golden::expect_close(take(each, 0, 0), file_.at("freqs_given.output"));
  golden::expect_close(take(each, 1, 0),
                       fast::rope(x_, 8, false, std::nullopt, 1, 3, file_.at("freqs") * 3));
}

TEST_F(Rope, EmptyInput) {
  EXPECT_EQ(to_string(fast::rope(zeros({2, 0, 8}), 8, false, 100, 1, 0).shape()), "(2, 0, 8)");
}

TEST_F(Rope, NewOffsetsHitThePlanCache) {
  const auto step = [&](int offset) { fast::rope(x_, 8, false, 100, 1, offset).eval(); };
  step(0);
  const auto before = counters();
  for (int offset = 1; offset < 5; ++offset) step(offset);
  EXPECT_EQ(counters().plan_misses, before.plan_misses);
  EXPECT_EQ(counters().plan_hits, before.plan_hits + 4);
}

TEST_F(Rope, RefusesBadArguments) {
  const array x = zeros({2, 3, 4});
  const auto rope = [](const array& x, int dims, std::optional<float> base, const array& offset,
                       const std::optional<array>& freqs = std::nullopt) {
    return [=] { fast::rope(x, dims, false, base, 1, offset, freqs); };
  };
  expect_error(rope(zeros({3, 4}), 4, 100, array(0)),
               "rope: expected x with at least 3 dimensions, got (3, 4)");
  expect_error(rope(zeros({2, 3, 4}, int32), 4, 100, array(0)),
               "rope: expected x of a floating dtype, got int32");
  for (int dims : {0, -2, 3, 6}) {
    expect_error(rope(x, dims, 100, array(0)),
                 "rope: expected dims even, above 0 and at most the last dimension of x, 4, got " +
                     std::to_string(dims));
  }
  expect_error(rope(x, 4, std::nullopt, array(0)),
               "rope: expected either base or freqs, got neither");
  expect_error(rope(x, 4, 100, array(0), ones({2})),
               "rope: expected either base or freqs, got both");
  expect_error(rope(x, 4, std::nullopt, array(0), ones({3})),
               "rope: expected freqs (2,), got (3,)");
  expect_error(rope(x, 4, 100, array(0.5f)), "rope: expected integer offset, got float32");
  expect_error(rope(x, 4, 100, array({0, 1, 2})), "rope: expected offset () or (2,), got (3,)");
  expect_error(rope(x, 4, 100, array({{0, 1}})), "rope: expected offset () or (2,), got (1, 2)");
}

}  // namespace
}  // namespace mica
