// The last stage of encoding: the tokens that a model expects around a text.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mica/text/fields.h"

namespace mica::text {

class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  virtual void process(std::vector<int32_t>& ids) const = 0;
};

std::unique_ptr<const PostProcessor> make_post_processor(const Field& field);

}  // namespace mica::text
