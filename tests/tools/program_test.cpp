// The program mica: what it writes, to the letter, for the files of tests/golden/io and small ones.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "mica/transforms/export.h"
#include "tests/golden.h"
#include "tools/machine_report.h"
#include "tools/program.h"
#include "tools/table.h"
#include "tools/weights.h"

namespace tools {
namespace {

using mica::array;
namespace fs = std::filesystem;

const std::string goldens = std::string(MICA_SOURCE_DIR) + "/tests/golden/io/";

struct Result {
  int status;
  std::string output, errors;
};

Result run_with(std::vector<std::string> arguments, std::optional<int> width = std::nullopt) {
  std::ostringstream output, errors;
  const int status = run(std::move(arguments), output, errors, width);
  return {status, output.str(), errors.str()};
}

class Program : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("mica_program_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    previous_ = fs::current_path();
    fs::current_path(folder_);
    mica::save_safetensors("model", weights(), {{"format", "mlx"}});
  }
  void TearDown() override {
    fs::current_path(previous_);
    fs::remove_all(folder_);
  }

  static std::unordered_map<std::string, array> weights() {
    return {{"encoder.layers.0.linear.weight", reshape(mica::arange(256.0f), {4, 64})},
            {"encoder.layers.0.linear.bias", array({1.0f, 2.0f, 3.0f, 4.0f})},
            {"head.weight", mica::ones({2, 64})},
            {"odd.weight", mica::ones({2, 6})},
            {"steps", array(7)}};
  }

 private:
  fs::path folder_, previous_;
};

TEST_F(Program, InfoIsATableOfEachFormat) {
  const Result result = run_with({"info", "model.safetensors"});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(result.output,
            "model.safetensors: safetensors, 5 tensors, 401 values, 1.6 kB\n"
            "\n"
            "format = mlx\n"
            "\n"
            "tensor                          shape    dtype      size\n"
            "encoder.layers.0.linear.bias    (4,)     float32    16 B\n"
            "encoder.layers.0.linear.weight  (4, 64)  float32  1.0 kB\n"
            "head.weight                     (2, 64)  float32   512 B\n"
            "odd.weight                      (2, 6)   float32    48 B\n"
            "steps                           ()       int32       4 B\n");
  fs::current_path(goldens);
  EXPECT_EQ(run_with({"info", "mlx.npy"}).output,
            "mlx.npy: npy, 1 tensor, 6 values, 24 B\n\n"
            "tensor  shape   dtype    size\n"
            "array   (3, 2)  float32  24 B\n");
  EXPECT_EQ(run_with({"info", "mlx.npz"}).output,
            "mlx.npz: npz, 3 tensors, 10 values, 30 B\n\n"
            "tensor           shape   dtype     size\n"
            "flags            (2,)    bool       2 B\n"
            "half             (2,)    bfloat16   4 B\n"
            "layers.0.weight  (3, 2)  float32   24 B\n");
  const std::string gguf = run_with({"info", "package.gguf"}).output;
  EXPECT_TRUE(
      gguf.starts_with("package.gguf: gguf, 7 tensors, 42 values, 174 B\n\n"
                       "bool = true\n"))
      << gguf;
}

void write_text(const std::string& name, const std::string& text) {
  std::ofstream(name, std::ios::binary) << text;
}

TEST_F(Program, InfoOfWhatLiesBesideWeights) {
  write_text("config.json",
             R"({"model_type": "llama", "hidden_size": 64, "rope_scaling": {"factor": 8},)"
             R"( "tie": null, "architectures": ["LlamaForCausalLM"]})");
  EXPECT_EQ(run_with({"info", "config.json"}).output,
            "config.json: configuration\n\n"
            "architectures = [\"LlamaForCausalLM\"]\n"
            "hidden_size = 64\n"
            "model_type = llama\n"
            "rope_scaling = 1 setting\n"
            "tie = null\n");
  write_text("tokenizer.json",
             R"({"added_tokens": [{"id": 0}], "normalizer": null, "decoder": {"type": "BPE"},)"
             R"( "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split"},)"
             R"( {"type": "ByteLevel"}]},)"
             R"( "model": {"type": "BPE", "vocab": {"a": 1, "b": 2}, "merges": ["a b"]}})");
  EXPECT_EQ(run_with({"info", "tokenizer.json"}).output,
            "tokenizer.json: tokenizer\n\n"
            "added tokens = 1\n"
            "decoder = BPE\n"
            "merges = 1\n"
            "model = BPE\n"
            "normalizer = none\n"
            "post_processor = none\n"
            "pre_tokenizer = Split, ByteLevel\n"
            "vocabulary = 2 tokens\n");
  write_text("labels", std::string("\0\0\x08\1\0\0\0\3abc", 11));
  EXPECT_EQ(run_with({"info", "labels"}).output,
            "labels: idx\n\ndtype = uint8\nshape = (3,)\nsize = 3 B\n");
  mica::export_function(
      "f.micafn", [](const mica::Args& args) { return std::vector<array>{args[0] + args[1]}; },
      {mica::ones({2, 3}), array(1)}, false, "a sum");
  EXPECT_EQ(run_with({"info", "f.micafn"}).output,
            "f.micafn: exported function\n\n"
            "arguments 1 = [(2, 3) float32, () int32]\n"
            "metadata = a sum\n");
  EXPECT_EQ(run_with({"info", "--json", "labels"}).output,
            "{\n  \"file\": \"labels\",\n  \"format\": \"idx\",\n  \"metadata\": {\n"
            "    \"dtype\": \"uint8\",\n    \"shape\": \"(3,)\",\n    \"size\": \"3 B\"\n  }\n}\n");
}

TEST_F(Program, InfoRefusesDamagedFiles) {
  write_text("cut.json", R"({"a": )");
  EXPECT_EQ(run_with({"info", "cut.json"}).errors,
            "mica: info (cut.json): expected JSON, got something else: is the file cut short?\n");
  write_text("tokenizer.json", R"({"model": {"type": 3}})");
  EXPECT_TRUE(run_with({"info", "tokenizer.json"})
                  .errors.starts_with("mica: info (tokenizer.json): expected a tokenizer, got "));
  write_text("labels", std::string("\0\0\x08\1\0\0\0\3ab", 10));
  EXPECT_EQ(run_with({"info", "labels"}).errors,
            "mica: info (labels): expected 3 bytes of values, got 2\n");
  write_text("labels", std::string("\0\0\x08\1\0\0\0\3abcd", 12));
  EXPECT_EQ(run_with({"info", "labels"}).errors,
            "mica: info (labels): expected 3 bytes of values, got 4\n");
  write_text("cut.micafn", "mica function");
  EXPECT_TRUE(
      run_with({"info", "cut.micafn"}).errors.starts_with("mica: import_function (cut.micafn): "));
}

TEST_F(Program, InfoFitsTheTerminal) {
  const Result result = run_with({"info", "model.safetensors"}, 40);
  EXPECT_NE(result.output.find("\nencoder…weight  (4, 64)  float32  1.0 kB\n"), std::string::npos)
      << result.output;
}

TEST_F(Program, InfoAsJson) {
  fs::current_path(goldens);
  EXPECT_EQ(run_with({"info", "--json", "mlx.npy"}).output,
            "{\n"
            "  \"file\": \"mlx.npy\",\n"
            "  \"format\": \"npy\",\n"
            "  \"elements\": 6,\n"
            "  \"bytes\": 24,\n"
            "  \"metadata\": {},\n"
            "  \"tensors\": {\n"
            "    \"array\": {\n"
            "      \"shape\": [\n"
            "        3,\n"
            "        2\n"
            "      ],\n"
            "      \"dtype\": \"float32\",\n"
            "      \"bytes\": 24\n"
            "    }\n"
            "  }\n"
            "}\n");
}

TEST_F(Program, ConvertsFormatsAndDtypes) {
  EXPECT_EQ(run_with({"convert", "model.safetensors", "half.npz", "--dtype", "float16"}).output,
            "half.npz: 5 tensors, 804 B\n");
  const Weights half = read_weights("half.npz");
  EXPECT_EQ(half.arrays.at("steps").dtype(), mica::int32);
  EXPECT_EQ(half.arrays.at("head.weight").dtype(), mica::float16);
  EXPECT_EQ(run_with({"convert", "model.safetensors", "folder"}).status, 0);
  EXPECT_EQ(run_with({"diff", "model.safetensors", "folder"}).output,
            "5 of 5 tensors are the same\n");
  EXPECT_EQ(run_with({"convert", "model.safetensors", "model.gguf"}).status, 0);
  EXPECT_EQ(run_with({"diff", "model.gguf", "folder"}).status, 0);
}

TEST_F(Program, QuantizesMatricesOfWholeGroups) {
  EXPECT_EQ(run_with({"quantize", "model.safetensors", "packed.safetensors", "--bits", "8",
                      "--group-size", "32", "--skip", "head"})
                .output,
            "quantized 1 of 5 tensors: 8 bits, groups of 32, affine\n"
            "1.6 kB before\n"
            "packed.safetensors: 7 tensors, 900 B\n");
  const Weights packed = read_weights("packed.safetensors");
  EXPECT_EQ(packed.metadata.at("quantization"),
            "{\"group_size\":32,\"bits\":8,\"mode\":\"affine\"}");
  const std::string layer = "encoder.layers.0.linear.";
  const array back =
      dequantize(packed.arrays.at(layer + "weight"), packed.arrays.at(layer + "scales"),
                 packed.arrays.at(layer + "biases"), 32, 8);
  mica::golden::expect_close(back, weights().at(layer + "weight"), 0, 0.07);

  EXPECT_EQ(run_with({"quantize", "model.safetensors", "fp.npz", "--mode", "mxfp4"}).status, 0);
  EXPECT_FALSE(read_weights("fp.npz").arrays.contains(layer + "biases"));
  EXPECT_EQ(run_with({"quantize", "model.safetensors", "x.npz", "--group-size", "128"}).errors,
            "mica: model.safetensors: expected matrices called '....weight' whose rows are "
            "multiples of 128, got none\n");
}

TEST_F(Program, QuantizedFoldersSayHow) {
  ASSERT_EQ(run_with({"convert", "model.safetensors", "folder"}).status, 0);
  std::ofstream("folder/config.json") << R"({"model_type": "llama"})";
  ASSERT_EQ(run_with({"quantize", "folder", "packed"}).status, 0);
  std::ifstream file("packed/config.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}),
            "{\n  \"model_type\": \"llama\",\n  \"quantization\": {\n    \"group_size\": 64,\n"
            "    \"bits\": 4,\n    \"mode\": \"affine\"\n  }\n}\n");
}

TEST_F(Program, DiffTellsWhatDiffers) {
  auto other = weights();
  other.erase("steps");
  other.at("head.weight") = astype(other.at("head.weight"), mica::float16);
  other.at("odd.weight") = mica::ones({2, 5});
  other.at("encoder.layers.0.linear.bias") = array({1.0f, 2.0f, 3.0f, 5.0f});
  other.insert({"extra", array(true)});
  mica::save_safetensors("other", other);
  const Result result = run_with({"diff", "model.safetensors", "other.safetensors"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output,
            "tensor                        differs in  A               B\n"
            "encoder.layers.0.linear.bias  values      1 absolute      0.2 relative\n"
            "extra                         only in B   () bool\n"
            "head.weight                   dtype       float32         float16\n"
            "odd.weight                    shape       (2, 6) float32  (2, 5) float32\n"
            "steps                         only in A   () int32\n"
            "1 of 6 tensors are the same\n");
}

TEST_F(Program, DiffTakesTolerancesAndKnowsNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  mica::save("a", array({1.0f, 10.0f, nan}));
  mica::save("b", array({1.0f, 11.0f, nan}));
  mica::save("c", array({1.0f, nan, nan}));
  EXPECT_EQ(run_with({"diff", "a.npy", "b.npy"}).status, 1);
  EXPECT_EQ(run_with({"diff", "a.npy", "b.npy", "--atol", "0.9"}).status, 1);
  EXPECT_EQ(run_with({"diff", "a.npy", "b.npy", "--atol", "1"}).status, 0);
  EXPECT_EQ(run_with({"diff", "a.npy", "b.npy", "--rtol", "0.1"}).status, 0);
  EXPECT_EQ(run_with({"diff", "a.npy", "c.npy", "--atol", "1000"}).status, 1);
}

TEST_F(Program, ErrorsAreOneLineAndStatusTwo) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{},
       "mica: expected info, convert, quantize, diff, doctor or bench, got nothing; see mica "
       "--help\n"},
      {{"inform"},
       "mica: expected info, convert, quantize, diff, doctor or bench, got 'inform'; see mica "
       "--help\n"},
      {{"info"}, "mica: FILE is required; see mica --help\n"},
      {{"info", "nofile"},
       "mica: load_checkpoint: can't read 'nofile': No such file or directory\n"},
      {{"convert", "model.safetensors", "model.onnx"},
       "mica: model.onnx: expected a name ending in .safetensors, .npz, .npy or .gguf, or a "
       "folder, got '.onnx'\n"},
      {{"convert", "model.safetensors", "model.npy"},
       "mica: model.npy: expected one array for an .npy file, got 5; use .npz\n"},
      {{"convert", "model.safetensors", "x.npz", "--dtype", "int8"},
       "mica: --dtype: int8 not in {float16,bfloat16,float32}; see mica --help\n"},
      {{"quantize", "model.safetensors", "x.npz", "--mode", "q4"},
       "mica: --mode: expected affine, mxfp4, mxfp8 or nvfp4, got 'q4'\n"},
      {{"quantize", "model.safetensors", "x.npz", "--bits", "7"},
       "mica: quantize: expected bits 1, 2, 3, 4, 5, 6 or 8, got 7\n"},
  };
  for (const auto& [arguments, text] : cases) {
    const Result result = run_with(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.errors, text);
    EXPECT_EQ(result.output, "");
  }
}

TEST_F(Program, TellsItsVersionAndCommands) {
  EXPECT_EQ(run_with({"--version"}).output, "mica " MICA_TEST_VERSION "\n");
  const std::string help = run_with({"--help"}).output;
  for (const char* command : {"info", "convert", "quantize", "diff", "doctor", "bench"})
    EXPECT_NE(help.find(std::string("\n  ") + command + " "), std::string::npos) << help;
}

// The words of a text that are options or, in capitals, arguments: "--dtype", "-h,--help", "FILE".
std::set<std::string> options_in(const std::string& text) {
  std::set<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string word;
    std::istringstream(line) >> word;
    if (line.starts_with("  --") || line.starts_with("  -h")) found.insert(word);
  }
  return found;
}

// mica.1 from a ".SS name" to the next one, without the signs of its markup.
std::string section_of_manual(const std::string& name) {
  std::ifstream file(std::string(MICA_SOURCE_DIR) + "/tools/mica.1");
  std::string section;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(".S")) inside = line == ".SS " + name;
    if (!inside) continue;
    std::string plain;
    for (const char c : line)
      if (c != '\\') plain += c;
    section += plain + "\n";
  }
  return section;
}

TEST_F(Program, TheManualHasTheOptionsThatHelpHas) {
  for (const char* command : {"info", "convert", "quantize", "diff", "doctor", "bench"}) {
    const std::string section = section_of_manual(command);
    EXPECT_NE(section, "") << command;
    std::set<std::string> in_help = options_in(run_with({command, "--help"}).output);
    in_help.erase("-h,--help");
    std::set<std::string> in_manual;
    std::istringstream lines(section);
    for (std::string line; std::getline(lines, line);) {
      std::string markup, option;
      std::istringstream(line) >> markup >> option;
      if (markup == ".B" || (markup == ".BI" && option.starts_with("--"))) in_manual.insert(option);
    }
    std::erase_if(in_manual, [](const std::string& word) { return !word.starts_with("--"); });
    EXPECT_EQ(in_manual, in_help) << command;
  }
}

MachineReport good_machine() {
  MachineReport report;
  report.processor = "A processor";
  report.instruction_sets = {"avx", "f16c", "fma", "avx2", "avx512f"};
  report.logical_cores = report.allowed_cores = report.threads = 8;
  report.memory = 16'000'000'000;
  report.huge_pages = "madvise";
  report.kernels = "AVX-512";
  report.onednn_kernels = "AVX-512";
  report.openblas_kernels = "SkylakeX";
  report.libraries = {{"oneDNN", "2.6.3", "2.6.4"}, {"fmt", "9.1.0", ""}};
  return report;
}

TEST(Doctor, PrintsWhatItFound) {
  std::ostringstream output;
  MachineReport report = good_machine();
  report.environment = {{"OMP_NUM_THREADS", "8"}};
  print(output, report);
  EXPECT_EQ(output.str(),
            "mica " MICA_TEST_VERSION
            "\n\n"
            "machine\n"
            "  processor         A processor\n"
            "  instruction sets  avx f16c fma avx2 avx512f\n"
            "  cores             8 of 8 allowed\n"
            "  memory            16.0 GB, 0 B of swap space\n"
            "  huge pages        madvise: for those who ask, as mica does for large arrays\n"
            "\n"
            "kernels\n"
            "  mica's own        AVX-512\n"
            "  oneDNN's          AVX-512 (matrix products, convolutions)\n"
            "  OpenBLAS's        SkylakeX (decompositions, some products)\n"
            "  threads           8, not pinned\n"
            "  CUDA              no: this version of mica has no CUDA backend\n"
            "\n"
            "libraries\n"
            "  oneDNN            2.6.4, built with 2.6.3\n"
            "  fmt               9.1.0\n"
            "\n"
            "environment\n"
            "  OMP_NUM_THREADS=8\n"
            "\n"
            "nothing to improve\n");
}

TEST(Doctor, WarnsOfWhatCostsTime) {
  MachineReport report = good_machine();
  EXPECT_EQ(warnings(report), std::vector<std::string>{});
  report.logical_cores = 64;
  report.allowed_cores = 2;
  report.openblas_has_own_threads = true;
  report.huge_pages = "never";
  report.kernels = "AVX2";
  report.limit = "avx2";
  report.environment = {{"OMP_WAIT_POLICY", "passive"}, {"OMP_PROC_BIND", "close"}};
  EXPECT_EQ(warnings(report),
            (std::vector<std::string>{
                "2 of 64 cores are allowed to this process (taskset, cgroups or a container's "
                "limit)",
                "8 threads share 2 cores: set MICA_NUM_THREADS to at most that",
                "OpenBLAS uses its own threads beside OpenMP's: install libopenblas0-openmp, or "
                "choose it with update-alternatives",
                "huge pages are off, large arrays are slower: write madvise to "
                "/sys/kernel/mm/transparent_hugepage/enabled",
                "OMP_PROC_BIND=close pins threads: two programs at once share the same cores",
                "OMP_WAIT_POLICY=passive lets threads sleep: small operations take longer",
                "MICA_CPU_ISA=avx2 allows no better ones"}));
  report.limit = "";
  report.instruction_sets = {"avx", "f16c", "fma", "avx2"};
  EXPECT_EQ(reason_for_kernels(report), "AVX-512 is not used: the processor has no avx512f");
  report.kernels = "baseline";
  report.instruction_sets = {"sse4_2"};
  EXPECT_EQ(reason_for_kernels(report), "AVX2 is not used: the processor has no avx2");
}

TEST(Doctor, KnowsThisMachine) {
  const MachineReport report = machine_report();

  EXPECT_GT(report.memory, 0u);
  EXPECT_EQ(report.libraries.size(), 5u);
  EXPECT_EQ(report.libraries[0].built, report.libraries[0].running);
  EXPECT_FALSE(report.openblas_has_own_threads);
}

}  // namespace
}  // namespace tools
