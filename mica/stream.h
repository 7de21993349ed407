// Streams: queues of work on a device. Work of one stream runs in the order it was asked for, work
// of two may overlap.
#pragma once

#include <iosfwd>
#include <optional>
#include <variant>
#include <vector>

#include "mica/device.h"

namespace mica {

struct Stream {
  int index;
  Device device;
  explicit Stream(int index, Device device) : index(index), device(device) {}

  bool operator==(const Stream&) const = default;
  bool operator<(const Stream& other) const {
    return device != other.device ? device < other.device : index < other.index;
  }
};

// Stands for another stream in each thread.
struct ThreadLocalStream : public Stream {
  using Stream::Stream;
};

// "Stream(Device(cpu, 0), 0)", "ThreadLocalStream(Device(cpu, 0), 0)"
std::ostream& operator<<(std::ostream& os, const Stream& stream);
std::ostream& operator<<(std::ostream& os, const ThreadLocalStream& stream);

// Functions that take a device throw std::invalid_argument where it is not available, those that
// take a stream where it is not one of get_streams().

// The calling thread's default stream on a device. A thread's streams are passed on to later
// threads when it ends.
Stream default_stream(Device device);
// Empty while the thread has made or set no default stream on the device.
std::optional<Stream> peek_default_stream(Device device);
// Makes a stream the calling thread's default on the stream's device.
void set_default_stream(Stream stream);

Stream new_stream(Device device);
// As new_stream: mica's streams can be used from any thread.
Stream new_thread_unsafe_stream(Device device);
ThreadLocalStream new_thread_local_stream(Device device);
// What `stream` stands for in the calling thread.
Stream stream_from_thread_local_stream(ThreadLocalStream stream);

std::vector<Stream> get_streams();

// Waits until the work of a stream is done: of the default stream of the default device, of
// `stream`, or of what it stands for in the calling thread. An error of that work that nobody has
// seen yet is thrown.
void synchronize();
void synchronize(Stream stream);
void synchronize(ThreadLocalStream stream);

// Waits for the streams that the calling thread has made, and ends them.
void clear_streams();

// Where an op runs; std::monostate: on the default stream of the default device.
using StreamOrDevice =
    std::variant<std::monostate, Stream, ThreadLocalStream, Device, Device::DeviceType>;

Stream to_stream(StreamOrDevice s);
// With a device of its own in place of the default one.
Stream to_stream(StreamOrDevice s, Device default_);

// While it lives, `s` and its device are the defaults of the calling thread and of the process. It
// must end on the thread that made it. Throws std::invalid_argument where `s` names nothing.
struct StreamContext {
  explicit(false) StreamContext(StreamOrDevice s);
  ~StreamContext();
  StreamContext(const StreamContext&) = delete;
  StreamContext& operator=(const StreamContext&) = delete;

 private:
  StreamContext(const Stream& stream, const Device& previous);

  Device previous_device_;
  Stream previous_stream_;  // of the new default stream's device
};

}  // namespace mica
