// Reference-counted memory for arrays, from a pool that stays warm: writing to pages that the
// process has touched before is several times faster than to fresh ones.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace mica::engine {

// Under AddressSanitizer each buffer is an allocation of its own, so that it can see errors, and
// nothing is cached.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool pool_bypassed = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool pool_bypassed = true;
#else
inline constexpr bool pool_bypassed = false;
#endif
#else
inline constexpr bool pool_bypassed = false;
#endif

// Data is aligned to this.
inline constexpr size_t buffer_alignment = 64;

class Pool;
struct Chunk;

// What is known of a block of memory; made and ended by the pool, reached through BufferRef.
class alignas(buffer_alignment) Buffer {
  friend class BufferRef;
  friend class Pool;
  enum class Kind : uint8_t { pooled, large, foreign };

  std::atomic<uint32_t> count_{1};
  uint16_t size_class_ = 0;
  Kind kind_ = Kind::pooled;
  bool purged_ = false;  // a free block whose pages have been given back
  size_t size_ = 0;
  size_t capacity_ = 0;
  void* data_ = nullptr;
  Buffer* next_ = nullptr;  // in a list of free blocks
  Chunk* chunk_ = nullptr;
};
static_assert(sizeof(Buffer) == buffer_alignment);

// A counted reference to a buffer. Copies may be made and dropped on any thread; the last one
// returns the memory to the pool.
class BufferRef {
 public:
  BufferRef() = default;
  BufferRef(const BufferRef& other) noexcept : buffer_(other.buffer_) {
    if (buffer_) buffer_->count_.fetch_add(1, std::memory_order_relaxed);
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { drop(); }

  // The bytes asked for begin at data(), which is never null in a non-empty reference to memory of
  // the pool.
  void* data() const { return buffer_->data_; }
  size_t size() const { return buffer_->size_; }
  // What is set aside for the buffer, at least size(); 0 for adopted memory.
  size_t capacity() const { return buffer_->capacity_; }
  // 1 means that only the caller can reach the memory. 0 for an empty reference.
  size_t use_count() const { return buffer_ ? buffer_->count_.load(std::memory_order_acquire) : 0; }
  explicit operator bool() const { return buffer_ != nullptr; }
  friend bool operator==(const BufferRef&, const BufferRef&) = default;

 private:
  friend class Pool;
  explicit BufferRef(Buffer* buffer) : buffer_(buffer) {}
  static void release(Buffer* buffer) noexcept;
  void drop() noexcept {
    if (!buffer_) return;
    // The only owner needs no atomic subtraction.
    if (buffer_->count_.load(std::memory_order_acquire) == 1 ||
        buffer_->count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      release(buffer_);
    }
  }

  Buffer* buffer_ = nullptr;
};

// `bytes` of memory with undefined contents. Throws std::runtime_error where they cannot be had.
BufferRef allocate(size_t bytes);

// As allocate(), for memory that is given back before the evaluation ends. The block may be much
// larger than asked for: kernels that need scratch of many sizes share what the largest needs.
BufferRef allocate_scratch(size_t bytes);

// Memory from elsewhere; `deleter`, which must not throw and may be empty, gets `data` once no
// reference is left.
BufferRef adopt(void* data, size_t bytes, std::function<void(void*)> deleter);

}  // namespace mica::engine
