#pragma once

#include "mica/transforms/compile.h"
#include "mlx/api.h"
#include "mlx/array.h"
