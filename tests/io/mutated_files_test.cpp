// Every reader, given hundreds of damaged files.
#include <memory>

#include "mica/io/checkpoint.h"
#include "mica/io/io.h"
#include "mica/io/pytorch.h"
#include "mica/ops/ops.h"
#include "tests/io/files.h"
#include "tests/mutations.h"

namespace mica {
namespace {

const std::string goldens = MICA_SOURCE_DIR "/tests/golden/";

std::vector<std::string> samples(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) files.push_back(bytes_of(goldens + name));
  return files;
}

std::shared_ptr<StringReader> stream(const std::string& bytes) {
  return std::make_shared<StringReader>(bytes);
}

void evaluate(const std::unordered_map<std::string, array>& arrays) {
  for (const auto& [name, value] : arrays) array(value).eval();
}

TEST(MutatedFiles, Npy) {
  expect_mutated_files_read_or_refused("load", samples({"io/mlx.npy"}),
                                       [](const auto& bytes) { load(stream(bytes)).eval(); });
}

TEST(MutatedFiles, Npz) {
  expect_mutated_files_read_or_refused(
      "load_npz", samples({"io/mlx.npz", "io/numpy.npz", "io/numpy_compressed.npz"}),
      [](const auto& bytes) { evaluate(load_npz(stream(bytes))); });
}

TEST(MutatedFiles, Safetensors) {
  expect_mutated_files_read_or_refused(
      "load_safetensors",
      samples({"io/mlx.safetensors", "io/package.safetensors", "pytorch/script.safetensors"}),
      [](const auto& bytes) { evaluate(load_safetensors(stream(bytes)).first); });
}

TEST(MutatedFiles, Gguf) {
  expect_mutated_files_read_or_refused(
      "load_gguf",
      samples({"io/mlx.gguf", "io/package.gguf", "io/quantized.gguf", "io/more_quantized.gguf"}),
      [](const auto& bytes) { evaluate(load_gguf(stream(bytes)).first); });
}

TEST(MutatedFiles, PyTorch) {
  const auto read = [](const auto& bytes) { evaluate(load_pytorch_file(stream(bytes)).tensors()); };
  expect_mutated_files_read_or_refused(
      "load_pytorch_file",
      samples({"pytorch/zip.pt", "pytorch/nested.pt", "pytorch/deflated.pt", "pytorch/script.pt",
               "pytorch/big_endian.pt"}),
      read);
  expect_mutated_files_read_or_refused("load_pytorch_file (old)",
                                       samples({"pytorch/old.pt", "pytorch/nested_old.pt"}), read);
}

class MutatedIndex : public FilesTest {};

TEST_F(MutatedIndex, OfShards) {
  save_safetensors(file("one.safetensors"), {{"a", ones({2})}});
  save_safetensors(file("two.safetensors"), {{"b", ones({3})}});
  expect_mutated_files_read_or_refused(
      "load_checkpoint",
      {R"({"metadata": {"total_size": 20}, "weight_map": {"a": "one.safetensors", )"
       R"("b": "two.safetensors"}})"},
      [&](const auto& bytes) {
        evaluate(load_checkpoint(write_file("model.safetensors.index.json", bytes)));
      });
}

// Files of all kinds that load_checkpoint tells apart.
TEST_F(MutatedIndex, OrAnyFile) {
  expect_mutated_files_read_or_refused(
      "checkpoint",
      samples({"io/mlx.npz", "io/mlx.safetensors", "io/mlx.gguf", "pytorch/nested.pt",
               "pytorch/nested_old.pt"}),
      [&](const auto& bytes) { evaluate(load_checkpoint(write_file("weights", bytes))); });
}

}  // namespace
}  // namespace mica
