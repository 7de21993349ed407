#pragma once

#include "mica/memory.h"
#include "mlx/api.h"
#include "mlx/array.h"
