// Files that are damaged in many ways, the same in every run, for tests of what reads them.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace mica {

// Damages a file in one of several ways.
class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string operator()(const std::string& whole) {
    std::string bytes = whole;
    for (size_t times = 1 + below(3); times > 0 && !bytes.empty(); --times) change(bytes);
    return bytes;
  }

 private:
  size_t below(size_t limit) { return random_() % limit; }

  void change(std::string& bytes) {
    const size_t at = below(bytes.size());
    const size_t length = 1 + below(std::min<size_t>(bytes.size() - at, 64));
    switch (below(8)) {
      case 0:
        bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:  // a part of the file twice
        bytes.insert(below(bytes.size()), bytes.substr(at, length));
        break;
      case 5: {  // a part of the file over another one
        const std::string part = bytes.substr(at, length);
        bytes.replace(below(bytes.size()), length, part);
        break;
      }
      case 6:
        write_extreme_number(bytes, at);
        break;
      default:
        replace_digits(bytes, at);
    }
  }

  // Lengths, offsets and counts of binary formats.
  void write_extreme_number(std::string& bytes, size_t at) {
    constexpr std::array<uint64_t, 8> numbers{0,          1,          0x7f,       0xff,
                                              0x7fffffff, 0xffffffff, 1ull << 40, ~0ull};
    const uint64_t number = numbers[below(numbers.size())];
    const size_t width = size_t{1} << below(4);
    for (size_t i = 0; i < width && at + i < bytes.size(); ++i) {
      bytes[at + i] = static_cast<char>(number >> (8 * i));
    }
  }

  // Those of text formats.
  void replace_digits(std::string& bytes, size_t at) {
    constexpr std::array<const char*, 8> numbers{
        "0", "-1", "4294967296", "18446744073709551615", "1e999", "0.5", "null", "[[[[[["};
    constexpr const char* digits = "0123456789";
    const size_t begin = bytes.find_first_of(digits, at);
    if (begin == std::string::npos) return;
    const size_t end = std::min(bytes.find_first_not_of(digits, begin), bytes.size());
    bytes.replace(begin, end - begin, numbers[below(numbers.size())]);
  }

  std::mt19937 random_;
};

// Keeps the process from taking much more memory than it has, so that what a file only claims can't
// be allocated. Sanitizers need address space of their own; there it does nothing.
class MemoryLimit {
 public:
  MemoryLimit() {
    ::getrlimit(RLIMIT_AS, &previous_);
    if (sanitized) return;
    constexpr rlim_t more = rlim_t{1} << 30;
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = previous_;
    limit.rlim_cur = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &previous_); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool sanitized = true;
#elif defined(__has_feature)
  static constexpr bool sanitized =
      __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
  static constexpr bool sanitized = false;
#endif
  rlimit previous_{};
};

// Whether `read` takes the bytes; anything but a refusal of one line fails.
inline bool survives(const std::string& bytes,
                     const std::function<void(const std::string&)>& read) {
  try {
    read(bytes);
    return true;
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
  } catch (const std::system_error&) {
  } catch (const std::exception& e) {
    ADD_FAILURE() << "expected a refusal, got " << e.what();
  }
  return false;
}

// Gives `read` 400 damaged files made of the samples, which it reads or refuses, and the files that
// a fuzzer once broke it with, those of tests/golden/fuzz/NAME.
inline void expect_mutated_files_read_or_refused(
    const std::string& name, const std::vector<std::string>& samples,
    const std::function<void(const std::string&)>& read) {
  constexpr size_t file_count = 400;
  size_t refused = 0;
  for (const std::string& sample : samples) {
    ASSERT_TRUE(survives(sample, read)) << name;
  }
  const MemoryLimit limit;
  Mutator mutate(1);
  for (size_t i = 0; i < file_count; ++i) {
    SCOPED_TRACE(name + ": mutation " + std::to_string(i));
    refused += !survives(mutate(samples[i % samples.size()]), read);
  }
  EXPECT_GT(refused, file_count / 10) << name;
  const std::filesystem::path folder =
      std::filesystem::path(MICA_SOURCE_DIR "/tests/golden/fuzz") / name;
  if (!std::filesystem::exists(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream in(entry.path(), std::ios::binary);
    survives({std::istreambuf_iterator<char>(in), {}}, read);
  }
}

}  // namespace mica
