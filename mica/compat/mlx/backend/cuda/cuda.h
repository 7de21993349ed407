#pragma once

#include <string>
#include <unordered_map>
#include <variant>

#include "mica/device.h"
#include "mlx/api.h"

namespace mica::cu {

inline bool is_available() { return mica::is_available(Device(Device::gpu)); }

// Empty where there is no such device.
inline const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    int device_index = 0) {
  return mica::device_info(Device(Device::gpu, device_index));
}

}  // namespace mica::cu
