#include "passages.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace semantic_search {

namespace fs = std::filesystem;

namespace {

// In bytes. The model reads about 1000.
constexpr size_t enough = 200;
constexpr size_t most = 800;
constexpr uintmax_t largest_file = 16 << 20;

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\f\v") == line.npos; }

// Collects lines until they make a passage.
class Collector {
 public:
  void add(int number, std::string_view line) {
    if (is_blank(line)) {
      if (text_.size() >= enough) flush();
      return;
    }
    if (text_.size() + line.size() > most) flush();
    while (line.size() > most) {
      const size_t space = line.substr(0, most).rfind(' ');
      size_t end = space == line.npos || space == 0 ? most : space;
      // Not inside a character.
      while (end > 1 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
      append(number, line.substr(0, end));
      flush();
      line.remove_prefix(end);
    }
    append(number, line);
  }
  std::vector<Passage> finish() {
    flush();
    return std::move(passages_);
  }

 private:
  void append(int number, std::string_view line) {
    if (is_blank(line)) return;
    if (text_.empty()) {
      line_ = number;
    } else {
      text_ += '\n';
    }
    text_ += line;
  }
  void flush() {
    if (!text_.empty()) passages_.push_back({line_, std::move(text_)});
    text_.clear();
  }

  std::vector<Passage> passages_;
  std::string text_;
  int line_ = 0;
};

}  // namespace

std::vector<Passage> split_passages(std::string_view text) {
  Collector collector;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    collector.add(number, line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return collector.finish();
}

Folder read_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw std::invalid_argument("'" + folder.string() + "': expected a folder");
  }
  Folder result;
  auto skip = [&](const std::string& path, const char* why) {
    result.skipped.push_back(path + ": " + why);
  };
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto entry = fs::recursive_directory_iterator(folder, options);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->path().filename().string().starts_with('.')) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    std::error_code error;
    if (!entry->is_regular_file(error)) continue;
    const std::string path = entry->path().lexically_relative(folder).generic_string();
    if (entry->file_size(error) > largest_file) {
      skip(path, error ? "can't be read" : "larger than 16 MiB");
      continue;
    }
    std::ifstream stream(entry->path(), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!stream.is_open() || stream.bad()) {
      skip(path, "can't be read");
    } else if (text.find('\0') != text.npos) {
      skip(path, "not text");
    } else {
      result.files.push_back({path, std::move(text)});
    }
  }
  std::sort(result.files.begin(), result.files.end(),
            [](const TextFile& a, const TextFile& b) { return a.path < b.path; });
  std::sort(result.skipped.begin(), result.skipped.end());
  return result;
}

}  // namespace semantic_search
