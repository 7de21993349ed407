// Draws of random.h from a key.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;

// Uniform draws go through a logarithm or an inverse error function.
constexpr Tolerance draws{.ulps = 4, .half_ulps = 1};
constexpr Tolerance tails{.ulps = 16, .half_ulps = 1};  // mlx's erf is off by several ulps

// The default sequence's draws behind seed(11).
std::vector<array> seeded() {
  random::seed(11);
  std::vector<array> drawn;
  drawn.push_back(random::uniform({3}));
  drawn.push_back(random::normal({3}));
  drawn.push_back(random::randint(0, 100, {3}));
  drawn.push_back(random::bernoulli(0.5, {5}));
  drawn.push_back(random::permutation(6));
  return drawn;
}

constexpr Case cases[] = {
    {"key", [](In) -> Out { return std::pair(random::key(0), random::key((1ULL << 40) + 3)); }},
    {"seed", [](In) -> Out { return seeded(); }, draws},
    {"split", [](In x) -> Out { return random::split(x[0]); }},
    {"split_num", [](In x) -> Out { return random::split(x[0], 5); }},
    {"uniform",
     [](In x) -> Out {
       return random::uniform({3, 5}, x[0]);
     }},
    {"uniform_empty",
     [](In x) -> Out {
       return random::uniform({2, 0}, x[0]);
     }},
    {"uniform_scalar", [](In x) -> Out { return random::uniform({}, x[0]); }},
    {"uniform_dtype", [](In x) -> Out { return random::uniform({7}, float32, x[0]); }},
    {"uniform_numbers",
     [](In x) -> Out {
       return random::uniform(-2, 5.5, {2, 3}, float32, x[0]);
     }},
    {"normal", [](In x) -> Out { return random::normal({9}, float32, x[0]); }, draws},
    {"normal_loc_scale",
     [](In x) -> Out {
       return random::normal({4, 2}, float32, 2.5f, 0.5f, x[0]);
     },
     draws},
    {"gumbel", [](In x) -> Out { return random::gumbel({6}, float32, x[0]); }, draws},
    {"laplace", [](In x) -> Out { return random::laplace({6}, float32, x[0]); }, draws},
    {"laplace_loc_scale",
     [](In x) -> Out {
       return random::laplace({2, 3}, float32, 1.5f, 2.f, x[0]);
     },
     draws},
    {"truncated_normal",
     [](In x) -> Out { return random::truncated_normal(x[1], x[2], float32, x[0]); }, tails},
    {"uniform_dtype_f16", [](In x) -> Out { return random::uniform({7}, float16, x[0]); }},
    {"uniform_numbers_f16",
     [](In x) -> Out {
       return random::uniform(-2, 5.5, {2, 3}, float16, x[0]);
     }},
    {"normal_f16", [](In x) -> Out { return random::normal({9}, float16, x[0]); }, draws},
    {"normal_loc_scale_f16",
     [](In x) -> Out {
       return random::normal({4, 2}, float16, 2.5f, 0.5f, x[0]);
     },
     draws},
    {"gumbel_f16", [](In x) -> Out { return random::gumbel({6}, float16, x[0]); }, draws},
    {"laplace_f16", [](In x) -> Out { return random::laplace({6}, float16, x[0]); }, draws},
    {"laplace_loc_scale_f16",
     [](In x) -> Out {
       return random::laplace({2, 3}, float16, 1.5f, 2.f, x[0]);
     },
     draws},
    {"truncated_normal_f16",
     [](In x) -> Out { return random::truncated_normal(x[1], x[2], float16, x[0]); }, tails},
    {"uniform_dtype_bf16", [](In x) -> Out { return random::uniform({7}, bfloat16, x[0]); }},
    {"uniform_numbers_bf16",
     [](In x) -> Out {
       return random::uniform(-2, 5.5, {2, 3}, bfloat16, x[0]);
     }},
    {"normal_bf16", [](In x) -> Out { return random::normal({9}, bfloat16, x[0]); }, draws},
    {"normal_loc_scale_bf16",
     [](In x) -> Out {
       return random::normal({4, 2}, bfloat16, 2.5f, 0.5f, x[0]);
     },
     draws},
    {"gumbel_bf16", [](In x) -> Out { return random::gumbel({6}, bfloat16, x[0]); }, draws},
    {"laplace_bf16", [](In x) -> Out { return random::laplace({6}, bfloat16, x[0]); }, draws},
    {"laplace_loc_scale_bf16",
     [](In x) -> Out {
       return random::laplace({2, 3}, bfloat16, 1.5f, 2.f, x[0]);
     },
     draws},
    {"truncated_normal_bf16",
     [](In x) -> Out { return random::truncated_normal(x[1], x[2], bfloat16, x[0]); }, tails},
    {"uniform_arrays",
     [](In x) -> Out {
       return random::uniform(x[1], x[2], {2, 3}, float32, x[0]);
     }},
    {"uniform_unfit", [](In x) -> Out { return random::uniform(x[1], x[2], {4}, float32, x[0]); }},
    {"normal_arrays",
     [](In x) -> Out {
       return random::normal({2, 3}, float32, x[1], x[2], x[0]);
     },
     draws},
    {"normal_plain", [](In x) -> Out { return random::normal({3}, x[0]); }, draws},
    {"normal_numbers", [](In x) -> Out { return random::normal({3}, -1.f, 3.f, x[0]); }, draws},
    {"laplace_plain", [](In x) -> Out { return random::laplace({3}, x[0]); }, draws},
    {"laplace_numbers", [](In x) -> Out { return random::laplace({3}, -1.f, 3.f, x[0]); }, draws},
    {"normal_complex", [](In x) -> Out { return random::normal({4}, complex64, x[0]); }, draws},
    {"truncated_normal_shape",
     [](In x) -> Out {
       return random::truncated_normal(x[1], x[2], {3, 2}, float32, x[0]);
     },
     tails},
    {"randint_int32",
     [](In x) -> Out {
       return random::randint(3, 99, {3, 4}, int32, x[0]);
     }},
    {"randint_uint8",
     [](In x) -> Out {
       return random::randint(3, 99, {3, 4}, uint8, x[0]);
     }},
    {"randint_int64",
     [](In x) -> Out {
       return random::randint(3, 99, {3, 4}, int64, x[0]);
     }},
    {"randint_int16",
     [](In x) -> Out {
       return random::randint(3, 99, {3, 4}, int16, x[0]);
     }},
    {"randint_uint32",
     [](In x) -> Out {
       return random::randint(3, 99, {3, 4}, uint32, x[0]);
     }},
    {"randint_arrays",
     [](In x) -> Out {
       return random::randint(x[1], x[2], {2, 3}, int32, x[0]);
     }},
    {"bernoulli", [](In x) -> Out { return random::bernoulli(std::optional(x[0])); }},
    {"bernoulli_number", [](In x) -> Out { return random::bernoulli(0.25, x[0]); }},
    {"bernoulli_number_shape",
     [](In x) -> Out {
       return random::bernoulli(0.75, {3, 4}, x[0]);
     }},
    {"bernoulli_array", [](In x) -> Out { return random::bernoulli(x[1], x[0]); }},
    {"bernoulli_array_shape",
     [](In x) -> Out {
       return random::bernoulli(x[1], {2, 5}, x[0]);
     }},
    {"categorical", [](In x) -> Out { return random::categorical(x[1], -1, x[0]); }},
    {"categorical_axis", [](In x) -> Out { return random::categorical(x[1], 0, x[0]); }},
    {"categorical_samples", [](In x) -> Out { return random::categorical(x[1], -1, 5, x[0]); }},
    {"categorical_shape",
     [](In x) -> Out {
       return random::categorical(x[1], -1, Shape{2, 3}, x[0]);
     }},
    {"categorical_unfit",
     [](In x) -> Out {
       return random::categorical(x[1], -1, Shape{2, 4}, x[0]);
     }},
    {"permutation", [](In x) -> Out { return random::permutation(10, x[0]); }},
    {"permutation_none", [](In x) -> Out { return random::permutation(0, x[0]); }},
    {"permutation_array", [](In x) -> Out { return random::permutation(x[1], 0, x[0]); }},
    {"permutation_axis", [](In x) -> Out { return random::permutation(x[1], -1, x[0]); }},
};

TEST(RandomGoldens, Draws) { expect_cases("ops/random", cases); }

}  // namespace
}  // namespace mica::golden
