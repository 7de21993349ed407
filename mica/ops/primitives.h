// The structs of every primitive of ops.def.
#pragma once

#include "mica/ops/reduce.h"
