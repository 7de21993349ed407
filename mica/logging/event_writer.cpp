#include "mica/logging/event_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <vector>

#include "mica/ops/ops.h"

namespace mica::logging {

namespace {

// Protocol buffers' wire format: a field is its number and its kind, then its value.
constexpr int varint_kind = 0, eight_bytes_kind = 1, bytes_kind = 2, four_bytes_kind = 5;

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}

template <class T>
void append_little_endian(std::string& out, T bits) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(bits >> (8 * i));
}

class Message {
 public:
  Message& number(int field, uint64_t value) {
    key(field, varint_kind);
    append_varint(bytes_, value);
    return *this;
  }
  Message& real(int field, double value) {
    key(field, eight_bytes_kind);
    append_little_endian(bytes_, std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& small_real(int field, float value) {
    key(field, four_bytes_kind);
    append_little_endian(bytes_, std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& bytes(int field, const std::string& value) {
    key(field, bytes_kind);
    append_varint(bytes_, value.size());
    bytes_ += value;
    return *this;
  }
  Message& reals(int field, const std::vector<double>& values) {
    std::string packed;
    for (const double value : values) append_little_endian(packed, std::bit_cast<uint64_t>(value));
    return bytes(field, packed);
  }
  Message& message(int field, const Message& value) { return bytes(field, value.bytes_); }
  const std::string& encoded() const { return bytes_; }

 private:
  void key(int field, int kind) {
    append_varint(bytes_, static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(kind));
  }
  std::string bytes_;
};

// The numbers of fields in TensorFlow's event.proto, summary.proto, tensor.proto.
namespace event_field {
constexpr int wall_time = 1, step = 2, file_version = 3, summary = 5;
}
constexpr int summary_value_field = 1;
namespace value_field {
constexpr int tag = 1, simple_value = 2, histogram = 5, tensor = 8, metadata = 9;
}
namespace histogram_field {
constexpr int min = 1, max = 2, count = 3, sum = 4, sum_squares = 5, limits = 6, buckets = 7;
}
namespace tensor_field {
constexpr int dtype = 1, shape = 2, strings = 8;
}
constexpr int shape_dim_field = 2, dim_size_field = 1;
constexpr int metadata_plugin_field = 1, plugin_name_field = 1;
constexpr uint64_t string_dtype = 7;

// CRC-32C (Castagnoli, RFC 3720), as TensorFlow's records store it.
uint32_t masked_crc(const std::string& bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> values{};
    for (uint32_t i = 0; i < values.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0u);
      values[i] = value;
    }
    return values;
  }();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  std::string text(name.data());
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

Message histogram_of(const float* values, size_t count) {
  constexpr size_t bucket_count = 30;
  double low = HUGE_VAL, high = -HUGE_VAL, number = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const double value = values[i];
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
    ++number;
    sum += value;
    squares += value * value;
  }
  if (number == 0) low = high = 0;
  const double width = high > low ? (high - low) / bucket_count : 1;
  std::vector<double> limits, buckets(bucket_count);
  for (size_t i = 1; i <= bucket_count; ++i) limits.push_back(low + width * static_cast<double>(i));
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    const auto bucket = static_cast<size_t>((values[i] - low) / width);
    ++buckets[std::min(bucket, bucket_count - 1)];
  }
  namespace f = histogram_field;
  return Message()
      .real(f::min, low)
      .real(f::max, high)
      .real(f::count, number)
      .real(f::sum, sum)
      .real(f::sum_squares, squares)
      .reals(f::limits, limits)
      .reals(f::buckets, buckets);
}

}  // namespace

EventWriter::EventWriter(const std::string& folder) {
  std::error_code ignored;  // opening the file tells
  std::filesystem::create_directories(folder, ignored);
  const std::string name = fmt::format("events.out.tfevents.{}.{}.{}", static_cast<int64_t>(now()),
                                       host_name(), getpid());
  // Several writers of a process get files of their own.
  for (int number = 0; number == 0 || std::filesystem::exists(file_, ignored); ++number)
    file_ = (std::filesystem::path(folder) / fmt::format("{}.{}", name, number)).string();
  out_.open(file_, std::ios::binary);
  write_record(Message()
                   .real(event_field::wall_time, now())
                   .bytes(event_field::file_version, "brain.Event:2")
                   .encoded());
}

void EventWriter::scalar(const std::string& tag, int64_t step, double value) {
  write(step, Message()
                  .bytes(value_field::tag, tag)
                  .small_real(value_field::simple_value, static_cast<float>(value))
                  .encoded());
}

void EventWriter::histogram(const std::string& tag, int64_t step, const array& values) {
  const array row = contiguous(astype(values, float32));
  row.eval();
  write(step, Message()
                  .bytes(value_field::tag, tag)
                  .message(value_field::histogram, histogram_of(row.data<float>(), row.size()))
                  .encoded());
}

void EventWriter::text(const std::string& tag, int64_t step, const std::string& words) {
  const Message one_string =
      Message().message(shape_dim_field, Message().number(dim_size_field, 1));
  const Message plugin = Message().bytes(plugin_name_field, "text");
  write(step, Message()
                  .bytes(value_field::tag, tag)
                  .message(value_field::tensor, Message()
                                                    .number(tensor_field::dtype, string_dtype)
                                                    .message(tensor_field::shape, one_string)
                                                    .bytes(tensor_field::strings, words))
                  .message(value_field::metadata, Message().message(metadata_plugin_field, plugin))
                  .encoded());
}

void EventWriter::write(int64_t step, const std::string& summary_value) {
  write_record(
      Message()
          .real(event_field::wall_time, now())
          .number(event_field::step, static_cast<uint64_t>(step))
          .message(event_field::summary, Message().bytes(summary_value_field, summary_value))
          .encoded());
}

void EventWriter::write_record(const std::string& event) {
  std::string length;
  append_little_endian(length, static_cast<uint64_t>(event.size()));
  std::string record = length;
  append_little_endian(record, masked_crc(length));
  record += event;
  append_little_endian(record, masked_crc(event));
  errno = 0;
  if (!out_.write(record.data(), static_cast<std::streamsize>(record.size())).flush())
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("EventWriter: can't write '{}'", file_));
}

}  // namespace mica::logging
