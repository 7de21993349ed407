#pragma once

#include "mica/array/shape.h"
#include "mlx/api.h"
