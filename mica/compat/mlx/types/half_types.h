#pragma once

#include "mica/array/half.h"
#include "mlx/api.h"
