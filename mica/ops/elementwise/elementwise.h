// Every elementwise op.
#pragma once

#include "mica/ops/elementwise/arithmetic.h"
#include "mica/ops/elementwise/bitwise.h"
#include "mica/ops/elementwise/cast.h"
#include "mica/ops/elementwise/complex.h"
#include "mica/ops/elementwise/erf.h"
#include "mica/ops/elementwise/logical.h"
#include "mica/ops/elementwise/transcendental.h"

namespace mica {

// Calls f.template operator()<Op>() for each elementwise op.
template <class F>
void for_each_elementwise(F&& f) {
#define MICA_ELEMENTWISE(Type) f.template operator()<ops::Type>();
#include "mica/ops/elementwise/elementwise.def"
#undef MICA_ELEMENTWISE
}

}  // namespace mica
