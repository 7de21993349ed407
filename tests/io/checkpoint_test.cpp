#include "mica/io/checkpoint.h"

#include <filesystem>
#include <set>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

namespace fs = std::filesystem;
using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;

class Checkpoint : public FilesTest {
 protected:
  Arrays arrays_{{"a", array({1.0f, 2.0f, 3.0f, 4.0f})},
                 {"b.weight", array({5, 6}, {2, 1})},
                 {"c", array(7.0f, float16)}};

  void expect_loads(const fs::path& path) const {
    const Arrays loaded = load_checkpoint(path);
    EXPECT_EQ(loaded.size(), arrays_.size());
    for (const auto& [name, value] : arrays_) {
      ASSERT_TRUE(loaded.contains(name)) << name;
      expect_same(loaded.at(name), value);
    }
  }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  std::string error_of(const std::string& name) const {
    return file_error_of("load_checkpoint", file(name), [&] { load_checkpoint(file(name)); });
  }
  // An index of two files that hold b.weight and c, and a.
  void write_shards() const {
    save_safetensors(file("one.safetensors"),
                     {{"b.weight", arrays_.at("b.weight")}, {"c", arrays_.at("c")}});
    save_safetensors(file("two.safetensors"), {{"a", arrays_.at("a")}});
  }
  std::string write_index(const std::string& map) const {
    return write_file("x.index.json", "{\"weight_map\": {" + map + "}}");
  }
};

TEST_F(Checkpoint, KnowsAFileByItsContent) {
  save_safetensors(file("x.safetensors"), arrays_);
  save_npz(file("x.npz"), arrays_);
  save_gguf(file("x.gguf"), arrays_);
  for (const char* ending : {"safetensors", "npz", "gguf"}) {
    fs::rename(file(std::string("x.") + ending), file("weights.dat"));
    expect_loads(file("weights.dat"));
  }
}

// A state_dict inside of what a training program saved; in one file, then as a file of an index.
TEST_F(Checkpoint, ReadsPyTorchFiles) {
  for (const char* name : {"nested.pt", "nested_old.pt"}) {
    fs::copy_file(fs::path(MICA_SOURCE_DIR "/tests/golden/pytorch") / name, file("model.bin"),
                  fs::copy_options::overwrite_existing);
    write_file("x.index.json", R"({"weight_map": {"weight": "model.bin", "bias": "model.bin"}})");
    for (const char* file_name : {"model.bin", "x.index.json"}) {
      const Arrays loaded = load_checkpoint(file(file_name));
      ASSERT_EQ(loaded.size(), 2);
      expect_same(loaded.at("weight"), ones({2, 2}));
      expect_same(loaded.at("bias"), zeros({2}));
    }
  }
}

TEST_F(Checkpoint, ReadsTheFilesOfAnIndex) {
  write_shards();
  const std::string index = write_index(
      R"("a": "two.safetensors", "b.weight": "one.safetensors", "c": "one.safetensors")");
  expect_loads(index);
}

TEST_F(Checkpoint, FindsTheCheckpointOfAFolder) {
  save_safetensors(file("odd_name.safetensors"), arrays_);
  write_file("config.json", "{}");
  expect_loads(folder_);
  save_npz(file("other.npz"), {{"x", array(1)}});
  EXPECT_EQ(file_error_of("load_checkpoint", folder_.string(), [&] { load_checkpoint(folder_); }),
            "expected one checkpoint in the folder (model.safetensors, "
            "model.safetensors.index.json or a file of .safetensors, .npz, .gguf, .pt, .pth or "
            ".bin), got odd_name.safetensors, other.npz; name the file");
  fs::rename(file("odd_name.safetensors"), file("model.safetensors"));
  expect_loads(folder_);
  fs::remove_all(folder_);
  fs::create_directory(folder_);
  EXPECT_NE(file_error_of("load_checkpoint", folder_.string(), [&] { load_checkpoint(folder_); })
                .find(", got none"),
            std::string::npos);
}

TEST_F(Checkpoint, RefusesOtherFiles) {
  write_file("empty", "");
  EXPECT_EQ(error_of("empty"),
            "content: expected safetensors, npz, gguf, PyTorch or an index, got an empty file");
  write_file("text", "hello there");
  EXPECT_EQ(error_of("text"),
            "content: expected safetensors, npz, gguf, PyTorch or an index, got text");
  write_file("lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
  EXPECT_EQ(error_of("lfs"),
            "content: expected safetensors, npz, gguf, PyTorch or an index, got a pointer of Git "
            "LFS (git "
            "lfs pull fetches the file)");
  save(file("x.npy"), array(1));
  EXPECT_EQ(
      error_of("x.npy"),
      "content: expected safetensors, npz, gguf, PyTorch or an index, got one array without a name "
      "(mica::load reads it)");
  EXPECT_EQ(system_error_of([&] { load_checkpoint(file("none")); }),
            "load_checkpoint: can't read '" + file("none") + "': No such file or directory");
}

TEST_F(Checkpoint, RefusesAnIndexThatDoesNotFit) {
  write_shards();
  const auto error = [&](const std::string& map) {
    write_index(map);
    return error_of("x.index.json");
  };
  EXPECT_EQ(error(R"("a": "three.safetensors")"),
            "weight_map.a: expected the file 'three.safetensors' beside the index, got none");
  EXPECT_EQ(error(R"("z": "two.safetensors")"),
            "weight_map.z: expected it in 'two.safetensors', got none of that name");
  for (const char* outside : {"../two.safetensors", "/etc/passwd", "x/../../two.safetensors", ""}) {
    EXPECT_EQ(error("\"a\": \"" + std::string(outside) + "\""),
              "weight_map.a: expected a file in the folder of the index, got '" +
                  std::string(outside) + "'");
  }
  EXPECT_EQ(error(R"("a": 1)"), "weight_map.a: expected the name of a file, got number");
  EXPECT_EQ(error(R"("a": "x.index.json")"),
            "weight_map.a: expected a file of arrays, got an index");
  EXPECT_EQ(error(R"("a": "two.safetensors", "a": "two.safetensors")"),
            "index: expected each name once, got 'a' twice");
  save_safetensors(file("two.safetensors"), {{"a", arrays_.at("a")}, {"c", arrays_.at("c")}});
  EXPECT_EQ(error(R"("a": "two.safetensors", "c": "one.safetensors")"),
            "weight_map.c: expected it in one file, got another in 'two.safetensors'");
  write_file("x.index.json", "{\"weight_map\": [");
  EXPECT_EQ(error_of("x.index.json"), "index: expected JSON, got something else");
  write_file("x.index.json", "{\"metadata\": {}}");
  EXPECT_EQ(error_of("x.index.json"),
            "weight_map: expected an object of names and files, got none");
}

TEST_F(Checkpoint, SavesOneFileOrSeveral) {
  save_checkpoint(folder_, arrays_);
  EXPECT_EQ(names(), (std::set<std::string>{"model.safetensors"}));
  expect_loads(folder_);
  EXPECT_EQ(load_safetensors(file("model.safetensors")).second.at("format"), "mlx");

  // 16 bytes, then 8 and 2.
  save_checkpoint(folder_, arrays_, {.max_shard_bytes = 16});
  const std::set<std::string> two{"model-00001-of-00002.safetensors",
                                  "model-00002-of-00002.safetensors",
                                  "model.safetensors.index.json"};
  EXPECT_EQ(names(), two);
  expect_loads(folder_);

  // Again, then one byte a file: what was there goes, once the new files are complete.
  save_checkpoint(folder_, load_checkpoint(folder_), {.max_shard_bytes = 16});
  EXPECT_EQ(names(), (std::set<std::string>{"model.2-00001-of-00002.safetensors",
                                            "model.2-00002-of-00002.safetensors",
                                            "model.safetensors.index.json"}));
  expect_loads(folder_);
  save_checkpoint(folder_, arrays_, {.max_shard_bytes = 1});
  EXPECT_EQ(names().size(), 4);
  expect_loads(folder_);
  save_checkpoint(folder_, arrays_);
  EXPECT_EQ(names(), (std::set<std::string>{"model.safetensors"}));
  expect_loads(folder_);
}

TEST_F(Checkpoint, SavesIntoANewFolder) {
  save_checkpoint(folder_ / "a" / "b", arrays_);
  expect_loads(folder_ / "a" / "b");
  EXPECT_EQ(system_error_of([&] {
              save_checkpoint(file("a/b/model.safetensors"), arrays_);
            }).substr(0, 10),
            "filesystem");
  try {
    save_checkpoint(folder_, arrays_, {.max_shard_bytes = 0});
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "save_checkpoint: max_shard_bytes: expected at least 1, got 0");
  }
}

// The files that an index names are removed with it only where they are arrays' files.
TEST_F(Checkpoint, KeepsOtherFilesOfTheFolder) {
  write_file("notes.txt", "mine");
  write_file("model.safetensors.index.json", R"({"weight_map": {"a": "notes.txt"}})");
  save_checkpoint(folder_, arrays_);
  EXPECT_EQ(names(), (std::set<std::string>{"model.safetensors", "notes.txt"}));
}

TEST_F(Checkpoint, LeavesTheOldOneWhereSavingFails) {
  save_checkpoint(folder_, arrays_, {.max_shard_bytes = 16});
  const std::set<std::string> before = names();
  Arrays bad = arrays_;
  bad.emplace("\xff", array(1));
  EXPECT_THROW(save_checkpoint(folder_, bad, {.max_shard_bytes = 4}), std::invalid_argument);
  EXPECT_EQ(names(), before);
  expect_loads(folder_);
}

}  // namespace
}  // namespace mica
