// The second stage of a tokenizer: text that means the same becomes the same text.
#pragma once

#include <memory>
#include <string>

#include "mica/text/fields.h"

namespace mica::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual std::string normalize(std::string text) const = 0;
};

std::unique_ptr<const Normalizer> make_normalizer(const Field& field);

}  // namespace mica::text
