// fast::scaled_dot_product_attention gives mlx's values and gradients.
#include "mica/counters.h"
#include "mica/engine/cpu/parallel.h"
#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using fast::cached_attention;
using fast::scaled_dot_product_attention;
using test::expect_error;

struct Options {
  float scale = 0.35f;
  std::string mode = "";
  std::optional<array> mask = std::nullopt;
};

class Attention : public ::testing::Test {
 protected:
  void expect_attention(const std::string& name, const std::vector<array>& operands,
                        const Options& o = {}, Tolerance tolerance = {}) const {
    expect_case(
        file_, name,
        [&](const std::vector<array>& x) {
          return scaled_dot_product_attention(x[0], x[1], x[2], o.scale, o.mode, o.mask);
        },
        operands, file_.at(name + ".cotangent"), tolerance);
  }

  void expect_sinks(const std::string& name, const Options& o) const {
    expect_case(
        file_, name,
        [&](const std::vector<array>& x) {
          return scaled_dot_product_attention(x[0], x[1], x[2], o.scale, o.mode, o.mask, x[3]);
        },
        {q_, k_, v_, file_.at("sinks")}, file_.at(name + ".cotangent"));
  }

  const Goldens file_ = golden::load("fast/attention");
  const array q_ = file_.at("q"), k_ = file_.at("k"), v_ = file_.at("v");
  const std::vector<array> long_{file_.at("long_q"), file_.at("long_k"), file_.at("long_v")};
};

TEST_F(Attention, HeadsAndScale) {
  expect_attention("grouped", {q_, k_, v_});
  expect_attention("every_head", {q_, file_.at("all_k"), file_.at("all_v")});
  expect_attention("scale", {q_, k_, v_}, {.scale = 1});
  expect_attention("one_query", {slice(q_, {0, 0, 0, 0}, {2, 4, 1, 8}), k_, v_});
}

TEST_F(Attention, Causal) {
  expect_attention("causal", {q_, k_, v_}, {.mode = "causal"});
  expect_attention("causal_more_queries", {file_.at("many_q"), k_, v_}, {.mode = "causal"});
}

TEST_F(Attention, Masks) {
  for (const char* mode : {"", "array"}) {
    expect_attention("boolean", {q_, k_, v_}, {.mode = mode, .mask = file_.at("seen")});
  }
  expect_attention("row_of_hidden", {q_, k_, v_}, {.mask = file_.at("hidden_row")});
  expect_attention("mask_of_batch", {q_, k_, v_}, {.mask = file_.at("batch_mask")});
  expect_attention("with_infinities", {q_, k_, v_}, {.mask = file_.at("infinite")});
  expect_case(
      file_, "additive",
      [](const std::vector<array>& x) {
        return scaled_dot_product_attention(x[0], x[1], x[2], 0.35f, "", x[3]);
      },
      {q_, k_, v_, file_.at("head_mask")}, file_.at("additive.cotangent"));
}

TEST_F(Attention, Sinks) {
  expect_sinks("sinks_alone", {});
  expect_sinks("sinks_causal", {.mode = "causal"});
  expect_sinks("sinks_row_of_hidden", {.mask = file_.at("hidden_row")});
}

TEST_F(Attention, ManyBlocks) {
  const array mask = file_.at("long_mask");
  expect_attention("long", long_);
  expect_attention("long_causal", long_, {.mode = "causal"});
  expect_attention("long_additive", long_, {.mask = mask});
  expect_attention("long_boolean", long_, {.mask = mask > array(0)});
}

#if !defined(__SANITIZE_THREAD__)  // libgomp is not instrumented for it
// Two key heads' gradients among more threads than that.
TEST_F(Attention, ManyThreads) {
  const int before = engine::num_threads();
  for (const int threads : {1, 3, 8}) {
    engine::set_num_threads(threads);
    expect_attention("long", long_);
    expect_attention("long_causal", long_, {.mode = "causal"});
    expect_attention("grouped", {q_, k_, v_});
  }
  engine::set_num_threads(before);
}
#endif

TEST_F(Attention, HalfPrecision) {
  for (const Dtype dtype : {float16, bfloat16}) {
    const std::vector<array> x{astype(q_, dtype), astype(k_, dtype), astype(v_, dtype)};
    const std::string name = dtype_name(dtype);
    expect_attention(name, x, {}, half_tolerance(dtype));
    expect_attention(name + "_causal", x, {.mode = "causal"}, half_tolerance(dtype));
  }
}

TEST_F(Attention, DoublePrecision) {
  const auto wide = [&](const array& x) { return astype(x, float64); };
  const array out = scaled_dot_product_attention(wide(q_), wide(k_), wide(v_), 0.35f, "causal");
  EXPECT_EQ(out.dtype(), float64);
  golden::expect_close(astype(out, float32), file_.at("causal.output"));
}

// Heads that lie side by side in each row, as a projection leaves them; and columns that don't.
TEST_F(Attention, StridedOperands) {
  const auto by_row = [](const array& x) { return swapaxes(contiguous(swapaxes(x, 1, 2)), 1, 2); };
  const auto by_column = [](const array& x) {
    return swapaxes(contiguous(swapaxes(x, -1, -2)), -1, -2);
  };
  expect_attention("causal", {by_row(q_), by_row(k_), by_row(v_)}, {.mode = "causal"});
  expect_attention("causal", {by_column(q_), by_column(k_), by_column(v_)}, {.mode = "causal"});
  expect_attention("long", {by_row(long_[0]), by_column(long_[1]), by_row(long_[2])});
}

TEST_F(Attention, NothingToAttendTo) {
  const array none = zeros({2, 2, 0, 8});
  golden::expect_same(scaled_dot_product_attention(q_, none, none, 1), zeros({2, 4, 3, 8}));
  const array no_queries = zeros({2, 4, 0, 8});
  EXPECT_EQ(to_string(scaled_dot_product_attention(no_queries, k_, v_, 1).shape()), "(2, 4, 0, 6)");
  const auto gradients =
      vjp(
          [](const std::vector<array>& x) {
            return std::vector<array>{scaled_dot_product_attention(x[0], x[1], x[2], 1)};
          },
          std::vector<array>{no_queries, k_, v_}, std::vector<array>{zeros({2, 4, 0, 6})})
          .second;
  golden::expect_same(gradients[1], zeros_like(k_));
}

TEST_F(Attention, MapsSinksToo) {
  const array sinks = stack({file_.at("sinks"), 2 * file_.at("sinks")});
  const array both = vmap([&](const array& sinks) {
    return scaled_dot_product_attention(q_, k_, v_, 0.35f, "", {}, sinks);
  })(sinks);
  golden::expect_close(take(both, 0, 0), file_.at("sinks_alone.output"));
  golden::expect_close(take(both, 1, 0), scaled_dot_product_attention(q_, k_, v_, 0.35f, "", {},
                                                                      2 * file_.at("sinks")));
}

// A cache of capacity 8 that holds 5 keys; what lies behind them does not matter.
TEST_F(Attention, CacheOfFixedCapacity) {
  const auto cache = [](const array& x) {
    return concatenate({x, full({2, 2, 3, x.shape(3)}, array(NAN))}, 2);
  };
  const array keys = cache(k_), values = cache(v_);
  golden::expect_close(cached_attention(q_, keys, values, array(5), 0.35f),
                       file_.at("causal.output"));
  golden::expect_close(cached_attention(q_, keys, values, array({5, 5}), 0.35f, false),
                       file_.at("grouped.output"));
  const auto first = [](const array& x) { return slice(x, {0, 0, 0, 0}, {2, 2, 2, x.shape(3)}); };
  golden::expect_close(
      take(cached_attention(q_, keys, values, array({2, 5}), 0.35f), 0, 0),
      take(scaled_dot_product_attention(q_, first(k_), first(v_), 0.35f, "causal"), 0, 0));
  golden::expect_same(cached_attention(q_, keys, values, array(0), 0.35f), zeros({2, 4, 3, 6}));
}

// A token's query reads the cache in place, in any dtype; more keys than one block has.
TEST_F(Attention, DecodingInHalfPrecision) {
  const array q = slice(long_[0], {0, 0, 0, 0}, {1, 2, 1, 4}), length(570);
  for (const Dtype dtype : {float16, bfloat16, float32}) {
    const array k = astype(long_[1], dtype), v = astype(long_[2], dtype);
    const auto by_row = [](const array& x) {
      return swapaxes(contiguous(swapaxes(x, 1, 2)), 1, 2);
    };
    const array out = cached_attention(astype(q, dtype), k, v, length, 0.35f);
    const array expected = cached_attention(astype(astype(q, dtype), float64), astype(k, float64),
                                            astype(v, float64), length, 0.35f);
    EXPECT_EQ(out.dtype(), dtype);
    expect_close(astype(out, float64), expected,
                 dtype == float32 ? Tolerance() : half_tolerance(dtype));
    const array strided = cached_attention(astype(q, dtype), by_row(k), by_row(v), length, 0.35f);
    golden::expect_same(strided, out);
  }
}

TEST_F(Attention, NewLengthsHitThePlanCache) {
  const auto step = [&](int length) { cached_attention(q_, k_, v_, array(length), 1).eval(); };
  step(1);
  const auto before = counters();
  for (int length = 2; length < 6; ++length) step(length);
  EXPECT_EQ(counters().plan_misses, before.plan_misses);
  EXPECT_EQ(counters().plan_hits, before.plan_hits + 4);
}

TEST_F(Attention, RefusesBadArguments) {
  const std::string name = "scaled_dot_product_attention: expected ";
  const array q = zeros({2, 4, 3, 5}), k = zeros({2, 2, 7, 5});
  const auto call = [](const array& q, const array& k, const array& v, const std::string& mode = "",
                       const std::optional<array>& mask = {},
                       const std::optional<array>& sinks = {}) {
    return [=] { scaled_dot_product_attention(q, k, v, 1, mode, mask, sinks); };
  };
  expect_error(call(zeros({4, 3, 5}), k, k),
               name + "queries (batch, heads, length, size), got (4, 3, 5)");
  expect_error(call(q, zeros({1, 2, 7, 5}), k),
               name + "keys (2, heads, length, 5), got (1, 2, 7, 5)");
  expect_error(call(q, zeros({2, 2, 7, 6}), k),
               name + "keys (2, heads, length, 5), got (2, 2, 7, 6)");
  expect_error(call(zeros({2, 3, 3, 5}), k, k),
               name + "a multiple of the keys' 2 heads in queries, got 3");
  expect_error(call(q, k, zeros({2, 4, 7, 5})), name + "values (2, 2, 7, size), got (2, 4, 7, 5)");
  expect_error(call(q, k, zeros({2, 2, 6, 5})), name + "values (2, 2, 7, size), got (2, 2, 6, 5)");
  expect_error(call(astype(q, int32), astype(k, int32), astype(k, int32)),
               name + "operands of a floating dtype, got int32");
  expect_error(call(q, k, k, "causl"),
               name + "mask_mode \"\", \"causal\" or \"array\", got \"causl\"");
  expect_error(call(q, k, k, "array"), name + "mask_arr with mask_mode \"array\", got none");
  expect_error(call(q, k, k, "causal", ones({3, 7})),
               name + "no mask_arr with mask_mode \"causal\", got one");
  expect_error(call(q, k, k, "", ones({4, 7})),
               name + "a mask that broadcasts to (2, 4, 3, 7), got (4, 7)");
  expect_error(call(q, k, k, "", ones({1, 1, 1, 1, 7})),
               name + "a mask that broadcasts to (2, 4, 3, 7), got (1, 1, 1, 1, 7)");
  const array half_q = astype(q, float16), half_k = astype(k, float16);
  expect_error(call(half_q, half_k, half_k, "", ones({7})),
               name + "a mask of a dtype that promotes to float16, got float32");
  expect_error(call(half_q, half_k, half_k, "", {}, ones({4})),
               name + "sinks of a dtype that promotes to float16, got float32");
  expect_error(call(q, k, k, "", {}, ones({3})), name + "sinks (4,), got (3,)");
  expect_error([&] { cached_attention(q, k, k, array(1.5f), 1); },
               "cached_attention: expected integer length, got float32");
  expect_error(
      [&] {
        cached_attention(q, k, k, array({1, 2, 3}), 1);
      },
      "cached_attention: expected length () or (2,), got (3,)");
}

}  // namespace
}  // namespace mica
