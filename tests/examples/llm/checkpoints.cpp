#include "checkpoints.h"

#include "mica/io/io.h"
#include "mica/ops/ops.h"

namespace llm::testing {

using namespace mica;

namespace {

std::vector<int> integers(const array& x) {
  return {x.data<int32_t>(), x.data<int32_t>() + x.size()};
}

}  // namespace

Expected expected(const std::string& name) {
  const auto arrays = load_safetensors(checkpoint(name) + "/expected.safetensors").first;
  return {integers(arrays.at("prompt")), arrays.at("scores"), integers(arrays.at("continuation"))};
}

std::vector<int> continue_greedily(Session& session, array scores, size_t count) {
  std::vector<int> tokens;
  while (true) {
    tokens.push_back(argmax(scores).item<int>());
    if (tokens.size() == count) return tokens;
    scores = session.feed(std::span(tokens).last(1));
  }
}

}  // namespace llm::testing
