// The checkpoints that examples/llm/make_checkpoints.py made, with what transformers says of them.
#pragma once

#include <string>
#include <vector>

#include "generate.h"
#include "load.h"

namespace llm::testing {

inline std::string checkpoint(const std::string& name) {
  return MICA_SOURCE_DIR "/tests/examples/llm/checkpoints/" + name;
}

struct Expected {
  std::vector<int> prompt;
  array scores;  // (prompt, vocabulary), behind each token
  std::vector<int> continuation;
};
Expected expected(const std::string& name);

// The most likely tokens behind the session's, of which `scores` are those of the next one.
std::vector<int> continue_greedily(Session& session, array scores, size_t count);

}  // namespace llm::testing
