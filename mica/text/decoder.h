// The stage that makes text of tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mica/text/fields.h"

namespace mica::text {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // The tokens become the parts of the text.
  virtual void decode(std::vector<std::string>& tokens) const = 0;
};

std::unique_ptr<const Decoder> make_decoder(const Field& field);

}  // namespace mica::text
