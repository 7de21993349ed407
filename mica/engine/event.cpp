// Out of line: the standard library counts waiters in tables that each library has of its own, and
// who notifies must look where who waits has been counted.
#include "mica/engine/event.h"

#include <utility>

namespace mica::engine {

void Event::set(std::exception_ptr error, std::vector<bool> failed) noexcept {
  error_ = std::move(error);
  failed_ = std::move(failed);
  // Not release alone: libstdc++ 12 reads the number of waiters next, which must not come first.
  state_.store(1, std::memory_order_seq_cst);
  state_.notify_all();
}

void Event::wait() const {
  state_.wait(0, std::memory_order_acquire);
  if (error_) std::rethrow_exception(error_);
}

void Event::wait(uint32_t result) const {
  state_.wait(0, std::memory_order_acquire);
  if (error_ && (failed_.empty() || failed_[result])) std::rethrow_exception(error_);
}

}  // namespace mica::engine
