#pragma once

#include "mica/io/reader.h"
#include "mlx/api.h"

namespace mica::io {
using ParallelFileReader = FileReader;
}
