// There is no Metal: what MLX does in builds without it.
#pragma once

#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>

#include "mlx/api.h"

namespace mica::metal {

inline bool is_available() { return false; }

// Nothing is captured.
inline void start_capture(std::string = "") {}
inline void stop_capture() {}

inline const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info() {
  throw std::runtime_error("metal::device_info: expected a Metal device, got none");
}

inline void set_metallib_path(const std::string&) {}  // there is no library to load
inline const std::string& get_metallib_path() {
  throw std::runtime_error("metal::get_metallib_path: expected a Metal device, got none");
}

}  // namespace mica::metal
