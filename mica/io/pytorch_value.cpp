#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "mica/io/pytorch.h"

namespace mica {

namespace {

using Kind = PickledValue::Kind;
using Arrays = std::unordered_map<std::string, array>;

constexpr const char* kind_names[] = {"None",    "a bool", "an integer", "a number",
                                      "text",    "bytes",  "a tensor",   "a list",
                                      "a tuple", "a set",  "a dict"};

std::string key_text(const PickledValue& key) {
  if (key.is(Kind::text)) return key.text();
  if (key.is(Kind::integer)) return std::to_string(key.integer());
  return "";
}

// Adds the tensors of a value, which may share containers and so be far larger than the file.
class TensorCollector {
 public:
  void add(const std::string& path, const PickledValue& value) {
    constexpr size_t bytes_of_a_value = 64;
    spent_ += path.size() + bytes_of_a_value;
    if (spent_ > most_bytes) {
      throw std::invalid_argument(fmt::format(
          "tensors: expected names of at most {} bytes together, got more", most_bytes));
    }
    switch (value.kind()) {
      case Kind::tensor:
        if (!tensors_.emplace(path, value.tensor()).second) {
          throw std::invalid_argument("tensors: expected each name once, got '" + path + "' twice");
        }
        return;
      case Kind::list:
      case Kind::tuple:
        for (size_t i = 0; i < value.items().size(); ++i) {
          add(below(path, std::to_string(i)), value.items()[i]);
        }
        return;
      case Kind::dict:
        for (const auto& [key, item] : value.entries()) add(below(path, key_text(key)), item);
        return;
      default:
        return;
    }
  }
  Arrays take() { return std::move(tensors_); }

 private:
  static constexpr size_t most_bytes = size_t{1} << 28;

  static std::string below(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  Arrays tensors_;
  size_t spent_ = 0;
};

}  // namespace

PickledValue::PickledValue(Kind kind, std::string value)
    : kind_(kind), held_(std::make_shared<const std::string>(std::move(value))) {}

PickledValue::PickledValue(Kind kind, List items)
    : kind_(kind), held_(std::make_shared<const List>(std::move(items))) {}

PickledValue::PickledValue(array tensor)
    : kind_(Kind::tensor), held_(std::make_shared<const array>(std::move(tensor))) {}

PickledValue::PickledValue(Dict entries)
    : kind_(Kind::dict), held_(std::make_shared<const Dict>(std::move(entries))) {}

void PickledValue::fail(const char* expected) const {
  throw std::invalid_argument(fmt::format("PickledValue: expected {}, got {}", expected,
                                          kind_names[static_cast<size_t>(kind_)]));
}

bool PickledValue::boolean() const {
  if (!is(Kind::boolean)) fail("a bool");
  return number_ != 0;
}

int64_t PickledValue::integer() const {
  if (!is(Kind::integer)) fail("an integer");
  return number_;
}

double PickledValue::real() const {
  if (is(Kind::integer)) return static_cast<double>(number_);
  if (!is(Kind::real)) fail("a number");
  return std::bit_cast<double>(number_);
}

const std::string& PickledValue::text() const {
  if (!is(Kind::text) && !is(Kind::bytes)) fail("text");
  return *static_cast<const std::string*>(held_.get());
}

const array& PickledValue::tensor() const {
  if (!is(Kind::tensor)) fail("a tensor");
  return *static_cast<const array*>(held_.get());
}

const PickledValue::List& PickledValue::items() const {
  if (!is(Kind::list) && !is(Kind::tuple) && !is(Kind::set)) fail("a list, tuple or set");
  return *static_cast<const List*>(held_.get());
}

const PickledValue::Dict& PickledValue::entries() const {
  if (!is(Kind::dict)) fail("a dict");
  return *static_cast<const Dict*>(held_.get());
}

const PickledValue* PickledValue::find(std::string_view key) const {
  for (const auto& [name, value] : entries()) {
    if (name.is(Kind::text) && name.text() == key) return &value;
  }
  return nullptr;
}

const PickledValue& PickledValue::operator[](std::string_view key) const {
  if (const PickledValue* const value = find(key)) return *value;
  constexpr size_t most_shown = 10;
  std::string keys;
  for (size_t i = 0; i < std::min(entries().size(), most_shown); ++i) {
    keys += (i ? ", " : "") + key_text(entries()[i].first);
  }
  if (entries().size() > most_shown) keys += ", ...";
  throw std::invalid_argument(fmt::format("PickledValue: expected one of the keys {}, got '{}'",
                                          keys.empty() ? "(none)" : keys, key));
}

Arrays PickledValue::tensors() const {
  TensorCollector collector;
  collector.add("", *this);
  return collector.take();
}

Arrays pytorch_state_dict(const PickledValue& value) {
  constexpr const char* op = "pytorch_state_dict";
  if (!value.is(Kind::dict)) {
    throw std::invalid_argument(fmt::format("{}: expected a dict of tensors, got {}", op,
                                            kind_names[static_cast<size_t>(value.kind())]));
  }
  for (const char* key : {"state_dict", "model_state_dict", "model"}) {
    const PickledValue* const inner = value.find(key);
    if (!inner || !inner->is(Kind::dict)) continue;
    Arrays tensors = inner->tensors();
    if (!tensors.empty()) return tensors;
  }
  Arrays tensors = value.tensors();
  if (tensors.empty()) {
    throw std::invalid_argument(
        fmt::format("{}: expected a dict of tensors, got none of them", op));
  }
  return tensors;
}

}  // namespace mica
