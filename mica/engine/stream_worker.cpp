#include "mica/engine/stream_worker.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/event.h"

namespace mica::engine {
namespace {

class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { stop(); }

  void enqueue(Task task) {
    std::unique_lock lock(mutex_);
    if (stopped_) {
      lock.unlock();
      return run_captured(task);
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
    queue_.push_back(std::move(task));
    wake_.notify_one();
  }

  bool run(const std::function<void()>& f) {
    std::unique_lock lock(mutex_);
    if (holder_ == std::this_thread::get_id() || stopped_) {
      lock.unlock();
      f();
      return true;
    }
    if (held_ || !queue_.empty()) {
      lock.unlock();
      auto done = std::make_shared<Event>();
      enqueue([&f, done] {
        std::exception_ptr error;
        try {
          f();
        } catch (...) {
          error = std::current_exception();
        }
        done->set(std::move(error));
      });
      done->wait();
      return false;
    }
    hold();
    lock.unlock();
    const Release release{*this, lock};
    const ThreadCountScope threads;
    f();
    return true;
  }

  void drain() {
    std::unique_lock lock(mutex_);
    if (holder_ == std::this_thread::get_id()) return;
    idle_.wait(lock, [&] { return !held_ && queue_.empty(); });
    if (auto error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
  }

  bool is_idle() const {
    std::lock_guard lock(mutex_);
    return !held_ && queue_.empty();
  }

  // Finishes what is queued and ends the thread. Tasks that come later run where they come from.
  void stop() {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    wake_.notify_one();
    if (!thread_.joinable()) return;
    std::thread thread = std::move(thread_);
    const bool within_task = holder_ == std::this_thread::get_id();
    lock.unlock();
    if (within_task) {
      thread.detach();  // a task of this stream ends the program
    } else {
      thread.join();
    }
  }

 private:
  // Lets go of the stream at the end of a scope.
  struct Release {
    Worker& worker;
    std::unique_lock<std::mutex>& lock;
    ~Release() {
      lock.lock();
      worker.let_go();
    }
  };

  void hold() {
    held_ = true;
    holder_ = std::this_thread::get_id();
  }

  void let_go() {
    held_ = false;
    holder_ = std::thread::id();
    if (queue_.empty()) {
      idle_.notify_all();
    } else {
      wake_.notify_one();
    }
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return queue_.empty() ? stopped_ : !held_; });
      if (queue_.empty()) return;
      {
        Task task = std::move(queue_.front());
        queue_.pop_front();
        hold();
        lock.unlock();
        const ThreadCountScope threads;
        run_captured(task);
      }  // what the task owns ends before others may see the stream idle
      lock.lock();
      let_go();
    }
  }

  void run_captured(Task& task) {
    try {
      task();
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Task> queue_;
  bool held_ = false;
  std::thread::id holder_;  // while held_
  bool stopped_ = false;
  std::exception_ptr error_;  // the first that nobody has seen
  std::thread thread_;        // from the first task that needs it
};

std::string to_text(const auto& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// Never destroyed: graphs in static storage may outlive it.
class Registry {
 public:
  static Registry& instance() {
    static Registry& registry = *new Registry;
    // After the registry: what is constructed earlier in static storage outlives the threads.
    static const int registered = std::atexit([] { registry.stop_all(); });
    static_cast<void>(registered);
    return registry;
  }

  Stream add(const Device& device) {
    std::lock_guard lock(mutex_);
    const Stream stream(next_index_++, device);
    workers_.emplace(stream, std::make_shared<Worker>());
    if (stopped_) workers_.at(stream)->stop();
    return stream;
  }

  Stream take(const Device& device) {
    {
      std::lock_guard lock(mutex_);
      // The one recycled last: its worker's memory is the warmest.
      const auto it = std::find_if(recycled_.rbegin(), recycled_.rend(),
                                   [&](const Stream& s) { return s.device == device; });
      if (it != recycled_.rend()) {
        const Stream stream = *it;
        recycled_.erase(std::next(it).base());
        return stream;
      }
    }
    return add(device);
  }

  void recycle(const Stream& stream) {
    std::lock_guard lock(mutex_);
    if (workers_.contains(stream)) recycled_.push_back(stream);
  }

  void end(const Stream& stream) {
    const auto worker = find(stream);
    {
      std::lock_guard lock(mutex_);
      workers_.erase(stream);
      std::erase(recycled_, stream);
    }
    worker->drain();
  }

  std::shared_ptr<Worker> find(const Stream& stream) {
    {
      std::lock_guard lock(mutex_);
      const auto it = workers_.find(stream);
      if (it != workers_.end()) return it->second;
    }
    throw std::invalid_argument("stream: expected one of get_streams(), got " + to_text(stream) +
                                "; make streams with new_stream()");
  }

  std::vector<Stream> list() {
    std::lock_guard lock(mutex_);
    std::vector<Stream> streams;
    for (const auto& [stream, worker] : workers_) streams.push_back(stream);
    return streams;
  }

 private:
  void stop_all() {
    std::map<Stream, std::shared_ptr<Worker>> workers;
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      workers = workers_;
    }
    for (auto& [stream, worker] : workers) worker->stop();
  }

  std::mutex mutex_;  // guards what follows
  std::map<Stream, std::shared_ptr<Worker>> workers_;
  std::vector<Stream> recycled_;
  int next_index_ = 0;
  bool stopped_ = false;
};

}  // namespace

void check_device(const char* op, const Device& device) {
  if (is_available(device)) return;
  throw std::invalid_argument(std::string(op) + ": expected an available device, got " +
                              to_text(device) + "; this build of mica has Device(cpu, 0) only");
}

Stream register_stream(const Device& device) { return Registry::instance().add(device); }
Stream take_stream(const Device& device) { return Registry::instance().take(device); }
void recycle_stream(const Stream& stream) { Registry::instance().recycle(stream); }
void end_stream(const Stream& stream) { Registry::instance().end(stream); }
std::vector<Stream> registered_streams() { return Registry::instance().list(); }

void enqueue(const Stream& stream, Task task) {
  Registry::instance().find(stream)->enqueue(std::move(task));
}

void drain(const Stream& stream) { Registry::instance().find(stream)->drain(); }

bool is_idle(const Stream& stream) { return Registry::instance().find(stream)->is_idle(); }

namespace detail {

bool run_on(const Stream& stream, const std::function<void()>& f) {
  return Registry::instance().find(stream)->run(f);
}

}  // namespace detail
}  // namespace mica::engine
