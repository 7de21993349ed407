// npz archives: zip files of one npy file an array, as NumPy's savez writes them.

#include <fmt/format.h>

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
#include "mica/io/zip.h"

namespace mica {

namespace {

using io::Input;
using io::NpyFile;
using io::Output;
using io::ZipArchive;
using io::ZipError;
using io::ZipHandle;
using io::ZipSource;

std::unordered_map<std::string, array> read_archive(Input& file, const StreamOrDevice& s) {
  const ZipArchive archive(file);
  std::unordered_map<std::string, array> arrays;
  for (size_t index = 0; index < archive.entries().size(); ++index) {
    std::string name = archive.entries()[index].name;
    const auto input = archive.open("load_npz", index);
    array values = read_npy(*input, s);
    if (const size_t size = archive.entries()[index].size; input->remaining() > 0) {
      input->fail("data", fmt::format("{} bytes", size - input->remaining()), std::to_string(size));
    }
    input->finish();
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
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
  ZipHandle archive(zip_open_from_source(sink.get(), ZIP_CREATE | ZIP_TRUNCATE, error.get()));
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
