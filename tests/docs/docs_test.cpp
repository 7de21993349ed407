// The documentation quotes the code as it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace mica {

namespace {

const std::filesystem::path root = MICA_SOURCE_DIR;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The lines without their indentation.
std::string unindented(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    out += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
  return out;
}

// All of the library's and the op tests' sources.
std::string sources() {
  std::string all;
  for (const char* folder : {"mica", "tests/ops"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file()) all += unindented(contents(entry.path())) + "\n";
  return all;
}

TEST(AddingAnOp, QuotesTheCode) {
  const std::string code = sources();
  std::istringstream page(unindented(contents(root / "docs/adding_an_op.md")));
  int quotes = 0;
  for (std::string line; std::getline(page, line);) {
    if (line != "```cpp") continue;
    std::string quote;
    while (std::getline(page, line) && line != "```") quote += line + "\n";
    EXPECT_NE(code.find(quote), std::string::npos) << quote;
    ++quotes;
  }
  EXPECT_GT(quotes, 3);
}

// tests/api/array_surface.txt: "## ops.h: 220", then "abs, add, all (4), ...".
TEST(Arrays, NamesEveryFunction) {
  const std::string page = contents(root / "docs/array.md");
  std::istringstream list(contents(root / "tests/api/array_surface.txt"));
  int names = 0;
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream words(line);
    for (std::string name; std::getline(words, name, ',');) {
      name.erase(0, name.find_first_not_of(' '));
      name.erase(std::min(name.find(" ("), name.size()));
      for (size_t bar = 0; (bar = name.find('|', bar)) != std::string::npos; bar += 2)
        name.insert(bar, "\\");
      EXPECT_NE(page.find('`' + name + '`'), std::string::npos) << name;
      ++names;
    }
  }
  EXPECT_GT(names, 300);
}

}  // namespace

}  // namespace mica
