#pragma once

#include "mica/fft/fft.h"
#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/utils.h"
