#pragma once

#include "mica/transforms/transforms.h"
#include "mlx/api.h"
#include "mlx/array.h"
