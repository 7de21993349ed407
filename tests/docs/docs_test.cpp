// The documentation quotes the code as it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

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

// "a: int, b: Union[int, tuple] = 1" as "a, b", without self.
std::string argument_names(const std::string& list) {
  std::string names, word;
  int depth = 0;
  const auto end_argument = [&] {
    word.erase(std::min(word.find_first_of(":="), word.size()));
    word.erase(0, std::min(word.find_first_not_of(" *'"), word.size()));
    if (!word.empty() && word != "self" && word != "_") names += (names.empty() ? "" : ", ") + word;
    word.clear();
  };
  for (const char c : list) {
    if (c == '[' || c == '(') ++depth;
    if (c == ']' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      end_argument();
    } else {
      word += c;
    }
  }
  end_argument();
  return names;
}

// tests/api/nn_surface.txt: "class Linear(self, input_dims: int, ...) -> None", "def relu(x)", and
// the methods of classes, "    .update(self, ...)".
TEST(Layers, AreAllListedWithTheirArguments) {
  const std::string page = contents(root / "docs/nn.md");
  std::istringstream list(contents(root / "tests/api/nn_surface.txt"));
  int names = 0;
  bool of_utilities = false, of_module = false;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with("# ")) of_utilities = line == "# mlx.utils";
    const bool is_class = line.starts_with("class ");
    if (is_class)
      of_module = line.starts_with("class Module(") || line.starts_with("class Optimizer(");
    const size_t open = line.find('(');
    if (is_class || line.starts_with("def ")) {
      const size_t begin = line.find(' ') + 1;
      const std::string name = line.substr(begin, open - begin);
      std::string expected = name + "(";
      // Trees take the same arguments in another order, and the classes below are bases.
      if (!of_utilities && !of_module) {
        int depth = 0;
        size_t close = open;
        do {
          if (line[close] == '(') ++depth;
          if (line[close] == ')') --depth;
          ++close;
        } while (depth > 0);
        expected += argument_names(line.substr(open + 1, close - open - 2)) + ")";
      } else if (of_module) {
        continue;
      }
      EXPECT_NE(page.find(expected), std::string::npos) << expected;
      ++names;
    } else if (line.starts_with("    .") && !line.starts_with("    .__call__")) {
      const std::string method = line.substr(5, open == std::string::npos ? open : open - 5);
      EXPECT_NE(page.find(method), std::string::npos) << method;
      ++names;
    }
  }
  EXPECT_GT(names, 180);
}

std::vector<std::filesystem::path> pages() {
  std::vector<std::filesystem::path> found;
  for (const char* folder : {"", "docs"})
    for (const auto& entry : std::filesystem::directory_iterator(root / folder))
      if (entry.path().extension() == ".md") found.push_back(entry.path());
  for (const auto& entry : std::filesystem::directory_iterator(root / "examples"))
    if (std::filesystem::exists(entry.path() / "README.md"))
      found.push_back(entry.path() / "README.md");
  return found;
}

// What a page links to, but for addresses of the web. Code is left out.
std::vector<std::string> links(const std::filesystem::path& page) {
  const std::regex code("```[^]*?```|`[^`]*`"), link(R"(\]\(([^)\s]+)\))");
  const std::string text = std::regex_replace(contents(page), code, "");
  std::vector<std::string> found;
  for (auto m = std::sregex_iterator(text.begin(), text.end(), link); m != std::sregex_iterator();
       ++m)
    if ((*m)[1].str().find("://") == std::string::npos) found.push_back((*m)[1]);
  return found;
}

// Files, not folders: the reference has no pages for those.
TEST(Pages, LinkToFilesThatExist) {
  size_t count = 0;
  for (const auto& page : pages()) {
    for (const std::string& link : links(page)) {
      EXPECT_TRUE(std::filesystem::is_regular_file(page.parent_path() / link))
          << page << " links to " << link;
      ++count;
    }
  }
  EXPECT_GT(count, 30u);
}

TEST(Pages, AreAllLinkedFromTheReadme) {
  const auto linked = links(root / "README.md");
  for (const auto& page : pages()) {
    const std::string name = page.lexically_relative(root).generic_string();
    if (name == "README.md") continue;
    EXPECT_NE(std::find(linked.begin(), linked.end(), name), linked.end()) << name;
  }
}

TEST(Pictures, AreDrawnForDarkScreensToo) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs")) {
    if (entry.path().extension() != ".svg") continue;
    EXPECT_NE(contents(entry.path()).find("prefers-color-scheme"), std::string::npos) << entry;
    ++count;
  }
  EXPECT_GE(count, 5u);
}

}  // namespace

}  // namespace mica
