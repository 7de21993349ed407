#pragma once

#include "mica/graph_utils.h"
#include "mlx/api.h"
#include "mlx/array.h"
