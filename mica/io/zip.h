// Zip archives from outside.
#pragma once

#include <zip.h>

#include <memory>
#include <string>
#include <vector>

#include "mica/io/input.h"

namespace mica::io {

struct ZipDelete {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ZipHandle = std::unique_ptr<zip_t, ZipDelete>;
using ZipEntryHandle = std::unique_ptr<zip_file_t, ZipDelete>;
using ZipSource = std::unique_ptr<zip_source_t, ZipDelete>;

class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* get() { return &error_; }
  std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

struct ZipEntry {
  std::string name;
  size_t size;
  bool stored;  // as it is, else deflated
};

// An entry being decompressed.
class ZipEntryInput final : public Input {
 public:
  ZipEntryInput(const char* op, std::string label, size_t size, ZipEntryHandle entry)
      : Input(op, std::move(label), size), entry_(std::move(entry)) {}

  // The checksum is compared once an entry's end is read; throws where it is another.
  void finish();

 private:
  Bytes next(size_t n) override;

  ZipEntryHandle entry_;
};

// The archive that is all of a file. Sizes in its directory are not trusted beyond what the file's
// bytes can hold; entries are stored or deflated, others are refused.
class ZipArchive {
 public:
  // The file outlives the archive.
  explicit ZipArchive(Input& file);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::vector<ZipEntry>& entries() const { return entries_; }
  std::unique_ptr<ZipEntryInput> open(const char* op, size_t entry) const;
  // A stored entry's bytes where they lie in the file, unchecked.
  Bytes stored_bytes(size_t entry) const;

 private:
  struct Watched;

  ZipEntryHandle open_handle(size_t entry) const;

  const Input& file_;
  std::unique_ptr<Watched> watched_;
  ZipHandle archive_;
  std::vector<ZipEntry> entries_;
};

}  // namespace mica::io
