#include "process.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace mica::testing {

namespace {

struct Child {
  pid_t id;
  int output;  // to read from
};

[[noreturn]] void become(const std::vector<std::string>& command,
                         const Surroundings& surroundings) {
  if (surroundings.largest_file) {
    const auto bytes = static_cast<rlim_t>(*surroundings.largest_file);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

Child start(const std::vector<std::string>& command, const Surroundings& surroundings) {
  int ends[2] = {-1, -1};
  pid_t id;
  if (surroundings.terminal) {
    const winsize size{24, 120, 0, 0};
    id = forkpty(&ends[0], nullptr, nullptr, &size);
  } else {
    if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    id = fork();
  }
  if (id < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (id == 0) {
    if (surroundings.terminal) {
      setenv("TERM", "xterm", 1);
      unsetenv("NO_COLOR");
    } else {
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      close(ends[0]);
      close(ends[1]);
    }
    become(command, surroundings);
  }
  if (!surroundings.terminal) close(ends[1]);
  return {id, ends[0]};
}

}  // namespace

Finished run(const std::vector<std::string>& command, const Surroundings& surroundings) {
  const Child child = start(command, surroundings);
  Finished finished;
  bool interrupts = !surroundings.interrupt_at.empty(), kills = !surroundings.kill_at.empty();
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = read(child.output, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;  // a terminal whose program ended gives EIO
    finished.output.append(buffer.data(), static_cast<size_t>(size));
    if (interrupts && finished.output.find(surroundings.interrupt_at) != std::string::npos) {
      kill(child.id, SIGINT);
      interrupts = false;
    }
    if (kills && finished.output.find(surroundings.kill_at) != std::string::npos) {
      kill(child.id, SIGKILL);
      kills = false;
    }
  }
  close(child.output);
  int status = 0;
  while (waitpid(child.id, &status, 0) < 0 && errno == EINTR) {
  }
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "mica-test-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> TemporaryFolder::files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("can't write " + path);
}

}  // namespace mica::testing
