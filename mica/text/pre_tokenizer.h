// The third stage of a tokenizer: text becomes words, within which the model makes tokens.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mica/text/fields.h"

namespace mica::text {

struct Word {
  std::string_view text;
  bool at_start;  // the text that was given begins with it
};

// Words and the text of those that stages have changed.
struct Words {
  std::vector<Word> words;
  std::deque<std::string> changed;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Words are split further; none are empty afterwards.
  virtual void split(Words& words) const = 0;
};

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const Field& field);

enum class PrependScheme { always, first, never };
// Of a Metaspace.
PrependScheme read_prepend_scheme(const Field& field);

}  // namespace mica::text
