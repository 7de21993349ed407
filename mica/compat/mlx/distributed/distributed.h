// This build has no communication backends.
#pragma once

#include <string>

#include "mlx/api.h"

namespace mica::distributed {

inline bool is_available() { return false; }
inline bool is_available(const std::string&) { return false; }

}  // namespace mica::distributed
