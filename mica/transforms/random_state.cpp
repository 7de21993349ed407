#include "mica/transforms/random_state.h"

#include "mica/random/random.h"

namespace mica::detail {

array random_state() { return random::KeySequence::default_().state(); }
void set_random_state(const array& state) { random::KeySequence::default_().set_state(state); }

}  // namespace mica::detail
