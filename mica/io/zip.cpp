#include "mica/io/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "mica/io/content.h"

namespace mica::io {

namespace {

// libzip reads fewer bytes as an archive of nothing.
constexpr size_t smallest_archive = 22;
// The best that deflate can do is 1032 to 1, so that a larger claim is a lie.
constexpr uint64_t best_ratio = 1032;

}  // namespace

// The file's bytes as libzip reads them, and where it last did: it does not say where an entry's
// bytes begin.
struct ZipArchive::Watched {
  Bytes bytes;
  zip_uint64_t position = 0;
  zip_uint64_t last_read = 0;

  static zip_int64_t command(void* state, void* data, zip_uint64_t size, zip_source_cmd_t command) {
    return static_cast<Watched*>(state)->run(data, size, command);
  }

  zip_int64_t run(void* data, zip_uint64_t size, zip_source_cmd_t command) {
    ZipError error;
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_SEEKABLE;
      case ZIP_SOURCE_OPEN:
        position = 0;
        return 0;
      case ZIP_SOURCE_READ: {
        const size_t count = std::min<zip_uint64_t>(size, bytes.data.size() - position);
        std::memcpy(data, bytes.data.data() + position, count);
        last_read = position;
        position += count;
        return static_cast<zip_int64_t>(count);
      }
      case ZIP_SOURCE_SEEK: {
        const zip_int64_t place =
            zip_source_seek_compute_offset(position, bytes.data.size(), data, size, error.get());
        if (place < 0) return -1;
        position = static_cast<zip_uint64_t>(place);
        return 0;
      }
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(position);
      case ZIP_SOURCE_STAT: {
        auto* const stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->size = bytes.data.size();
        stat->valid = ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
      }
      case ZIP_SOURCE_ERROR:
        zip_error_set(error.get(), ZIP_ER_SEEK, 0);
        return zip_error_to_data(error.get(), data, size);
      default:
        return 0;
    }
  }
};

Bytes ZipEntryInput::next(size_t n) {
  Bytes bytes = allocate_bytes(n);
  for (size_t done = 0; done < n;) {
    const zip_int64_t got = zip_fread(entry_.get(), bytes.data.data() + done, n - done);
    if (got <= 0) fail("data", std::to_string(n) + " bytes", zip_file_strerror(entry_.get()));
    done += static_cast<size_t>(got);
  }
  return bytes;
}

void ZipEntryInput::finish() {
  char behind_the_end;
  if (zip_fread(entry_.get(), &behind_the_end, 1) != 0) {
    fail("data", "the size and checksum of the archive's directory", "others");
  }
}

ZipArchive::ZipArchive(Input& file) : file_(file), watched_(std::make_unique<Watched>()) {
  if (file.remaining() < smallest_archive) {
    file.fail("archive", "a zip file", std::to_string(file.remaining()) + " bytes");
  }
  watched_->bytes = file.take("archive", file.remaining());
  ZipError error;
  ZipSource source(zip_source_function_create(Watched::command, watched_.get(), error.get()));
  archive_.reset(source ? zip_open_from_source(source.get(), ZIP_RDONLY, error.get()) : nullptr);
  if (!archive_) {
    if (!watched_->bytes.text().starts_with("PK")) {
      file.fail("content", "a zip archive", kind_of_content(watched_->bytes.data));
    }
    file.fail("archive", "a whole zip file", error.text() + ": is the file cut short?");
  }
  source.release();  // the archive's now

  // Entries share no bytes, so that what they inflate to is bounded by the file's size.
  uint64_t left = watched_->bytes.data.size();
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive_.get(), 0));
  for (zip_uint64_t index = 0; index < count; ++index) {
    zip_stat_t stat;
    constexpr zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive_.get(), index, 0, &stat) != 0 || (stat.valid & needed) != needed) {
      file.fail(fmt::format("entry {}", index), "its name and sizes", "none");
    }
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
      file.fail(stat.name, "stored or deflated data", fmt::format("method {}", stat.comp_method));
    }
    if (stat.comp_size > left) {
      file.fail(stat.name, fmt::format("at most {} bytes of the file", left),
                std::to_string(stat.comp_size));
    }
    left -= stat.comp_size;
    const bool stored = stat.comp_method == ZIP_CM_STORE;
    const uint64_t ratio = stored ? 1 : best_ratio;
    if (stat.size / ratio > stat.comp_size) {
      file.fail(stat.name, fmt::format("at most {} times its {} bytes", ratio, stat.comp_size),
                std::to_string(stat.size));
    }
    entries_.push_back({stat.name, stat.size, stored});
  }
}

ZipArchive::~ZipArchive() = default;

ZipEntryHandle ZipArchive::open_handle(size_t entry) const {
  ZipEntryHandle handle(zip_fopen_index(archive_.get(), entry, 0));
  if (!handle) {
    file_.fail(entries_[entry].name, "an entry that can be read", zip_strerror(archive_.get()));
  }
  return handle;
}

std::unique_ptr<ZipEntryInput> ZipArchive::open(const char* op, size_t entry) const {
  return std::make_unique<ZipEntryInput>(op, file_.label() + ": " + entries_[entry].name,
                                         entries_[entry].size, open_handle(entry));
}

Bytes ZipArchive::stored_bytes(size_t entry) const {
  const ZipEntry& wanted = entries_[entry];
  if (wanted.size == 0) return {};
  const ZipEntryHandle handle = open_handle(entry);
  char first;
  const bool read = zip_fread(handle.get(), &first, 1) == 1;
  const std::span<std::byte> all = watched_->bytes.data;
  const size_t begin = watched_->last_read;
  if (!read || begin > all.size() || wanted.size > all.size() - begin ||
      static_cast<char>(all[begin]) != first) {
    file_.fail(wanted.name, fmt::format("{} stored bytes within the file", wanted.size), "others");
  }
  return {all.subspan(begin, wanted.size), watched_->bytes.owner};
}

}  // namespace mica::io
