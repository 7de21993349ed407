// Models of damaged config.json files.
#include <filesystem>

#include "config.h"
#include "tests/io/files.h"
#include "tests/mutations.h"

namespace mica {
namespace {

TEST(MutatedFiles, LlmConfig) {
  std::vector<std::string> samples;
  for (const char* name : {"llama", "gemma3", "gpt2", "qwen3", "mistral"}) {
    samples.push_back(bytes_of(MICA_SOURCE_DIR "/tests/examples/llm/checkpoints/" +
                               std::string(name) + "/config.json"));
  }
  expect_mutated_files_read_or_refused("llm_config", samples, [](const auto& bytes) {
    llm::make_model(llm::parse_config(bytes, "config.json"));
  });
}

}  // namespace
}  // namespace mica
