#pragma once

#include "mica/stream.h"
#include "mlx/api.h"
#include "mlx/device.h"
