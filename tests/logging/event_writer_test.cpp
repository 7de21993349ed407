#include "mica/logging/event_writer.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica::logging {

namespace {

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

uint32_t crc32c(const std::string& bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
  }
  return ~crc;
}

uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8; }

// The records of an event file, whose checksums must be right.
std::vector<std::string> records(const std::string& file) {
  const std::string bytes = bytes_of(file);
  std::vector<std::string> all;
  for (size_t at = 0; at < bytes.size();) {
    const auto size = number_at<uint64_t>(bytes, at);
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 8), masked(crc32c(bytes.substr(at, 8))));
    all.push_back(bytes.substr(at + 12, size));
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 12 + size), masked(crc32c(all.back())));
    at += 16 + size;
  }
  return all;
}

class EventWriterTest : public FilesTest {
 protected:
  static std::string expected(const std::string& name) {
    const array bytes = golden::load("logging/summaries").at(name);
    return {bytes.data<char>(), bytes.size()};
  }
};

TEST_F(EventWriterTest, ChecksumIsCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);  // RFC 3720
}

TEST_F(EventWriterTest, WritesWhatTensorboardEncodes) {
  EventWriter writer(file("run/tensorboard"));
  EXPECT_TRUE(writer.file().starts_with(file("run/tensorboard/events.out.tfevents.")));
  writer.scalar("loss/training", 3, 0.1);
  const float nan = NAN, infinity = INFINITY;
  writer.histogram("weights", 300,
                   array({-1.5f, 0.0f, 0.25f, 0.25f, nan, 2.0f, 300.0f, infinity}).reshape({2, 4}));
  writer.text("sample", 1, "**bold** ä");
  const std::vector<std::string> events = records(writer.file());
  ASSERT_EQ(events.size(), 4u);
  // A time, then the version as field 3.
  EXPECT_EQ(events[0].substr(9),
            "\x1a\x0d"
            "brain.Event:2");
  // A time (field 1), the step (2), and a summary (5) of one value (1).
  const std::string scalar = expected("scalar");
  EXPECT_EQ(events[1].substr(9, 2), std::string("\x10\x03"));
  EXPECT_EQ(events[1].substr(15), scalar);
  EXPECT_EQ(static_cast<size_t>(events[1][12]), scalar.size() + 2);
  EXPECT_EQ(events[2].substr(9, 3), std::string("\x10\xac\x02"));
  EXPECT_TRUE(events[2].ends_with(expected("histogram")));
  EXPECT_TRUE(events[3].ends_with(expected("text")));
  const double time = number_at<double>(events[1], 1);
  EXPECT_GT(time, 1.7e9);
}

TEST_F(EventWriterTest, WritersHaveFilesOfTheirOwn) {
  EventWriter one(file("run")), two(file("run"));
  EXPECT_NE(one.file(), two.file());
  EXPECT_EQ(records(one.file()).size(), 1u);
  one.histogram("empty", 0, zeros({0}));
  one.histogram("same", 0, full({5}, 3));
  EXPECT_EQ(records(one.file()).size(), 3u);
  write_file("plain", "");
  EXPECT_THROW(EventWriter(file("plain")), std::system_error);
}

}  // namespace

}  // namespace mica::logging
