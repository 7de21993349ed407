#pragma once

#include "mica/transforms/export.h"
#include "mlx/api.h"
#include "mlx/array.h"
