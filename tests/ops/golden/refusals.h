// Misuses that mlx refuses too, and the errors they throw when the graph is built.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>
#include <string>

#include "mica/ops/ops.h"

namespace mica::golden {

struct Refusal {
  const char* error;
  void (*call)();
};

// Expects std::invalid_argument, or of sizes that are too large std::overflow_error, of this text.
template <class F>
void expect_refusal(const std::string& error, const F& call) {
  try {
    call();
    ADD_FAILURE() << "expected an error: " << error;
  } catch (const std::invalid_argument& thrown) {
    EXPECT_EQ(thrown.what(), error);
  } catch (const std::overflow_error& thrown) {
    EXPECT_EQ(thrown.what(), error);
  }
}

inline void expect_refusals(std::span<const Refusal> refusals) {
  for (const Refusal& refusal : refusals) expect_refusal(refusal.error, refusal.call);
}

// What they are called with.
inline const array a = reshape(arange(24.0), {2, 3, 4});
inline const array m = reshape(arange(12.0), {3, 4});
inline const array v = arange(4.0);
inline const array s = array(1.5f);
inline const array i = array({0, 1});
inline const array e = zeros({0, 3});
inline const array b = array({true, false});
inline const array c = array({complex64_t{1, 2}, complex64_t{0, 1}});

}  // namespace mica::golden
