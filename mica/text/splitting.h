// Splitting text at matches.
#pragma once

#include <string_view>
#include <vector>

#include "mica/text/fields.h"
#include "mica/text/pattern.h"
#include "mica/text/pre_tokenizer.h"

namespace mica::text {

// What becomes of a match.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
Behavior read_behavior(const Field& field);

// Each word is split at its matches, or, inverted, at what is between them.
void split_words(Words& words, Behavior behavior, bool inverted,
                 const std::function<std::vector<Match>(std::string_view)>& find);
// Each character for which `is` holds is a match.
void split_words(Words& words, Behavior behavior, bool (*is)(char32_t));

}  // namespace mica::text
