#include "mica/data/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::data {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_read(const fs::path& path, std::error_code error) {
  throw std::system_error(error, fmt::format("read_text: can't read '{}'", path.string()));
}

std::string contents(const fs::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || file.bad()) fail_to_read(path, {errno, std::generic_category()});
  return text;
}

std::vector<fs::path> files_below(const fs::path& folder, const std::vector<std::string>& endings) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) fail_to_read(folder, error);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) {
      entry.disable_recursion_pending();
      continue;
    }
    const bool wanted = std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) {
      return name.ends_with(ending);
    });
    if ((endings.empty() || wanted) && entry->is_regular_file()) files.push_back(entry->path());
  }
  if (error) fail_to_read(folder, error);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string read_text(const std::vector<fs::path>& paths, const std::vector<std::string>& endings) {
  std::string text;
  for (const fs::path& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
      fail_to_read(path, std::make_error_code(std::errc::no_such_file_or_directory));
    if (!fs::is_directory(status)) {
      text += contents(path);
      continue;
    }
    for (const fs::path& file : files_below(path, endings)) {
      const std::string more = contents(file);
      if (more.find('\0') == std::string::npos) text += more;
    }
  }
  if (text.empty()) {
    std::vector<std::string> names;
    for (const fs::path& path : paths) names.push_back("'" + path.string() + "'");
    throw std::invalid_argument(
        fmt::format("read_text: expected text in {}, got none", fmt::join(names, ", ")));
  }
  return text;
}

Dataset windows(const array& tokens, int length, int stride) {
  if (tokens.ndim() != 1 || !issubdtype(tokens.dtype(), integer))
    throw std::invalid_argument(
        fmt::format("windows: expected tokens (n,) of integers, got {} of {}",
                    to_string(tokens.shape()), dtype_name(tokens.dtype())));
  if (length < 1 || stride < 0)
    throw std::invalid_argument(fmt::format(
        "windows: expected a length of at least 1 and a stride of at least 0, got {} and {}",
        length, stride));
  if (tokens.shape(0) <= length)
    throw std::invalid_argument(
        fmt::format("windows: expected more than {} tokens, the length of a window, got {}", length,
                    tokens.shape(0)));
  const array row = contiguous(astype(tokens, int32));
  row.eval();
  const int step = stride > 0 ? stride : length;
  const auto count = static_cast<size_t>((tokens.shape(0) - length - 1) / step + 1);
  return {count, [row, length, step](size_t index, Random&) {
            const int32_t* first = row.data<int32_t>() + index * static_cast<size_t>(step);
            return Sample{array(first, {length}), array(first + 1, {length})};
          }};
}

}  // namespace mica::data
