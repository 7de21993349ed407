#include "mica/engine/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "mica/engine/machine.h"
#include "mica/memory.h"

namespace mica::engine {
namespace {

constexpr size_t page_bytes = 4096;
constexpr size_t huge_page_bytes = size_t{2} << 20;

// Sizes of pooled blocks: multiples of 64 bytes up to 512, then eight an octave (so that at most
// an eighth is wasted) up to 2 MiB. Larger blocks are mappings of their own.
constexpr size_t largest_pooled_bytes = huge_page_bytes;
constexpr uint32_t pooled_classes = 104;
// Blocks of these classes, up to 4 KiB, pass through a cache in each thread.
constexpr uint32_t small_classes = 32;
// Free blocks from here on hold whole pages, which can be given back while neighbours are in use.
constexpr uint32_t first_purgeable_class = 40;

constexpr uint32_t size_class(size_t bytes) {
  const size_t last = bytes == 0 ? 0 : bytes - 1;
  if (last < 512) return static_cast<uint32_t>(last / 64);
  const auto shift = static_cast<uint32_t>(std::bit_width(last)) - 4;
  return (shift - 6) * 8 + static_cast<uint32_t>(last >> shift);
}

constexpr size_t class_bytes(uint32_t size_class) {
  if (size_class < 8) return (size_class + size_t{1}) * 64;
  return (size_class % 8 + size_t{9}) << (size_class / 8 + 5);
}
static_assert(class_bytes(small_classes - 1) == 4096);
static_assert(class_bytes(first_purgeable_class) == 9 * 1024);
static_assert(class_bytes(pooled_classes - 1) == largest_pooled_bytes);
static_assert(size_class(largest_pooled_bytes) == pooled_classes - 1);

constexpr size_t round_up(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

// Steps of an eighth, of whole huge pages where that is coarser than one.
constexpr size_t large_bytes(size_t bytes) {
  return round_up(bytes, std::min(std::bit_floor(bytes) / 8, huge_page_bytes));
}

// `bytes` must be whole pages. Null where the system refuses.
void* map_pages(size_t bytes) {
  const bool huge = bytes >= huge_page_bytes;
  const size_t slack = huge ? huge_page_bytes - page_bytes : 0;
  void* mapped = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      /*fd=*/-1, /*offset=*/0);
  if (mapped == MAP_FAILED) return nullptr;
  if (!huge) return mapped;
  char* begin = static_cast<char*>(mapped);
  const auto misaligned = reinterpret_cast<uintptr_t>(begin) % huge_page_bytes;
  char* aligned = begin + (misaligned == 0 ? 0 : huge_page_bytes - misaligned);
  char* end = aligned + bytes;
  if (aligned != begin) munmap(begin, static_cast<size_t>(aligned - begin));
  if (end != begin + bytes + slack) munmap(end, static_cast<size_t>(begin + bytes + slack - end));
  madvise(aligned, bytes, MADV_HUGEPAGE);  // a system without huge pages refuses: no harm
  return aligned;
}

}  // namespace

// Memory shared by blocks of one class, which follow this header; threaded into the class's list
// while it has a free block.
struct alignas(buffer_alignment) Chunk {
  Chunk* previous = nullptr;
  Chunk* next = nullptr;
  Buffer* free = nullptr;  // last freed first
  size_t bytes = 0;
  uint32_t size_class = 0;
  uint32_t blocks = 0;
  uint32_t carved = 0;  // blocks that have been handed out at least once
  uint32_t live = 0;    // blocks handed out now
  uint32_t warm = 0;    // free blocks that have not been purged
};

// Every block of memory, in use or free. Never destroyed: arrays in static storage may outlive it.
class Pool {
 public:
  static Pool& instance() {
    static Pool& pool = *new Pool;
    return pool;
  }

  // Whether a block from the cache must be about as large as what is asked for.
  enum class Fit : uint8_t { close, any };

  BufferRef allocate(size_t bytes, Fit fit) { return BufferRef(take(bytes, fit)); }
  BufferRef adopt(void* data, size_t bytes, std::function<void(void*)> deleter);
  void give(Buffer* buffer) noexcept;

  size_t active() const { return active_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  void reset_peak() { peak_.store(0, std::memory_order_relaxed); }
  size_t cached() const;
  size_t memory_limit() const;
  size_t set_memory_limit(size_t limit);
  size_t set_cache_limit(size_t limit);
  void clear_cache();

 private:
  enum class Life : uint8_t { unborn, alive, ended };
  // Free small blocks of one thread. Trivial, so that reaching it costs nothing and it can be
  // asked after the thread's destructors have run.
  struct ThreadCache {
    Buffer* first[small_classes];
    uint32_t count[small_classes];
    Life life;
  };
  struct ThreadCacheEnd {
    ~ThreadCacheEnd();
  };
  struct ChunkList {
    Chunk* first = nullptr;
    Chunk* last = nullptr;
  };
  struct FreeMapping {
    void* data;
    size_t bytes;
  };
  using Deleter = std::function<void(void*)>;
  struct ForeignBuffer : Buffer {
    Deleter deleter;
  };

  Pool() = default;

  Buffer* take(size_t bytes, Fit fit);
  Buffer* take_small(uint32_t size_class);
  Buffer* refill(uint32_t size_class);
  Buffer* take_block(uint32_t size_class);
  Buffer* take_large(size_t bytes, Fit fit);
  void drop_largest_below(size_t bytes);
  Buffer* take_bypassed(size_t bytes);
  void give_small(Buffer* block) noexcept;
  void give_block(Buffer* block) noexcept;
  void flush_thread_cache(uint32_t size_class, uint32_t keep) noexcept;
  static bool open_thread_cache();

  void add_active(size_t bytes);
  void check_exists(size_t bytes) const;
  void make_room(size_t bytes);
  void* map(size_t bytes);
  Chunk* map_chunk(uint32_t size_class);
  void trim_to_limits() noexcept;
  void trim(size_t target) noexcept;
  void unmap(Chunk* chunk) noexcept;
  void purge(Chunk* chunk, size_t target) noexcept;
  void link_first(Chunk* chunk);
  void link_last(Chunk* chunk);
  void unlink(Chunk* chunk);

  static constexpr bool purgeable(uint32_t size_class) {
    return size_class >= first_purgeable_class;
  }

  static inline constinit thread_local ThreadCache thread_cache_{};

  std::atomic<size_t> active_{0};
  std::atomic<size_t> peak_{0};
  const size_t existing_ = machine().memory + machine().swap;

  mutable std::mutex mutex_;  // guards what follows
  size_t memory_limit_ = machine().memory / 5 * 4;
  size_t cache_limit_ = memory_limit_;
  // Free blocks of purgeable classes that have not been purged, chunks of other classes without a
  // block in use, and free mappings.
  size_t cached_ = 0;
  ChunkList chunks_[pooled_classes];
  uint32_t chunk_count_[pooled_classes] = {};  // with and without a free block
  std::vector<FreeMapping> free_mappings_;     // oldest first; has room for each of large_count_
  size_t large_count_ = 0;                     // mappings, in use or free
};

void Pool::add_active(size_t bytes) {
  const size_t active = active_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (active > peak && !peak_.compare_exchange_weak(peak, active, std::memory_order_relaxed)) {
  }
}

// Throws where `bytes` more than are in use cannot exist on this machine.
void Pool::check_exists(size_t bytes) const {
  const size_t in_use = active();
  const size_t available = existing_ - std::min(existing_, in_use);
  if (bytes <= available) return;
  throw std::runtime_error("allocate: out of memory: expected at most " +
                           std::to_string(available) + " bytes available, got request of " +
                           std::to_string(bytes) + " bytes");
}

Buffer* Pool::take(size_t bytes, Fit fit) {
  if constexpr (pool_bypassed) return take_bypassed(bytes);
  const uint32_t wanted = bytes > largest_pooled_bytes ? pooled_classes : size_class(bytes);
  Buffer* buffer = nullptr;
  if (wanted < small_classes) {
    buffer = take_small(wanted);
  } else if (check_exists(bytes); wanted < pooled_classes) {
    std::lock_guard lock(mutex_);
    buffer = take_block(wanted);
  } else {
    buffer = take_large(bytes, fit);
  }
  buffer->count_.store(1, std::memory_order_relaxed);
  buffer->size_ = bytes;
  add_active(buffer->capacity_);
  return buffer;
}

Buffer* Pool::take_small(uint32_t size_class) {
  ThreadCache& cache = thread_cache_;
  Buffer* block = cache.first[size_class];
  if (!block) return refill(size_class);
  cache.first[size_class] = block->next_;
  --cache.count[size_class];
  return block;
}

// Blocks that a thread takes from the pool, or returns to it, at once.
static constexpr uint32_t batch(uint32_t size_class) {
  return static_cast<uint32_t>(std::clamp<size_t>(16384 / class_bytes(size_class), 4, 64));
}

Buffer* Pool::refill(uint32_t size_class) {
  check_exists(class_bytes(size_class));
  std::lock_guard lock(mutex_);
  Buffer* block = take_block(size_class);
  if (!open_thread_cache()) return block;
  // More only where that takes no new chunk.
  ThreadCache& cache = thread_cache_;
  while (cache.count[size_class] + 1 < batch(size_class) && chunks_[size_class].first) {
    Buffer* spare = take_block(size_class);
    spare->next_ = cache.first[size_class];
    cache.first[size_class] = spare;
    ++cache.count[size_class];
  }
  return block;
}

// True while the calling thread may use its cache.
bool Pool::open_thread_cache() {
  if (thread_cache_.life == Life::unborn) {
    thread_local ThreadCacheEnd end;
    thread_cache_.life = Life::alive;
  }
  return thread_cache_.life == Life::alive;
}

Pool::ThreadCacheEnd::~ThreadCacheEnd() {
  for (uint32_t c = 0; c < small_classes; ++c) instance().flush_thread_cache(c, 0);
  thread_cache_.life = Life::ended;
}

void Pool::flush_thread_cache(uint32_t size_class, uint32_t keep) noexcept {
  ThreadCache& cache = thread_cache_;
  if (cache.count[size_class] <= keep) return;
  std::lock_guard lock(mutex_);
  while (cache.count[size_class] > keep) {
    Buffer* block = cache.first[size_class];
    cache.first[size_class] = block->next_;
    --cache.count[size_class];
    give_block(block);
  }
  trim_to_limits();
}

// Holds mutex_.
Buffer* Pool::take_block(uint32_t size_class) {
  const size_t bytes = class_bytes(size_class);
  Chunk* chunk = chunks_[size_class].first;
  if (!chunk || !chunk->free || chunk->free->purged_) {  // the total grows
    make_room(bytes);
    chunk = chunks_[size_class].first;
    if (!chunk) chunk = map_chunk(size_class);
  }
  if (!purgeable(size_class) && chunk->live == 0) cached_ -= chunk->bytes;
  Buffer* block = chunk->free;
  if (block) {
    chunk->free = block->next_;
    if (!block->purged_) {
      --chunk->warm;
      if (purgeable(size_class)) cached_ -= bytes;
    }
    block->purged_ = false;
  } else {
    char* first = reinterpret_cast<char*>(chunk + 1);
    block = new (first + chunk->carved * (sizeof(Buffer) + bytes)) Buffer;
    ++chunk->carved;
    block->size_class_ = static_cast<uint16_t>(size_class);
    block->capacity_ = bytes;
    block->data_ = block + 1;
    block->chunk_ = chunk;
  }
  ++chunk->live;
  if (chunk->live == chunk->blocks) unlink(chunk);
  return block;
}

// Holds mutex_.
void Pool::give_block(Buffer* block) noexcept {
  Chunk* chunk = block->chunk_;
  if (chunk->live == chunk->blocks) link_first(chunk);
  block->next_ = chunk->free;
  chunk->free = block;
  --chunk->live;
  ++chunk->warm;
  if (purgeable(chunk->size_class)) cached_ += block->capacity_;
  if (chunk->live > 0) return;
  if (!purgeable(chunk->size_class)) cached_ += chunk->bytes;
  unlink(chunk);  // chunks in use are filled first, so that others stay empty
  link_last(chunk);
}

Buffer* Pool::take_large(size_t bytes, Fit fit) {
  const size_t wanted = large_bytes(bytes);
  auto header = std::make_unique<Buffer>();
  header->kind_ = Buffer::Kind::large;
  std::lock_guard lock(mutex_);
  // The best fit, the warmest of equals. For arrays at most a quarter is wasted, with rounding.
  const size_t spare = fit == Fit::any ? SIZE_MAX : wanted / 8;
  auto best = free_mappings_.end();
  for (auto it = free_mappings_.begin(); it != free_mappings_.end(); ++it) {
    if (it->bytes < wanted || it->bytes - wanted > spare) continue;
    if (best == free_mappings_.end() || it->bytes <= best->bytes) best = it;
  }
  if (best != free_mappings_.end()) {
    header->data_ = best->data;
    header->capacity_ = best->bytes;
    cached_ -= best->bytes;
    free_mappings_.erase(best);
  } else {
    if (fit == Fit::any) drop_largest_below(wanted);
    make_room(wanted);
    if (free_mappings_.capacity() <= large_count_) free_mappings_.reserve(2 * large_count_ + 16);
    header->data_ = map(wanted);
    header->capacity_ = wanted;
    ++large_count_;
  }
  return header.release();
}

// Gives back what a larger mapping is about to stand in for. Holds mutex_.
void Pool::drop_largest_below(size_t bytes) {
  auto largest = free_mappings_.end();
  for (auto it = free_mappings_.begin(); it != free_mappings_.end(); ++it) {
    if (it->bytes >= bytes) continue;
    if (largest == free_mappings_.end() || it->bytes > largest->bytes) largest = it;
  }
  if (largest == free_mappings_.end()) return;
  munmap(largest->data, largest->bytes);
  cached_ -= largest->bytes;
  --large_count_;
  free_mappings_.erase(largest);
}

Buffer* Pool::take_bypassed(size_t bytes) {
  check_exists(bytes);
  auto header = std::make_unique<Buffer>();
  header->data_ = ::operator new (bytes, std::align_val_t{buffer_alignment});
  header->size_ = bytes;
  header->capacity_ = bytes;
  add_active(bytes);
  return header.release();
}

BufferRef Pool::adopt(void* data, size_t bytes, Deleter deleter) {
  auto header = std::make_unique<ForeignBuffer>();
  header->kind_ = Buffer::Kind::foreign;
  header->data_ = data;
  header->size_ = bytes;
  header->deleter = std::move(deleter);
  return BufferRef(header.release());
}

// Takes back a buffer that nothing refers to.
void Pool::give(Buffer* buffer) noexcept {
  if (buffer->kind_ == Buffer::Kind::foreign) {
    std::unique_ptr<ForeignBuffer> header(static_cast<ForeignBuffer*>(buffer));
    if (header->deleter) header->deleter(header->data_);
    return;
  }
  active_.fetch_sub(buffer->capacity_, std::memory_order_relaxed);
  if constexpr (pool_bypassed) {
    std::unique_ptr<Buffer> header(buffer);
    ::operator delete (header->data_, std::align_val_t{buffer_alignment});
  } else if (buffer->kind_ == Buffer::Kind::large) {
    std::unique_ptr<Buffer> header(buffer);
    std::lock_guard lock(mutex_);
    free_mappings_.push_back({header->data_, header->capacity_});  // within the reserved room
    cached_ += header->capacity_;
    trim_to_limits();
  } else if (buffer->size_class_ < small_classes) {
    give_small(buffer);
  } else {
    std::lock_guard lock(mutex_);
    give_block(buffer);
    trim_to_limits();
  }
}

void Pool::give_small(Buffer* block) noexcept {
  const uint32_t size_class = block->size_class_;
  if (!open_thread_cache()) {
    std::lock_guard lock(mutex_);
    give_block(block);
    return trim_to_limits();
  }
  ThreadCache& cache = thread_cache_;
  block->next_ = cache.first[size_class];
  cache.first[size_class] = block;
  if (++cache.count[size_class] >= 2 * batch(size_class)) {
    flush_thread_cache(size_class, batch(size_class));
  }
}

// Gives the cache back as far as the memory limit asks before the total grows by `bytes`.
void Pool::make_room(size_t bytes) {
  const size_t in_use = active() + bytes;
  trim(memory_limit_ - std::min(memory_limit_, in_use));
}

void Pool::trim_to_limits() noexcept {
  if (cached_ <= cache_limit_ && active() + cached_ <= memory_limit_) return;
  trim(std::min(cache_limit_, memory_limit_ - std::min(memory_limit_, active())));
}

void* Pool::map(size_t bytes) {
  void* mapped = map_pages(bytes);
  if (!mapped) {
    trim(0);
    mapped = map_pages(bytes);
  }
  if (mapped) return mapped;
  throw std::runtime_error("allocate: expected memory that the system can map, got request of " +
                           std::to_string(bytes) + " bytes");
}

Chunk* Pool::map_chunk(uint32_t size_class) {
  const size_t stride = sizeof(Buffer) + class_bytes(size_class);
  constexpr size_t least_blocks = 8;
  constexpr size_t least_bytes = size_t{256} << 10;
  // Huge pages as soon as sixteen blocks fill one. The first chunk of a class goes without where it
  // would not fill one: small programs use a few blocks of many classes.
  const size_t least = sizeof(Chunk) + least_blocks * stride;
  const bool first = chunk_count_[size_class] == 0 && least < huge_page_bytes;
  const size_t bytes = stride <= huge_page_bytes / 128
                           ? least_bytes
                           : round_up(least, first ? page_bytes : huge_page_bytes);
  auto* chunk = new (map(bytes)) Chunk;
  ++chunk_count_[size_class];
  chunk->bytes = bytes;
  chunk->size_class = size_class;
  chunk->blocks = static_cast<uint32_t>((bytes - sizeof(Chunk)) / stride);
  link_first(chunk);
  if (!purgeable(size_class)) cached_ += bytes;
  return chunk;
}

// Gives memory back until at most `target` bytes are cached. Holds mutex_.
void Pool::trim(size_t target) noexcept {
  if (cached_ <= target) return;
  auto kept = free_mappings_.begin();
  for (; kept != free_mappings_.end() && cached_ > target; ++kept) {
    munmap(kept->data, kept->bytes);
    cached_ -= kept->bytes;
    --large_count_;
  }
  free_mappings_.erase(free_mappings_.begin(), kept);
  for (ChunkList& list : chunks_) {
    for (Chunk* chunk = list.first; chunk && cached_ > target;) {
      Chunk* next = chunk->next;
      if (chunk->live == 0) {
        unmap(chunk);
      } else if (purgeable(chunk->size_class)) {
        purge(chunk, target);
      }
      chunk = next;
    }
  }
}

void Pool::unmap(Chunk* chunk) noexcept {
  cached_ -=
      purgeable(chunk->size_class) ? chunk->warm * class_bytes(chunk->size_class) : chunk->bytes;
  unlink(chunk);
  --chunk_count_[chunk->size_class];
  munmap(chunk, chunk->bytes);
}

// Gives back the pages of free blocks in a chunk whose other blocks are in use.
void Pool::purge(Chunk* chunk, size_t target) noexcept {
  for (Buffer* block = chunk->free; block && cached_ > target; block = block->next_) {
    if (block->purged_) continue;
    const auto data = reinterpret_cast<uintptr_t>(block->data_);
    const uintptr_t first = round_up(data, page_bytes);
    const uintptr_t last = (data + block->capacity_) / page_bytes * page_bytes;
    madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
    block->purged_ = true;
    --chunk->warm;
    cached_ -= block->capacity_;
  }
}

void Pool::link_first(Chunk* chunk) {
  ChunkList& list = chunks_[chunk->size_class];
  chunk->previous = nullptr;
  chunk->next = list.first;
  (list.first ? list.first->previous : list.last) = chunk;
  list.first = chunk;
}

void Pool::link_last(Chunk* chunk) {
  ChunkList& list = chunks_[chunk->size_class];
  chunk->next = nullptr;
  chunk->previous = list.last;
  (list.last ? list.last->next : list.first) = chunk;
  list.last = chunk;
}

void Pool::unlink(Chunk* chunk) {
  ChunkList& list = chunks_[chunk->size_class];
  (chunk->previous ? chunk->previous->next : list.first) = chunk->next;
  (chunk->next ? chunk->next->previous : list.last) = chunk->previous;
}

size_t Pool::cached() const {
  std::lock_guard lock(mutex_);
  return cached_;
}

size_t Pool::memory_limit() const {
  std::lock_guard lock(mutex_);
  return memory_limit_;
}

size_t Pool::set_memory_limit(size_t limit) {
  std::lock_guard lock(mutex_);
  const size_t previous = std::exchange(memory_limit_, limit);
  trim_to_limits();
  return previous;
}

size_t Pool::set_cache_limit(size_t limit) {
  std::lock_guard lock(mutex_);
  const size_t previous = std::exchange(cache_limit_, limit);
  trim_to_limits();
  return previous;
}

void Pool::clear_cache() {
  for (uint32_t c = 0; c < small_classes; ++c) flush_thread_cache(c, 0);
  std::lock_guard lock(mutex_);
  trim(0);
}

void BufferRef::release(Buffer* buffer) noexcept { Pool::instance().give(buffer); }

BufferRef allocate(size_t bytes) { return Pool::instance().allocate(bytes, Pool::Fit::close); }

BufferRef allocate_scratch(size_t bytes) {
  return Pool::instance().allocate(bytes, Pool::Fit::any);
}

BufferRef adopt(void* data, size_t bytes, std::function<void(void*)> deleter) {
  return Pool::instance().adopt(data, bytes, std::move(deleter));
}

}  // namespace mica::engine

namespace mica {

using engine::Pool;

size_t get_active_memory() { return Pool::instance().active(); }
size_t get_peak_memory() { return Pool::instance().peak(); }
void reset_peak_memory() { Pool::instance().reset_peak(); }
size_t get_cache_memory() { return Pool::instance().cached(); }
size_t set_memory_limit(size_t limit) { return Pool::instance().set_memory_limit(limit); }
size_t get_memory_limit() { return Pool::instance().memory_limit(); }
size_t set_cache_limit(size_t limit) { return Pool::instance().set_cache_limit(limit); }
void clear_cache() { Pool::instance().clear_cache(); }
size_t set_wired_limit(size_t) { return 0; }

}  // namespace mica
