// The structs of every primitive of ops.def.
#pragma once

#include "mica/ops/creation.h"
#include "mica/ops/joining.h"
#include "mica/ops/reduce.h"
#include "mica/ops/slicing.h"
#include "mica/ops/views.h"
