#include "mica/stream.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "mica/engine/stream_worker.h"

namespace mica {
namespace {

constexpr int device_types = 2;
constexpr int none = -1;

// Index of the calling thread's default stream on each type of device. Trivial, so that it can be
// read after the thread's destructors have run.
constinit thread_local int default_index[device_types] = {none, none};

int& default_slot(const Device& device) { return default_index[static_cast<int>(device.type)]; }

// The streams that a thread has made or taken.
class ThreadStreams {
 public:
  ~ThreadStreams() {
    for (const Stream& stream : taken_) engine::recycle_stream(stream);
  }

  Stream take(const Device& device) {
    taken_.push_back(engine::take_stream(device));
    return taken_.back();
  }
  Stream make(const Device& device) {
    made_.push_back(engine::register_stream(device));
    return made_.back();
  }
  Stream standing_for(const ThreadLocalStream& stream) {
    const auto it = local_.find(stream);
    if (it != local_.end()) return it->second;
    return local_.emplace(stream, take(stream.device)).first->second;
  }
  std::vector<Stream> forget_all() {
    std::vector<Stream> all = std::exchange(made_, {});
    all.insert(all.end(), taken_.begin(), taken_.end());
    taken_.clear();
    local_.clear();
    return all;
  }

 private:
  std::vector<Stream> taken_;
  std::vector<Stream> made_;
  std::map<Stream, Stream> local_;
};

ThreadStreams& thread_streams() {
  thread_local ThreadStreams streams;
  return streams;
}

void check_stream(const Stream& stream) { engine::is_idle(stream); }

Stream named_stream(const StreamOrDevice& s) {
  if (!std::holds_alternative<std::monostate>(s)) return to_stream(s);
  throw std::invalid_argument("StreamContext: expected s to be a stream or a device, got nothing");
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Stream& stream) {
  return os << "Stream(" << stream.device << ", " << stream.index << ")";
}

std::ostream& operator<<(std::ostream& os, const ThreadLocalStream& stream) {
  return os << "ThreadLocalStream(" << stream.device << ", " << stream.index << ")";
}

Stream default_stream(Device device) {
  engine::check_device("default_stream", device);
  int& index = default_slot(device);
  if (index == none) index = thread_streams().take(device).index;
  return Stream(index, device);
}

std::optional<Stream> peek_default_stream(Device device) {
  engine::check_device("peek_default_stream", device);
  const int index = default_slot(device);
  if (index == none) return std::nullopt;
  return Stream(index, device);
}

void set_default_stream(Stream stream) {
  engine::check_device("set_default_stream", stream.device);
  check_stream(stream);
  default_slot(stream.device) = stream.index;
}

Stream new_stream(Device device) {
  engine::check_device("new_stream", device);
  return thread_streams().make(device);
}

Stream new_thread_unsafe_stream(Device device) {
  engine::check_device("new_thread_unsafe_stream", device);
  return thread_streams().make(device);
}

ThreadLocalStream new_thread_local_stream(Device device) {
  engine::check_device("new_thread_local_stream", device);
  static std::atomic<int> next_index{0};
  return ThreadLocalStream(next_index++, device);
}

Stream stream_from_thread_local_stream(ThreadLocalStream stream) {
  engine::check_device("stream_from_thread_local_stream", stream.device);
  return thread_streams().standing_for(stream);
}

std::vector<Stream> get_streams() { return engine::registered_streams(); }

void synchronize() { synchronize(default_stream(default_device())); }

void synchronize(Stream stream) { engine::drain(stream); }

void synchronize(ThreadLocalStream stream) { synchronize(stream_from_thread_local_stream(stream)); }

void clear_streams() {
  std::fill_n(default_index, device_types, none);
  std::exception_ptr first_error;
  for (const Stream& stream : thread_streams().forget_all()) {
    try {
      engine::end_stream(stream);
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

Stream to_stream(StreamOrDevice s) {
  return std::holds_alternative<std::monostate>(s) ? default_stream(default_device())
                                                   : to_stream(s, default_device());
}

Stream to_stream(StreamOrDevice s, Device default_) {
  struct Visitor {
    Device default_;
    Stream operator()(std::monostate) const { return default_stream(default_); }
    Stream operator()(const Stream& stream) const { return check_stream(stream), stream; }
    Stream operator()(const ThreadLocalStream& stream) const {
      return stream_from_thread_local_stream(stream);
    }
    Stream operator()(const Device& device) const { return default_stream(device); }
    Stream operator()(Device::DeviceType type) const { return default_stream(Device(type)); }
  };
  return std::visit(Visitor{default_}, s);
}

StreamContext::StreamContext(StreamOrDevice s) : StreamContext(named_stream(s), default_device()) {}

StreamContext::StreamContext(const Stream& stream, const Device& previous)
    : previous_device_(previous), previous_stream_(default_stream(stream.device)) {
  set_default_stream(stream);
  set_default_device(stream.device);
}

StreamContext::~StreamContext() {
  default_slot(previous_stream_.device) = previous_stream_.index;
  set_default_device(previous_device_);
}

}  // namespace mica
