// How much memory arrays use, and how much of it is kept for reuse.
#pragma once

#include <cstddef>
#include <vector>

namespace mica {

class array;

// Bytes set aside for the buffers behind the arrays, each buffer counted once. The arrays must have
// been evaluated; throws std::invalid_argument otherwise.
size_t get_array_buffer_size(const std::vector<array>& arrays);

// Bytes that arrays hold now. Memory that is cached, or not mica's own (memory-mapped files, data
// handed over by the user), does not count.
size_t get_active_memory();

// The largest get_active_memory() since the program's start or the last reset_peak_memory().
size_t get_peak_memory();
void reset_peak_memory();

// Bytes that arrays no longer hold and that could be given back to the system.
size_t get_cache_memory();

// The bytes, active and cached, above which the cache is given back before more memory is asked
// for. A guideline: active memory may pass it, up to the memory that exists (RAM and swap, within
// the control groups' limits), beyond which allocations throw std::runtime_error. Default: 80 % of
// RAM. Returns the previous limit.
size_t set_memory_limit(size_t limit);
size_t get_memory_limit();

// The bytes that the cache may hold; 0 keeps nothing. Default: the memory limit's. Returns the
// previous limit.
size_t set_cache_limit(size_t limit);

// Gives the cache back to the system.
void clear_cache();

// Bytes kept resident on devices that page their memory. CPUs and CUDA have no such limit: the
// argument has no effect, and 0 is returned.
size_t set_wired_limit(size_t limit);

}  // namespace mica
