// Whole tokens of a language model: a Llama of 100 million weights whose products are those of the
// decode rows, through the model, cache and loop of examples/llm.
#include <array>
#include <memory>
#include <numeric>
#include <vector>

#include "generate.h"
#include "inputs.h"
#include "models/decoder.h"
#include "rows.h"

namespace benchmarks {

namespace {

constexpr int capacity = 256;

std::shared_ptr<llm::Decoder> make_llama(bool quantized) {
  auto model = std::make_shared<llm::Decoder>(llm::llama_config(8192, 1024, 2816, 8, 16, 16));
  initialise(*model);
  if (quantized) mica::nn::quantize(*model, {.group_size = 64, .bits = 4});
  eval(model->parameters());
  return model;
}

// One token after those before: from the third on, and never many, as the peer stays at its place.
Workload decode_token(bool quantized) {
  const auto model = make_llama(quantized);
  const auto session = std::make_shared<std::unique_ptr<llm::Session>>();
  return {[=] {
    if (!*session || (*session)->position() == 32) {
      *session = std::make_unique<llm::Session>(*model, llm::CacheOptions{.capacity = capacity});
      (*session)->feed(std::array{1, 300, 301});
    }
    return std::vector<array>{(*session)->feed(std::array{302})};
  }};
}

Workload prefill(bool quantized) {
  const auto model = make_llama(quantized);
  std::vector<int> prompt(128);
  std::iota(prompt.begin(), prompt.end(), 300);
  return {[=] {
    llm::Session session(*model, {.capacity = capacity});
    return std::vector<array>{session.feed(prompt)};
  }};
}

}  // namespace

std::vector<Row> llm_rows() {
  return {{"100M llama decode token f32", [] { return decode_token(false); }},
          {"100M llama decode token 4-bit", [] { return decode_token(true); }},
          {"100M llama prefill 128 f32", [] { return prefill(false); }},
          {"100M llama prefill 128 4-bit", [] { return prefill(true); }}};
}

}  // namespace benchmarks
