// The structs of every primitive of ops.def.
#pragma once

#include "mica/fast/norms.h"
#include "mica/ops/arg_reduce.h"
#include "mica/ops/convolution.h"
#include "mica/ops/creation.h"
#include "mica/ops/indexing.h"
#include "mica/ops/joining.h"
#include "mica/ops/matmul.h"
#include "mica/ops/pooling.h"
#include "mica/ops/reduce.h"
#include "mica/ops/scan.h"
#include "mica/ops/slicing.h"
#include "mica/ops/softmax.h"
#include "mica/ops/sort.h"
#include "mica/ops/views.h"
#include "mica/random/random_bits.h"
#include "mica/transforms/custom.h"
