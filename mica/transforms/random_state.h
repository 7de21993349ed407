// The state of the calling thread's default sequence of random keys, for transforms that run a
// function twice or replay it.
#pragma once

#include "mica/array/array.h"

namespace mica::detail {

array random_state();
void set_random_state(const array& state);

// While it lives, random numbers are drawn from the state given; after that, from where they were.
class RandomStateScope {
 public:
  explicit RandomStateScope(const array& state) { set_random_state(state); }
  ~RandomStateScope() { set_random_state(before_); }
  RandomStateScope(const RandomStateScope&) = delete;
  RandomStateScope& operator=(const RandomStateScope&) = delete;

 private:
  const array before_ = random_state();
};

}  // namespace mica::detail
