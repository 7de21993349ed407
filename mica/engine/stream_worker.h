// One queue of tasks for each stream, and the thread that works it off.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/stream.h"

namespace mica::engine {

// A callable that can be moved, not copied.
class Task {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Task>) explicit(false) Task(F&& f)
      : body_(std::make_unique<Body<std::decay_t<F>>>(std::forward<F>(f))) {}
  void operator()() { body_->run(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct Body : Base {
    explicit Body(F f) : f(std::move(f)) {}
    void run() override { f(); }
    F f;
  };
  std::unique_ptr<Base> body_;
};

// Throws std::invalid_argument: `op: expected an available device ...`.
void check_device(const char* op, const Device& device);

// A stream that no thread has as its default.
Stream register_stream(const Device& device);
// As register_stream, but takes over one that recycle_stream was given, if there is one.
Stream take_stream(const Device& device);
// Offers a stream, which stays usable, to the next take_stream.
void recycle_stream(const Stream& stream);
// Waits for a stream and ends it.
void end_stream(const Stream& stream);
std::vector<Stream> registered_streams();

// The functions below throw std::invalid_argument for a stream that is not registered. Tasks of a
// stream run one after the other, in the order they came. At the program's exit what is queued is
// finished; later tasks run on the thread that brings them.

// Returns at once; the task runs on the stream's thread. What it throws is thrown by the next
// drain() of the stream.
void enqueue(const Stream& stream, Task task);

// Waits until the stream is idle. Does nothing within a task of the stream.
void drain(const Stream& stream);

// True where nothing is queued and nothing runs.
bool is_idle(const Stream& stream);

namespace detail {
bool run_on(const Stream& stream, const std::function<void()>& f);
}

// Runs f on the calling thread, holding the stream, where that is idle or the caller is a task of
// the stream: then returns true. Otherwise queues f and waits for it. What f throws is thrown here.
template <class F>
bool try_run_inline(const Stream& stream, F&& f) {
  return detail::run_on(stream, std::ref(f));
}

}  // namespace mica::engine
