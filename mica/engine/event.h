// Something that happens once, or fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

namespace mica::engine {

// Set by one thread, once; waited for by any number. Shared by them: a waiter may go on, and drop
// the event, before set() has returned.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // A null error is success. An event may stand for several results: `failed` tells which of them
  // the error concerns, all where it is empty.
  void set(std::exception_ptr error = nullptr, std::vector<bool> failed = {}) noexcept;
  bool is_set() const noexcept { return state_.load(std::memory_order_acquire) != 0; }
  // Null while the event is not set, too.
  std::exception_ptr error() const noexcept { return is_set() ? error_ : nullptr; }
  // Throws the error it was set with, each time.
  void wait() const;
  // As wait(), where the error concerns the result.
  void wait(uint32_t result) const;

 private:
  std::exception_ptr error_;
  std::vector<bool> failed_;
  std::atomic<uint32_t> state_{0};
};

}  // namespace mica::engine
