#pragma once

#include <cstddef>

#include "mica/engine/buffer.h"

namespace mica::cpu {

// A temporary buffer of a kernel: memory of the warm pool, uninitialised, for the lifetime of
// this object. Takes nothing for 0 bytes.
class Scratch {
 public:
  explicit Scratch(size_t bytes) {
    if (bytes > 0) buffer_ = engine::allocate_scratch(bytes);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const { return buffer_ ? buffer_.data() : nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data());
  }

 private:
  engine::BufferRef buffer_;
};

}  // namespace mica::cpu
