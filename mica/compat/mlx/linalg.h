#pragma once

#include "mica/linalg/linalg.h"
#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/ops.h"
#include "mlx/stream.h"
