// What the stages of a tokenizer.json have in common.
#pragma once

#include <memory>
#include <stdexcept>
#include <vector>

#include "mica/text/fields.h"
#include "mica/text/pattern.h"

namespace mica::text {

// {"String": "..."} or {"Regex": "..."}.
inline Pattern read_pattern(const Field& field) {
  field.only({"String", "Regex"});
  if (const auto text = field.find("String")) return Pattern::literal(text->string());
  const Field regex = field.at("Regex");
  try {
    return Pattern(regex.string());
  } catch (const std::invalid_argument& error) {
    regex.fail(error.what());
  }
}

// The steps of a Sequence, which may hold others.
template <class Stage>
std::vector<std::unique_ptr<const Stage>> make_chain(
    const Field& list, int depth, std::unique_ptr<const Stage> (*make)(const Field&, int)) {
  constexpr int deepest = 8;
  if (depth >= deepest)
    list.fail("at most " + std::to_string(deepest) + " sequences in each other");
  std::vector<std::unique_ptr<const Stage>> steps;
  for (size_t i = 0; i < list.size(); ++i) steps.push_back(make(list.at(i), depth + 1));
  return steps;
}

}  // namespace mica::text
