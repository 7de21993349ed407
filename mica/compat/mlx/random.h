#pragma once

#include "mica/random/random.h"
#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/stream.h"
#include "mlx/utils.h"
