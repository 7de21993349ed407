#include "mica/nn/tree.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace mica {

void collect_arrays(std::vector<array>& out, const Tree& tree) {
  tree_map([&](const array& leaf) { out.push_back(leaf); }, tree);
}

Tree rebuild_arrays(const Tree& like, const array*& next) {
  return tree_map([&](const array&) { return *next++; }, like);
}

void describe_structure(std::string& key, const Tree& tree) {
  if (tree.is_leaf()) {
    key += 'a';
  } else if (tree.is_list()) {
    key += '[';
    for (const Tree& element : tree.elements()) describe_structure(key, element);
    key += ']';
  } else {
    key += '{';
    for (const auto& [name, element] : tree.items()) {
      key.append(std::to_string(name.size())).append(":").append(name);
      describe_structure(key, element);
    }
    key += '}';
  }
}

namespace detail {

void throw_missing_key(std::string_view key, const std::vector<std::string>& keys) {
  std::string text = "Tree: expected one of the keys ";
  const char* separator = "";
  for (const auto& k : keys) text += std::exchange(separator, ", ") + ("'" + k + "'");
  if (keys.empty()) text = "Tree: expected a key of a dictionary that is empty";
  throw std::invalid_argument(text + ", got '" + std::string(key) + "'");
}

void throw_index_out_of_range(std::ptrdiff_t index, size_t size) {
  throw std::invalid_argument("Tree: expected an index of a list of " + std::to_string(size) +
                              ", got " + std::to_string(index));
}

void throw_wrong_kind(const char* expected, const char* got) {
  throw std::invalid_argument(std::string("Tree: expected ") + expected + ", got " + got);
}

void print_quoted(std::ostream& os, std::string_view text) {
  const bool has_quote = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = has_quote ? '"' : '\'';
  os << quote;
  for (const char c : text) {
    if (c == quote || c == '\\') os << '\\';
    os << c;
  }
  os << quote;
}

std::vector<size_t> list_indices(const std::vector<std::string>& names, size_t limit) {
  std::vector<size_t> indices;
  for (const auto& name : names) {
    size_t index = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, index);
    if (parsed.ec != std::errc() || parsed.ptr != end || index >= limit) return {};
    indices.push_back(index);
  }
  auto sorted = indices;
  std::sort(sorted.begin(), sorted.end());
  // "01" and "1" are two entries, and so no list.
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return {};
  return indices;
}

}  // namespace detail
}  // namespace mica
