// Writes that pass the caches by, for outputs that are larger than what caches hold.
#pragma once

#include <cstddef>

namespace mica::cpu {

// Outputs of more bytes than this are streamed: what the caches hold is worth more than the start
// of the output, and a line need not be read before it is written.
size_t streaming_bytes();

// As memcpy, whole lines of the output past the caches. A thread that has streamed calls
// stream_fence() before others may read.
void stream_copy(const char* in, char* out, size_t bytes);
void stream_fence();

}  // namespace mica::cpu
