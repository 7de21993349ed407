// Where the engine counts what mica/counters.h reports. Safe from any thread.
#pragma once

#include "mica/counters.h"

namespace mica::engine {

// Adds each field of `done`; a plan's run is counted in one call.
void count(const Counters& done) noexcept;

}  // namespace mica::engine
