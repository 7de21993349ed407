#pragma once

#include "mica/fast/fast.h"
#include "mlx/api.h"
#include "mlx/utils.h"
