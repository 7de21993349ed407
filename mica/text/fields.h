// The fields of a JSON file, with errors that name file and field.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mica::text {

// One value; the document outlives it.
class Field {
 public:
  Field(const nlohmann::json& value, std::string file) : value_(&value), file_(std::move(file)) {}

  const nlohmann::json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  // Of an object: the member, which must be there; none where it is missing or null.
  Field at(const std::string& name) const;
  std::optional<Field> find(const std::string& name) const;
  // Of an array.
  size_t size() const;
  Field at(size_t index) const;

  bool boolean() const;
  int64_t integer(int64_t low, int64_t high) const;
  std::string string() const;
  char32_t character() const;  // a string of one character

  bool get_bool(const std::string& name, bool otherwise) const;
  std::string get_string(const std::string& name, const std::string& otherwise) const;

  // Throws where the object has a member that is none of these.
  void only(std::initializer_list<std::string_view> names) const;

  // Throws std::invalid_argument: "tokenizer.json: model.type: expected ..., got ...".
  [[noreturn]] void fail(const std::string& expected) const;
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;

 private:
  Field child(const nlohmann::json& value, const std::string& step) const;

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

// Throws std::invalid_argument where text is not JSON.
nlohmann::json parse_json(std::string_view text, const std::string& file);
// In quotes, in one line, not longer than an error needs.
std::string in_quotes(std::string_view text);

}  // namespace mica::text
