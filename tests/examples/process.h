// Runs programs as a user does, from a terminal or with their output in a pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mica::testing {

struct Surroundings {
  bool terminal = false;               // else a pipe
  std::optional<long> largest_file{};  // bytes, as on a full disk: RLIMIT_FSIZE
  std::string interrupt_at{};          // SIGINT once the output holds this; empty: never
  std::string kill_at{};               // the same with SIGKILL
};

struct Finished {
  int status = -1;     // of exit, or 128 and the signal that ended it
  std::string output;  // standard output and error
};

Finished run(const std::vector<std::string>& command, const Surroundings& surroundings = {});

// A new folder, removed with all in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Names, sorted.
  std::vector<std::string> files() const;

 private:
  std::string path_;
};

// The bytes of a file; a test failure where it can't be read.
std::string contents(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace mica::testing
