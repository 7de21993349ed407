// What the tests of file formats share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tests/io/streams.h"

namespace mica {

// A folder that is empty when a test begins and gone when it ends.
class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "mica-io-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::string write_file(const std::string& name, const std::string& bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
    return file(name);
  }
  size_t file_count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

inline std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string system_error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::system_error& e) {
    return e.what();
  }
  return "no error";
}

// What std::invalid_argument says behind "op (file): ", which must be there.
inline std::string file_error_of(const std::string& op, const std::string& file,
                                 const std::function<void()>& f) {
  const std::string start = op + " (" + file + "): ";
  try {
    f();
  } catch (const std::invalid_argument& e) {
    const std::string text = e.what();
    return text.starts_with(start) ? text.substr(start.size()) : "not named: " + text;
  }
  return "no error";
}

// Calls load with what is left of `whole` when it is cut off anywhere, and with each of its first
// `changed_bytes` bytes changed in a few ways. A cut file must be refused, unless fewer than
// `spare` bytes are gone; a changed one read or refused; anything but std::invalid_argument fails.
inline void expect_hostile_files_refused(const std::string& whole, size_t changed_bytes,
                                         const std::function<void(const std::string&)>& load,
                                         size_t spare = 0) {
  for (size_t size = 0; size + spare < whole.size(); ++size) {
    EXPECT_THROW(load(whole.substr(0, size)), std::invalid_argument) << size << " bytes";
  }
  for (size_t i = 0; i < std::min(changed_bytes, whole.size()); ++i) {
    for (const unsigned char flip : {0x01, 0xff}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      try {
        load(changed);
      } catch (const std::invalid_argument& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
      }
    }
  }
}

}  // namespace mica
