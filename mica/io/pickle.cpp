#include "mica/io/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string_view>

namespace mica::io::pickle {

namespace {

// Values and references of one pickle. A value takes 40 bytes here, and can be one in the file.
constexpr size_t most_values = size_t{1} << 23;

constexpr const char* field = "pickle";

void append_utf8(std::string& text, uint32_t code) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// The number of the hexadecimal digits in front of `text`, which are taken; none where they are
// not all there.
bool take_hex(std::string_view& text, size_t digits, uint32_t& value) {
  if (text.size() < digits) return false;
  const char* const end = text.data() + digits;
  const auto result = std::from_chars(text.data(), end, value, 16);
  text.remove_prefix(digits);
  return result.ec == std::errc() && result.ptr == end;
}

// Protocol 0's text: Latin-1 with \uXXXX and \UXXXXXXXX. False where it is none.
bool unescape_unicode(std::string_view line, std::string& text) {
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c != '\\' || line.empty() || (line.front() != 'u' && line.front() != 'U')) {
      append_utf8(text, static_cast<unsigned char>(c));
      continue;
    }
    const size_t digits = line.front() == 'u' ? 4 : 8;
    line.remove_prefix(1);
    uint32_t code = 0;
    if (!take_hex(line, digits, code) || code > 0x10ffff) return false;
    append_utf8(text, code);
  }
  return true;
}

// Python 2's quoted strings.
bool unescape_quoted(std::string_view line, std::string& text) {
  if (line.size() < 2 || line.front() != line.back()) return false;
  if (line.front() != '\'' && line.front() != '"') return false;
  line = line.substr(1, line.size() - 2);
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c != '\\') {
      text += c;
      continue;
    }
    if (line.empty()) return false;
    const char escape = line.front();
    line.remove_prefix(1);
    uint32_t code = 0;
    switch (escape) {
      case 'n':
        text += '\n';
        break;
      case 'r':
        text += '\r';
        break;
      case 't':
        text += '\t';
        break;
      case 'x':
        if (!take_hex(line, 2, code)) return false;
        text += static_cast<char>(code);
        break;
      case '\\':
      case '\'':
      case '"':
        text += escape;
        break;
      default:
        return false;
    }
  }
  return true;
}

std::string opcode_name(uint8_t opcode) {
  return opcode > ' ' && opcode < 0x7f ? fmt::format("'{}'", static_cast<char>(opcode))
                                       : fmt::format("{:#04x}", opcode);
}

}  // namespace

Ref Unpickler::make(Node node) {
  charge(1);
  nodes_.push_back(std::move(node));
  return static_cast<Ref>(nodes_.size() - 1);
}

void Unpickler::charge(size_t count) {
  charged_ += count;
  if (charged_ > most_values) {
    fail(field, fmt::format("at most {} values", most_values), "more");
  }
}

const std::vector<Ref>& Unpickler::tuple(Ref ref, const std::string& what) const {
  const auto* const sequence = as<Sequence>(ref);
  if (!sequence || sequence->kind != Sequence::Kind::tuple) fail(what, "a tuple", "another value");
  return sequence->items;
}

Ref Unpickler::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    fail(field, "a value on the stack", "none");
  }
  const Ref ref = stack_.back();
  stack_.pop_back();
  return ref;
}

std::vector<Ref> Unpickler::pop_to_mark() {
  if (marks_.empty()) fail(field, "a mark on the stack", "none");
  const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  marks_.pop_back();
  std::vector<Ref> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  return items;
}

template <class T>
T& Unpickler::top(const char* expected) {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    fail(field, expected, "nothing on the stack");
  }
  T* const value = std::get_if<T>(&nodes_[stack_.back()]);
  if (!value) fail(field, expected, "another value");
  return *value;
}

void Unpickler::remember(uint64_t key) {
  if (stack_.empty()) fail(field, "a value on the stack", "none");
  charge(1);
  memo_[key] = stack_.back();
}

void Unpickler::recall(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) {
    fail(field, "a value that was remembered", fmt::format("number {}", key));
  }
  stack_.push_back(found->second);
}

void Unpickler::set_items(Mapping& mapping, const std::vector<Ref>& items) {
  if (items.size() % 2 != 0) fail(field, "a value for each key", "a key without one");
  for (size_t i = 0; i < items.size(); i += 2) mapping.entries.emplace_back(items[i], items[i + 1]);
}

std::string Unpickler::take_text(size_t size) {
  const Bytes bytes = cursor_.take(field, size);
  return {reinterpret_cast<const char*>(bytes.data.data()), size};
}

std::string Unpickler::take_line() {
  const std::span<const std::byte> rest = cursor_.rest();
  const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
  if (end == rest.end()) fail(field, "a line", "one without an end");
  std::string line = take_text(static_cast<size_t>(end - rest.begin()) + 1);
  line.pop_back();
  return line;
}

template <class Size>
size_t Unpickler::take_size() {
  const auto size = cursor_.number<Size>(field);
  if (size > cursor_.remaining()) {
    fail(field, fmt::format("at most {} bytes", cursor_.remaining()), std::to_string(size));
  }
  return size;
}

// Little-endian, two's complement.
Node Unpickler::integer_of(const std::string& bytes) const {
  const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80);
  if (bytes.size() <= sizeof(int64_t)) {
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return static_cast<int64_t>(value);
  }
  double value = negative ? -1 : 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value * 256 + static_cast<uint8_t>(bytes[i]);
  return value;
}

Node Unpickler::integer_of_line(std::string line) const {
  if (line.ends_with('L')) line.pop_back();
  int64_t value = 0;
  const char* const end = line.data() + line.size();
  const auto result = std::from_chars(line.data(), end, value);
  if (result.ptr != end || line.empty()) fail(field, "an integer", "'" + line + "'");
  if (result.ec == std::errc::result_out_of_range) return std::strtod(line.c_str(), nullptr);
  return value;
}

Ref Unpickler::read() {
  while (step(cursor_.number<uint8_t>(field))) {
  }
  const Ref value = pop();
  stack_.clear();
  marks_.clear();
  memo_.clear();
  return value;
}

bool Unpickler::step(uint8_t opcode) {
  constexpr uint8_t highest_protocol = 5;
  switch (opcode) {
    case '.':  // STOP
      return false;
    case 0x80: {  // PROTO
      const auto protocol = cursor_.number<uint8_t>(field);
      if (protocol > highest_protocol) fail(field, "protocol 0 to 5", std::to_string(protocol));
      return true;
    }
    case 0x95:  // FRAME: how many bytes could be read at once
      cursor_.number<uint64_t>(field);
      return true;
    case '(':  // MARK
      marks_.push_back(stack_.size());
      charge(1);
      return true;
    case '0':  // POP
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case '1':  // POP_MARK
      pop_to_mark();
      return true;
    case '2': {  // DUP
      const Ref value = pop();
      charge(1);
      stack_.insert(stack_.end(), {value, value});
      return true;
    }
    default:
      if (step_number(opcode) || step_text(opcode) || step_container(opcode) || step_memo(opcode) ||
          step_object(opcode)) {
        return true;
      }
      fail(field, "an instruction that builds plain values", opcode_name(opcode));
  }
}

bool Unpickler::step_number(uint8_t opcode) {
  switch (opcode) {
    case 'N':  // NONE
      push(None{});
      return true;
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      push(opcode == 0x88);
      return true;
    case 'I': {  // INT, which is also protocol 0's True and False
      const std::string line = take_line();
      push(line == "01" || line == "00" ? Node(line == "01") : integer_of_line(line));
      return true;
    }
    case 'L':  // LONG
      push(integer_of_line(take_line()));
      return true;
    case 'J':  // BININT
      push(int64_t{cursor_.number<int32_t>(field)});
      return true;
    case 'K':  // BININT1
      push(int64_t{cursor_.number<uint8_t>(field)});
      return true;
    case 'M':  // BININT2
      push(int64_t{cursor_.number<uint16_t>(field)});
      return true;
    case 0x8a:  // LONG1
      push(integer_of(take_text(take_size<uint8_t>())));
      return true;
    case 0x8b:  // LONG4
      push(integer_of(take_text(take_size<uint32_t>())));
      return true;
    case 'F': {  // FLOAT
      const std::string line = take_line();
      double value = 0;
      const char* const end = line.data() + line.size();
      const auto result = std::from_chars(line.data(), end, value);
      if (result.ptr != end || line.empty()) fail(field, "a number", "'" + line + "'");
      push(value);
      return true;
    }
    case 'G': {  // BINFLOAT, big-endian
      const auto bits = __builtin_bswap64(cursor_.number<uint64_t>(field));
      push(std::bit_cast<double>(bits));
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::step_text(uint8_t opcode) {
  std::string text;
  switch (opcode) {
    case 'X':  // BINUNICODE
      push(Text{take_text(take_size<uint32_t>())});
      return true;
    case 0x8c:  // SHORT_BINUNICODE
      push(Text{take_text(take_size<uint8_t>())});
      return true;
    case 0x8d:  // BINUNICODE8
      push(Text{take_text(take_size<uint64_t>())});
      return true;
    case 'T':  // BINSTRING, text of Python 2
      push(Text{take_text(take_size<uint32_t>())});
      return true;
    case 'U':  // SHORT_BINSTRING
      push(Text{take_text(take_size<uint8_t>())});
      return true;
    case 'V':  // UNICODE
      if (!unescape_unicode(take_line(), text)) fail(field, "text with \\u escapes", "others");
      push(Text{std::move(text)});
      return true;
    case 'S':  // STRING
      if (!unescape_quoted(take_line(), text)) fail(field, "a quoted string", "something else");
      push(Text{std::move(text)});
      return true;
    case 'B':  // BINBYTES
      push(Blob{take_text(take_size<uint32_t>())});
      return true;
    case 'C':  // SHORT_BINBYTES
      push(Blob{take_text(take_size<uint8_t>())});
      return true;
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      push(Blob{take_text(take_size<uint64_t>())});
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_container(uint8_t opcode) {
  using Kind = Sequence::Kind;
  const auto take = [&](size_t count) {
    std::vector<Ref> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  };
  const auto extend = [&](Kind kind, const char* expected, const std::vector<Ref>& items) {
    auto& sequence = top<Sequence>(expected);
    if (sequence.kind != kind) fail(field, expected, "another value");
    sequence.items.insert(sequence.items.end(), items.begin(), items.end());
  };
  switch (opcode) {
    case ']':  // EMPTY_LIST
      push(Sequence{Kind::list, {}});
      return true;
    case ')':  // EMPTY_TUPLE
      push(Sequence{Kind::tuple, {}});
      return true;
    case 0x8f:  // EMPTY_SET
      push(Sequence{Kind::set, {}});
      return true;
    case '}':  // EMPTY_DICT
      push(Mapping{});
      return true;
    case 'l':  // LIST
      push(Sequence{Kind::list, pop_to_mark()});
      return true;
    case 't':  // TUPLE
      push(Sequence{Kind::tuple, pop_to_mark()});
      return true;
    case 0x91:  // FROZENSET
      push(Sequence{Kind::set, pop_to_mark()});
      return true;
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      push(Sequence{Kind::tuple, take(size_t{opcode} - 0x84)});
      return true;
    case 'd': {  // DICT
      Mapping mapping;
      set_items(mapping, pop_to_mark());
      push(std::move(mapping));
      return true;
    }
    case 'a':  // APPEND
      extend(Kind::list, "a list", take(1));
      return true;
    case 'e':  // APPENDS
      extend(Kind::list, "a list", pop_to_mark());
      return true;
    case 0x90:  // ADDITEMS
      extend(Kind::set, "a set", pop_to_mark());
      return true;
    case 's': {  // SETITEM
      const std::vector<Ref> item = take(2);
      set_items(top<Mapping>("a dict"), item);
      return true;
    }
    case 'u': {  // SETITEMS
      const std::vector<Ref> items = pop_to_mark();
      set_items(top<Mapping>("a dict"), items);
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::step_memo(uint8_t opcode) {
  const auto key_of_line = [&] {
    const Node key = integer_of_line(take_line());
    const auto* const value = std::get_if<int64_t>(&key);
    if (!value || *value < 0) fail(field, "a number to remember a value by", "another");
    return static_cast<uint64_t>(*value);
  };
  switch (opcode) {
    case 'p':  // PUT
      remember(key_of_line());
      return true;
    case 'q':  // BINPUT
      remember(cursor_.number<uint8_t>(field));
      return true;
    case 'r':  // LONG_BINPUT
      remember(cursor_.number<uint32_t>(field));
      return true;
    case 0x94:  // MEMOIZE
      remember(memo_.size());
      return true;
    case 'g':  // GET
      recall(key_of_line());
      return true;
    case 'h':  // BINGET
      recall(cursor_.number<uint8_t>(field));
      return true;
    case 'j':  // LONG_BINGET
      recall(cursor_.number<uint32_t>(field));
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_object(uint8_t opcode) {
  switch (opcode) {
    case 'c': {  // GLOBAL
      const std::string module = take_line(), name = take_line();
      stack_.push_back(resolver_.global(*this, module, name));
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const Ref name = pop(), module = pop();
      const auto *const names = as<Text>(name), *const modules = as<Text>(module);
      if (!names || !modules) fail(field, "the name of a global", "another value");
      const Text named = *names, owner = *modules;
      stack_.push_back(resolver_.global(*this, owner.value, named.value));
      return true;
    }
    case 'R':     // REDUCE
    case 0x81: {  // NEWOBJ
      const Ref arguments = pop(), function = pop();
      tuple(arguments, "arguments");
      stack_.push_back(resolver_.call(*this, function, arguments));
      return true;
    }
    case 'b': {  // BUILD
      const Ref state = pop(), object = pop();
      resolver_.build(*this, object, state);
      stack_.push_back(object);
      return true;
    }
    case 'Q':  // BINPERSID
      stack_.push_back(resolver_.persistent(*this, pop()));
      return true;
    default:
      return false;
  }
}

}  // namespace mica::io::pickle
