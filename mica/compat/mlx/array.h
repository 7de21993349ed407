#pragma once

#include "mica/array/array.h"
#include "mica/array/dtype.h"
#include "mica/array/shape.h"
#include "mlx/api.h"
#include "mlx/dtype.h"
#include "mlx/small_vector.h"
