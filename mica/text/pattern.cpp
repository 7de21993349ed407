#define PCRE2_CODE_UNIT_WIDTH 8
#include "mica/text/pattern.h"

#include <pcre2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "mica/text/unicode.h"

namespace mica::text {

namespace {

// What Oniguruma means by \s, \w and \h, as the inside of a class of PCRE2, whose own differ: \s
// has U+180E there and \w lacks marks.
constexpr std::string_view space_set =
    R"(\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view other_than_space_set =
    R"(\x{0}-\x{8}\x{e}-\x{1f}!-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view word_set = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view hexadecimal_set = "0-9a-fA-F";

// From Oniguruma's syntax to PCRE2's.
class Translator {
 public:
  explicit Translator(std::string_view regex) : regex_(regex) {}

  std::string translate() {
    while (at_ < regex_.size()) step();
    if (in_class_) refuse("a class without ']'");
    return std::move(result_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& what) {
    throw std::invalid_argument("a pattern without " + what);
  }

  bool next_is(std::string_view text) const { return regex_.substr(at_, text.size()) == text; }

  void step() {
    const char c = regex_[at_];
    if (c == '\\') return escape();
    if (in_class_) {
      if (c == '[') refuse("classes in classes");
      if (next_is("&&")) refuse("intersections of classes");
      if (c == ']' && at_ > class_begin_) in_class_ = false;
    } else if (c == '[') {
      in_class_ = true;
      class_begin_ = at_ + (next_is("[^") ? 2 : 1);
      result_.append(regex_.substr(at_, class_begin_ - at_));
      at_ = class_begin_;
      return;
    } else if (c == '}' && at_ + 1 < regex_.size() && regex_[at_ + 1] == '+') {
      refuse("'}+', which repeats in one syntax and is possessive in others");
    } else if (next_is("(?")) {
      flags();
    }
    result_ += c;
    ++at_;
  }

  void flags() const {
    for (size_t i = at_ + 2;
         i < regex_.size() && std::string_view("imx-").find(regex_[i]) != std::string_view::npos;
         ++i) {
      if (regex_[i] == 'm') refuse("the flag 'm', which differs between syntaxes");
    }
  }

  void put_set(std::string_view set, bool negated) {
    if (in_class_) {
      if (negated) refuse("a negated set such as \\W or \\H in a class");
      result_ += set;
    } else {
      result_.append(negated ? "[^" : "[").append(set) += ']';
    }
  }

  void escape() {
    if (at_ + 1 >= regex_.size()) refuse("a '\\' at its end");
    const char c = regex_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 's':
        return put_set(space_set, false);
      case 'S':
        return put_set(in_class_ ? other_than_space_set : space_set, !in_class_);
      case 'w':
        return put_set(word_set, false);
      case 'W':
        return put_set(word_set, true);
      case 'h':
        return put_set(hexadecimal_set, false);
      case 'H':
        return put_set(hexadecimal_set, true);
      case 'b':
      case 'B':
        return put_boundary(c == 'b');
      case 'u': {
        if (regex_.substr(at_, 4).find_first_not_of("0123456789abcdefABCDEF") !=
                std::string_view::npos ||
            regex_.size() - at_ < 4) {
          refuse("'\\u' before something other than four hexadecimal digits");
        }
        result_.append("\\x{").append(regex_.substr(at_, 4)) += '}';
        at_ += 4;
        return;
      }
      case 'C':
      case 'G':
      case 'K':
      case 'N':
      case 'O':
      case 'R':
      case 'X':
      case 'g':
      case 'k':
        refuse(std::string("'\\") + c + "'");
      default:
        break;
    }
    result_.append({'\\', c});
    const bool named = c == 'p' || c == 'P' || c == 'x';  // \p{...}
    if (named && next_is("{")) {
      const size_t end = std::min(regex_.find('}', at_), regex_.size() - 1) + 1;
      result_.append(regex_.substr(at_, end - at_));
      at_ = end;
    }
  }

  void put_boundary(bool boundary) {
    if (in_class_) {
      if (!boundary) refuse("'\\B' in a class");
      result_ += "\\x08";
      return;
    }
    const std::string word = "[" + std::string(word_set) + "])";
    result_ += boundary ? "(?:(?<=" + word + "(?!" + word + "|(?<!" + word + "(?=" + word + ")"
                        : "(?:(?<=" + word + "(?=" + word + "|(?<!" + word + "(?!" + word + ")";
  }

  std::string_view regex_;
  std::string result_;
  size_t at_ = 0;
  bool in_class_ = false;
  size_t class_begin_ = 0;  // behind "[" or "[^": a ']' there is a character of the class
};

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* value) const { release(value); }
};
using Code = std::unique_ptr<pcre2_code, Release<pcre2_code, pcre2_code_free>>;
using MatchData =
    std::unique_ptr<pcre2_match_data, Release<pcre2_match_data, pcre2_match_data_free>>;
using MatchContext =
    std::unique_ptr<pcre2_match_context, Release<pcre2_match_context, pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Release<pcre2_jit_stack, pcre2_jit_stack_free>>;

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

template <class T>
T checked(T value) {
  if (!value) throw std::bad_alloc();
  return value;
}

MatchContext limited_context() {
  MatchContext context = checked(MatchContext(pcre2_match_context_create(nullptr)));
  pcre2_set_match_limit(context.get(), 10'000'000);
  pcre2_set_heap_limit(context.get(), 64 * 1024);  // KiB
  return context;
}

}  // namespace

struct Pattern::Compiled {
  std::string regex;
  Code code;
  bool jit = false;
  MatchContext limits;  // read only

  // Compiled code runs on 32 KiB of the thread's stack, or on one of its own where that is not
  // enough.
  int match(std::string_view text, size_t at, uint32_t options, pcre2_match_data* found,
            JitStack& stack, MatchContext& large) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const pcre2_match_context* context = large ? large.get() : limits.get();
    int code_or_error =
        run(subject, text.size(), at, options, found, const_cast<pcre2_match_context*>(context));
    if (code_or_error == PCRE2_ERROR_JIT_STACKLIMIT && !large) {
      stack = checked(JitStack(pcre2_jit_stack_create(256 * 1024, 64 << 20, nullptr)));
      large = limited_context();
      pcre2_jit_stack_assign(large.get(), nullptr, stack.get());
      code_or_error = run(subject, text.size(), at, options, found, large.get());
    }
    return code_or_error;
  }

 private:
  int run(PCRE2_SPTR subject, size_t size, size_t at, uint32_t options, pcre2_match_data* found,
          pcre2_match_context* context) const {
    return jit ? pcre2_jit_match(code.get(), subject, size, at, options, found, context)
               : pcre2_match(code.get(), subject, size, at, options | PCRE2_NO_UTF_CHECK, found,
                             context);
  }
};

Pattern::Pattern(std::string_view regex) {
  const std::string translated = Translator(regex).translate();
  auto compiled = std::make_shared<Compiled>();
  compiled->regex = regex;
  int error = 0;
  PCRE2_SIZE offset = 0;
  compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                     translated.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                                     &error, &offset, nullptr));
  if (!compiled->code) {
    throw std::invalid_argument("a regular expression without error (" + message_of(error) + ")");
  }
  compiled->jit = pcre2_jit_compile(compiled->code.get(), PCRE2_JIT_COMPLETE) == 0;
  compiled->limits = limited_context();
  compiled_ = std::move(compiled);
}

Pattern Pattern::literal(std::string text) {
  Pattern result;
  result.literal_ = std::move(text);
  return result;
}

std::vector<Match> Pattern::matches(std::string_view text) const {
  std::vector<Match> result;
  if (!compiled_) {
    if (literal_.empty()) return result;
    for (size_t at = 0; (at = text.find(literal_, at)) != std::string_view::npos;) {
      result.push_back({at, at + literal_.size()});
      at += literal_.size();
    }
    return result;
  }
  const MatchData found =
      checked(MatchData(pcre2_match_data_create_from_pattern(compiled_->code.get(), nullptr)));
  JitStack stack;
  MatchContext large;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(found.get());
  for (size_t at = 0; at <= text.size();) {
    const int code = compiled_->match(text, at, 0, found.get(), stack, large);
    if (code == PCRE2_ERROR_NOMATCH) break;
    if (code < 0) {
      throw std::runtime_error("Tokenizer: the pattern '" + compiled_->regex +
                               "' can't be searched for in " + std::to_string(text.size()) +
                               " bytes: " + message_of(code));
    }
    const Match match{ends[0], ends[1]};
    // A match that \K or a lookbehind moved to the left is none.
    if (match.begin < at || match.end < match.begin) break;
    // An empty match counts unless it touches the one before.
    const bool empty = match.begin == match.end;
    if (!empty || result.empty() || result.back().end != match.begin) result.push_back(match);
    at = match.end;
    if (empty) at += at < text.size() ? character_at(text, at).size : 1;
  }
  return result;
}

std::string replace_matches(const Pattern& pattern, std::string_view text,
                            std::string_view replacement) {
  std::string result;
  size_t last = 0;
  for (const Match& match : pattern.matches(text)) {
    result.append(text.substr(last, match.begin - last)).append(replacement);
    last = match.end;
  }
  return result.append(text.substr(last));
}

bool is_word_character(char32_t c) {
  if (c < 0x80)
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  static const Pattern word(R"([\w\x{200c}\x{200d}])");
  std::string text;
  append_character(text, c);
  return !word.matches(text).empty();
}

}  // namespace mica::text
