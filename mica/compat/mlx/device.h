#pragma once

#include "mica/device.h"
#include "mlx/api.h"
