#include "mica/text/fields.h"

#include <algorithm>
#include <stdexcept>

#include "mica/text/unicode.h"

namespace mica::text {

using nlohmann::json;

namespace {

std::string shortened(std::string text) {
  constexpr size_t longest = 60;
  if (text.size() <= longest) return text;
  size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string described(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  return shortened(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string part = shortened(std::string(text.substr(0, 80)));
  return json(part).dump(-1, ' ', false, json::error_handler_t::replace);
}

json parse_json(std::string_view text, const std::string& file) {
  try {
    return json::parse(text.begin(), text.end());
  } catch (const json::exception& error) {
    const std::string what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const size_t begin = what.find("] ");
    throw std::invalid_argument(file + ": expected JSON, got a " +
                                in_quotes(what.substr(begin == std::string::npos ? 0 : begin + 2)));
  }
}

Field Field::child(const json& value, const std::string& step) const {
  Field result(value, file_);
  result.path_ = path_ + (path_.empty() || step.front() == '[' ? "" : ".") + step;
  return result;
}

Field Field::at(const std::string& name) const {
  if (!value_->is_object()) fail("an object");
  const auto member = value_->find(name);
  if (member == value_->end()) child(*value_, name).fail("a value", "nothing");
  return child(*member, name);
}

std::optional<Field> Field::find(const std::string& name) const {
  if (!value_->is_object()) fail("an object");
  const auto member = value_->find(name);
  if (member == value_->end() || member->is_null()) return std::nullopt;
  return child(*member, name);
}

size_t Field::size() const {
  if (!value_->is_array()) fail("a list");
  return value_->size();
}

Field Field::at(size_t index) const {
  return child((*value_)[index], "[" + std::to_string(index) + "]");
}

bool Field::boolean() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

int64_t Field::integer(int64_t low, int64_t high) const {
  const bool fits = value_->is_number_unsigned()
                        ? value_->get<uint64_t>() <= static_cast<uint64_t>(high)
                        : value_->is_number_integer() && value_->get<int64_t>() >= low;
  if (!fits || value_->get<int64_t>() < low || value_->get<int64_t>() > high) {
    fail("an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value_->get<int64_t>();
}

std::string Field::string() const {
  if (!value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

char32_t Field::character() const {
  const std::string text = string();
  if (count_characters(text) != 1) fail("one character");
  return character_at(text, 0).code;
}

bool Field::get_bool(const std::string& name, bool otherwise) const {
  const auto member = find(name);
  return member ? member->boolean() : otherwise;
}

std::string Field::get_string(const std::string& name, const std::string& otherwise) const {
  const auto member = find(name);
  return member ? member->string() : otherwise;
}

void Field::only(std::initializer_list<std::string_view> names) const {
  if (!value_->is_object()) fail("an object");
  for (const auto& [name, value] : value_->items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    std::string known;
    for (const std::string_view each : names) {
      known += (known.empty() ? "" : ", ") + std::string(each);
    }
    fail("only " + known, in_quotes(name));
  }
}

void Field::fail(const std::string& expected) const { fail(expected, described(*value_)); }

void Field::fail(const std::string& expected, const std::string& got) const {
  throw std::invalid_argument(file_ + ": " + (path_.empty() ? "" : path_ + ": ") + "expected " +
                              expected + ", got " + got);
}

}  // namespace mica::text
