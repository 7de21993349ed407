#pragma once

#include "mica/array/dtype.h"
#include "mlx/api.h"
