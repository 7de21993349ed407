// Readers that were given a file of another kind, or a part of one, say which.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "mica/io/checkpoint.h"
#include "mica/io/io.h"
#include "mica/io/pytorch.h"
#include "mica/nn/linear.h"
#include "mica/ops/ops.h"
#include "mica/transforms/export.h"

namespace mica {
namespace {

namespace fs = std::filesystem;

class Content : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("mica_content_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    save_safetensors(file("s.safetensors"), {{"a", arange(64.0f)}});
    save_npz(file("z.npz"), {{"a", arange(64.0f)}});
    save_gguf(file("g.gguf"), {{"a", arange(64.0f)}});
    save(file("n.npy"), arange(64.0f));
    std::ofstream(file("text")) << "hello, this is text\n";
    std::ofstream(file("empty"));
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  // The first bytes of a file as another one.
  std::string cut(const std::string& name, size_t size) const {
    fs::copy_file(file(name), file("cut"), fs::copy_options::overwrite_existing);
    fs::resize_file(file("cut"), size);
    return file("cut");
  }
  // What is said of a file, behind the reader and the file's name.
  static std::string error_of(const std::function<void(const std::string&)>& load,
                              const std::string& name) {
    try {
      load(name);
    } catch (const std::invalid_argument& error) {
      const std::string text = error.what();
      return text.substr(text.find("): ") + 3);
    }
    return "nothing";
  }

 private:
  fs::path folder_;
};

void load_st(const std::string& name) { load_safetensors(name); }
void load_z(const std::string& name) { load_npz(name); }
void load_g(const std::string& name) { load_gguf(name); }
void load_n(const std::string& name) { load(name); }
void load_p(const std::string& name) { load_pytorch_file(name); }
void load_f(const std::string& name) { import_function(name); }

TEST_F(Content, OfAnotherKindIsNamed) {
  const char* const zip = "a zip archive (.npz or PyTorch's)";
  const struct {
    void (*load)(const std::string&);
    const char* name;
    std::string error;
  } cases[] = {
      {load_st, "z.npz", std::string("a safetensors file, got ") + zip},
      {load_st, "g.gguf", "a safetensors file, got a gguf file"},
      {load_st, "n.npy", "a safetensors file, got an npy file"},
      {load_st, "text", "a safetensors file, got text"},
      {load_z, "s.safetensors", "a zip archive, got a safetensors file"},
      {load_z, "n.npy", "a zip archive, got an npy file"},
      {load_g, "s.safetensors", "a gguf file, got a safetensors file"},
      {load_g, "text", "a gguf file, got text"},
      {load_n, "z.npz", std::string("an npy file, got ") + zip},
      {load_n, "s.safetensors", "an npy file, got a safetensors file"},
      {load_p, "s.safetensors", "a PyTorch file, got a safetensors file"},
      {load_p, "g.gguf", "a PyTorch file, got a gguf file"},
      {load_p, "empty", "a PyTorch file, got an empty file"},
      {load_f, "n.npy", "an exported function, got an npy file"},
  };
  for (const auto& [load_file, name, error] : cases) {
    EXPECT_EQ(error_of(load_file, file(name)), "content: expected " + error) << name;
  }
}

TEST_F(Content, CutShortIsNamed) {
  EXPECT_EQ(error_of(load_st, cut("s.safetensors", 20)),
            "header: expected 120 bytes, got 12: the file is cut short");
  EXPECT_EQ(
      error_of(load_st, cut("s.safetensors", 200)),
      "a.data_offsets: expected a range within the 72 bytes of data, got [0,256]: is the file "
      "cut short?");
  EXPECT_EQ(error_of(load_g, cut("g.gguf", fs::file_size(file("g.gguf")) - 100)),
            "tensor a offset: expected bytes of its own within 156, got 0 to 256: is the file cut "
            "short?");
  EXPECT_EQ(error_of(load_z, cut("z.npz", 100)),
            "archive: expected a whole zip file, got Not a zip archive: is the file cut short?");
}

TEST_F(Content, NamesOfWeightsThatAreNearlyRight) {
  nn::Linear model(2, 3);
  save_safetensors(file("w.safetensors"), {{"wieght", ones({3, 2})}, {"bias", ones({3})}});
  try {
    model.load_weights(file("w.safetensors"));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), file("w.safetensors") +
                                ": load_weights: expected only parameters of Linear, got 'wieght' "
                                "(did you mean 'weight'?)");
  }
}

}  // namespace
}  // namespace mica
