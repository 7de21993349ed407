#pragma once

#include "mica/io/io.h"
#include "mlx/api.h"
#include "mlx/io/load.h"
#include "mlx/utils.h"
