// MLX's headers for programs written against MLX C++: mlx::core is mica. Put this folder's parent
// on the include path, or link mica::mlx_compat.
//
// What MLX says to be for its own backends stays out: subclasses of Primitive, the allocator,
// events.
#pragma once

namespace mica {}

namespace mlx {
namespace core = ::mica;
}

#define MLX_API
