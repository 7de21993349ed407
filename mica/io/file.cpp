#include "mica/io/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mica::io {

namespace {

[[noreturn]] void throw_error(const char* op, const char* verb, const std::string& path,
                              int error) {
  throw std::system_error(error, std::generic_category(),
                          std::string(op) + ": can't " + verb + " '" + path + "'");
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Writing past RLIMIT_FSIZE raises SIGXFSZ, which ends a process that does not expect it. While
// this lives the thread sees only the error that write() returns.
class FileSizeSignalBlocked {
 public:
  FileSizeSignalBlocked() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGXFSZ) == 1;
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &previous_);
  }
  ~FileSizeSignalBlocked() {
    const timespec now{0, 0};
    if (!was_pending_)
      while (sigtimedwait(&signals_, nullptr, &now) == -1 && errno == EINTR) {
      }
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }
  FileSizeSignalBlocked(const FileSizeSignalBlocked&) = delete;
  FileSizeSignalBlocked& operator=(const FileSizeSignalBlocked&) = delete;

 private:
  bool was_pending_;
  sigset_t signals_;
  sigset_t previous_;
};

}  // namespace

MappedFile::MappedFile(const char* op, const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) throw_error(op, "read", path, errno);
  if (S_ISDIR(status.st_mode)) throw_error(op, "read", path, EISDIR);
  if (!S_ISREG(status.st_mode)) throw_error(op, "read", path, EINVAL);
  const size_t size = static_cast<size_t>(status.st_size);
  if (size == 0) return;
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) throw_error(op, "read", path, errno);
  bytes_ = {static_cast<std::byte*>(data), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

ReplacingFile::ReplacingFile(const char* op, const std::string& path) : op_(op), path_(path) {
  std::error_code ignored;
  const auto resolved = std::filesystem::canonical(path, ignored);
  target_ = ignored ? path : resolved.string();
  // A folder may hold leftovers of a process that was killed, so the first names may be taken.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    const std::string name =
        target_ + "." + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".tmp";
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) fail(errno);
    if (descriptor_ >= 0) temporary_ = name;
  }
  struct stat replaced;
  if (::stat(target_.c_str(), &replaced) == 0) ::fchmod(descriptor_, replaced.st_mode & 0777);
}

ReplacingFile::~ReplacingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void ReplacingFile::fail(int error) { throw_error(op_, "write", path_, error); }

void ReplacingFile::write(const void* data, size_t size) {
  const FileSizeSignalBlocked blocked;
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    // Linux writes at most 2^31 - 4096 bytes at once.
    const ssize_t written = ::write(descriptor_, next, std::min(size, size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC);
    next += written;
    size -= static_cast<size_t>(written);
  }
}

void ReplacingFile::seek(size_t offset) {
  if (::lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0) fail(errno);
}

void ReplacingFile::commit() {
  if (::fsync(descriptor_) != 0) fail(errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
  temporary_.clear();
  // The new name lasts only once the folder is on disk too. Some file systems can't do that for
  // folders; the file itself is complete either way.
  std::string folder = std::filesystem::path(target_).parent_path().string();
  if (folder.empty()) folder = ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

}  // namespace mica::io
