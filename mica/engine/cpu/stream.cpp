#include "mica/engine/cpu/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace mica::cpu {

size_t streaming_bytes() {
  static const size_t bytes = [] {
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return cache > 0 ? static_cast<size_t>(cache) / 2 : size_t{16} << 20;
  }();
  return bytes;
}

#ifdef __SSE2__
void stream_copy(const char* in, char* out, size_t bytes) {
  constexpr size_t line_bytes = 64;
  const size_t head = std::min(bytes, -reinterpret_cast<uintptr_t>(out) % line_bytes);
  std::memcpy(out, in, head);
  in += head, out += head, bytes -= head;
  for (; bytes >= line_bytes; bytes -= line_bytes, in += line_bytes, out += line_bytes) {
    __m128i line[4];
    std::memcpy(line, in, line_bytes);
    for (int i = 0; i < 4; ++i) _mm_stream_si128(reinterpret_cast<__m128i*>(out) + i, line[i]);
  }
  std::memcpy(out, in, bytes);
}
void stream_fence() { _mm_sfence(); }
#else
void stream_copy(const char* in, char* out, size_t bytes) { std::memcpy(out, in, bytes); }
void stream_fence() {}
#endif

}  // namespace mica::cpu
