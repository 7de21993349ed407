// Asking for memory that is used soon.
#pragma once

#include <cstdint>

namespace mica::cpu {

enum class Use : uint8_t { read, write };

// Asks for the cache lines of `bytes` from `from` on, which nothing is read of: they may lie beyond
// an array's end.
template <Use use = Use::read>
inline void prefetch(const void* from, int64_t bytes) {
  constexpr int64_t line = 64;
  const char* const p = static_cast<const char*>(from);
  for (int64_t at = 0; at < bytes; at += line) __builtin_prefetch(p + at, use == Use::write);
  // GCC 12 finds that a function has no effect if it does nothing else, and drops its calls.
  asm volatile("");
}

}  // namespace mica::cpu
