#pragma once

#include "mica/ops/einsum.h"
#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/utils.h"
