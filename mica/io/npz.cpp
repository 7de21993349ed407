// npz archives: zip files of one npy file an array, as NumPy's savez writes them.

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <exception>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "mica/io/io.h"
#include "mica/io/npy.h"

namespace mica {

namespace {

using io::Bytes;
using io::Input;
using io::NpyFile;
using io::Output;

struct ZipDelete {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ZipArchive = std::unique_ptr<zip_t, ZipDelete>;
using ZipEntry = std::unique_ptr<zip_file_t, ZipDelete>;
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

// An entry being decompressed.
class EntryInput final : public Input {
 public:
  EntryInput(const char* op, std::string label, size_t size, zip_file_t* entry)
      : Input(op, std::move(label), size), entry_(entry) {}

  // The checksum is compared once an entry's end is read.
  void finish() {
    char behind_the_end;
    if (zip_fread(entry_, &behind_the_end, 1) != 0) {
      fail("data", "the size and checksum of the archive's directory", "others");
    }
  }

 private:
  Bytes next(size_t n) override {
    Bytes bytes = io::allocate_bytes(n);
    for (size_t done = 0; done < n;) {
      const zip_int64_t got = zip_fread(entry_, bytes.data.data() + done, n - done);
      if (got <= 0) fail("data", std::to_string(n) + " bytes", zip_file_strerror(entry_));
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

  zip_file_t* entry_;
};

array read_entry(const Input& file, zip_t* archive, zip_uint64_t index, const zip_stat_t& stat,
                 const StreamOrDevice& s) {
  // The best that deflate can do is 1032 to 1, so that a larger claim is a lie.
  constexpr uint64_t best_ratio = 1032;
  const std::string name = stat.name;
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    file.fail(name, "stored or deflated data", fmt::format("method {}", stat.comp_method));
  }
  if (stat.size / best_ratio > stat.comp_size) {
    file.fail(name, fmt::format("at most {} times its {} bytes", best_ratio, stat.comp_size),
              std::to_string(stat.size));
  }
  const ZipEntry entry(zip_fopen_index(archive, index, 0));
  if (!entry) file.fail(name, "an entry that can be read", zip_strerror(archive));
  EntryInput input("load_npz", file.label() + ": " + name, stat.size, entry.get());
  array values = read_npy(input, s);
  if (input.remaining() > 0) {
    input.fail("data", fmt::format("{} bytes", stat.size - input.remaining()),
               std::to_string(stat.size));
  }
  input.finish();
  return values;
}

std::unordered_map<std::string, array> read_archive(Input& file, const StreamOrDevice& s) {
  // libzip reads less than that as an archive of nothing.
  constexpr size_t smallest = 22;
  if (file.remaining() < smallest) {
    file.fail("archive", "a zip file", std::to_string(file.remaining()) + " bytes");
  }
  const Bytes bytes = file.take("archive", file.remaining());
  ZipError error;
  ZipSource source(zip_source_buffer_create(bytes.data.data(), bytes.data.size(), 0, error.get()));
  const ZipArchive archive(source ? zip_open_from_source(source.get(), ZIP_RDONLY, error.get())
                                  : nullptr);
  if (!archive) file.fail("archive", "a zip file", error.text());
  source.release();  // the archive's now

  std::unordered_map<std::string, array> arrays;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t index = 0; index < count; ++index) {
    zip_stat_t stat;
    constexpr zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(archive.get(), index, 0, &stat) != 0 || (stat.valid & needed) != needed) {
      file.fail(fmt::format("entry {}", index), "its name and sizes", "none");
    }
    std::string name = stat.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    array values = read_entry(file, archive.get(), index, stat, s);
    if (!arrays.emplace(name, std::move(values)).second) {
      file.fail("archive", "each name once", "'" + name + "' twice");
    }
  }
  return arrays;
}

// libzip's view of an Output. Exceptions can't pass through it, so the first is kept.
struct ArchiveTarget {
  Output& output;
  zip_uint64_t position = 0;
  zip_uint64_t size = 0;  // bytes written so far
  std::exception_ptr error = nullptr;
};

zip_int64_t write_archive(void* state, void* data, zip_uint64_t size, zip_source_cmd_t command) {
  auto& target = *static_cast<ArchiveTarget*>(state);
  ZipError error;
  switch (command) {
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(
          ZIP_SOURCE_SUPPORTS, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_OPEN,
          ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
          ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_WRITE, ZIP_SOURCE_COMMIT_WRITE,
          ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_SEEK_WRITE, ZIP_SOURCE_TELL_WRITE,
          ZIP_SOURCE_REMOVE, -1);
    case ZIP_SOURCE_STAT:
      zip_stat_init(static_cast<zip_stat_t*>(data));
      return sizeof(zip_stat_t);
    case ZIP_SOURCE_WRITE:
    case ZIP_SOURCE_SEEK_WRITE:
      try {
        if (command == ZIP_SOURCE_WRITE) {
          target.output.write(data, size);
          target.position += size;
          target.size = std::max(target.size, target.position);
          return static_cast<zip_int64_t>(size);
        }
        const zip_int64_t place =
            zip_source_seek_compute_offset(target.position, target.size, data, size, error.get());
        if (place < 0) return -1;
        target.position = static_cast<zip_uint64_t>(place);
        target.output.seek(target.position);
        return 0;
      } catch (...) {
        target.error = std::current_exception();
        return -1;
      }
    case ZIP_SOURCE_TELL_WRITE:
      return static_cast<zip_int64_t>(target.position);
    case ZIP_SOURCE_ERROR:
      zip_error_set(error.get(), ZIP_ER_WRITE, 0);
      return zip_error_to_data(error.get(), data, size);
    default:
      return 0;
  }
}

// An entry's bytes: an NpyFile, read from the place that is reached.
struct EntryBytes {
  const NpyFile& file;
  size_t position = 0;

  size_t read(char* out, size_t size) {
    const size_t header = file.header.size();
    const char* from = position < header ? file.header.data() + position
                                         : file.values.data<char>() + (position - header);
    const size_t end = position < header ? header : file.size();
    const size_t count = std::min(size, end - position);
    std::memcpy(out, from, count);
    position += count;
    return count;
  }
};

zip_int64_t read_entry_bytes(void* state, void* data, zip_uint64_t size, zip_source_cmd_t command) {
  auto& entry = *static_cast<EntryBytes*>(state);
  switch (command) {
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_READABLE;
    case ZIP_SOURCE_OPEN:
      entry.position = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return static_cast<zip_int64_t>(entry.read(static_cast<char*>(data), size));
    case ZIP_SOURCE_STAT: {
      auto* stat = static_cast<zip_stat_t*>(data);
      zip_stat_init(stat);
      stat->size = entry.file.size();
      stat->valid = ZIP_STAT_SIZE;
      return sizeof(zip_stat_t);
    }
    case ZIP_SOURCE_ERROR: {
      ZipError none;
      return zip_error_to_data(none.get(), data, size);
    }
    default:
      return 0;
  }
}

void write_entries(Output& output, const std::map<std::string, NpyFile>& files, bool compressed) {
  if (files.empty()) {
    // An archive's end with nothing before it; libzip would write no file at all.
    constexpr std::string_view nothing("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    output.write(nothing.data(), nothing.size());
    return;
  }
  // 1980, where the format's time begins: equal arrays make equal files.
  constexpr uint16_t first_time = 0, first_date = 1 << 5 | 1;
  ArchiveTarget target{output};
  ZipError error;
  const auto check = [&](bool good, const char* what) {
    if (good) return;
    if (target.error) std::rethrow_exception(target.error);
    throw std::runtime_error(fmt::format("save_npz: can't write {}: {}", what, error.text()));
  };
  std::vector<EntryBytes> entries;
  entries.reserve(files.size());
  ZipSource sink(zip_source_function_create(write_archive, &target, error.get()));
  check(sink != nullptr, "the archive");
  ZipArchive archive(zip_open_from_source(sink.get(), ZIP_CREATE | ZIP_TRUNCATE, error.get()));
  check(archive != nullptr, "the archive");
  sink.release();
  for (const auto& [name, file] : files) {
    entries.push_back({file});
    ZipSource source(zip_source_function_create(read_entry_bytes, &entries.back(), error.get()));
    check(source != nullptr, name.c_str());
    const zip_int64_t index =
        zip_file_add(archive.get(), (name + ".npy").c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    check(index >= 0, name.c_str());
    source.release();
    const auto place = static_cast<zip_uint64_t>(index);
    zip_set_file_compression(archive.get(), place, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    zip_file_set_dostime(archive.get(), place, first_time, first_date, 0);
  }
  if (zip_close(archive.get()) != 0) {
    check(false, zip_strerror(archive.get()));
  }
  archive.release();
}

}  // namespace

std::unordered_map<std::string, array> load_npz(const std::string& file, StreamOrDevice s) {
  return read_archive(*io::open_input("load_npz", file), s);
}

std::unordered_map<std::string, array> load_npz(std::shared_ptr<io::Reader> in_stream,
                                                StreamOrDevice s) {
  return read_archive(*io::open_input("load_npz", std::move(in_stream)), s);
}

void save_npz(std::string file, const std::unordered_map<std::string, array>& arrays,
              bool compressed) {
  if (!file.ends_with(".npz")) file += ".npz";
  std::map<std::string, NpyFile> files;
  for (const auto& [name, values] : arrays) files.emplace(name, NpyFile(values));
  const auto output = io::open_output("save_npz", file);
  write_entries(*output, files, compressed);
  output->commit();
}

}  // namespace mica
