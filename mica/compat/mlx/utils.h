#pragma once

#include <cstdlib>
#include <string>

#include "mica/stream.h"
#include "mica/utils.h"
#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/dtype.h"
#include "mlx/stream.h"

// MLX's settings by environment variables, for programs that read them. mica has no use for them:
// they are about how MLX orders graphs and about Metal and NCCL.
namespace mica::env {

inline int get_var(const char* name, int default_value) {
  const char* const text = std::getenv(name);
  return text ? std::atoi(text) : default_value;
}
inline std::string get_var(const char* name, const char* default_value) {
  const char* const text = std::getenv(name);
  return text ? text : default_value;
}

inline int bfs_max_width() {
  static const int value = get_var("MLX_BFS_MAX_WIDTH", 20);
  return value;
}
inline int max_ops_per_buffer(int default_value) {
  static const int value = get_var("MLX_MAX_OPS_PER_BUFFER", default_value);
  return value;
}
inline int max_mb_per_buffer(int default_value) {
  static const int value = get_var("MLX_MAX_MB_PER_BUFFER", default_value);
  return value;
}
inline int residency_set_max_pct() {
  static const int value = get_var("MLX_RESIDENCY_SET_MAX_PCT", 5);
  return value;
}
inline bool residency_debug() {
  static const bool value = get_var("MLX_RESIDENCY_DEBUG", 0) != 0;
  return value;
}
inline bool metal_fast_synch() {
  static const bool value = get_var("MLX_METAL_FAST_SYNCH", 0) != 0;
  return value;
}
inline bool enable_tf32() {
  static const bool value = get_var("MLX_ENABLE_TF32", 1) != 0;
  return value;
}
inline int nccl_timeout(int default_value) {
  static const int value = get_var("MLX_NCCL_TIMEOUT", default_value);
  return value;
}
inline const std::string& metal_gpu_arch() {
  static const std::string value = get_var("MLX_METAL_GPU_ARCH", "");
  return value;
}

}  // namespace mica::env
