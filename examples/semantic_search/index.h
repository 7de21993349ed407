// The vectors of all passages of a folder, in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "embedder.h"
#include "passages.h"

namespace semantic_search {

struct IndexedFile {
  std::string digest;  // of its text
  std::vector<Passage> passages;
  std::vector<float> vectors;  // one behind the other
};

struct Hit {
  float score;  // cosine of the angle between question and passage
  std::string path;
  Passage passage;
};

class Index {
 public:
  // Of a model. Vectors of different models can't be compared: the model's vector of a fixed text
  // tells which one it was.
  explicit Index(const Embedder& embedder);
  // Throws std::invalid_argument where the file is no index or another model's, std::system_error
  // where it can't be read.
  static Index load(const std::filesystem::path& file, const Embedder& embedder);
  // Replaces the file at once when all is written.
  void save(const std::filesystem::path& file) const;

  // Called with the numbers of passages that are embedded and that will be.
  using Report = std::function<void(size_t done, size_t all)>;
  struct Changes {
    size_t files = 0, embedded_files = 0, passages = 0, embedded_passages = 0;
  };
  // Makes the index that of these files; those whose text is in it already are not embedded again.
  Changes update(const std::vector<TextFile>& files, const Embedder& embedder,
                 const Report& report);

  // The passages nearest to the question, best first.
  std::vector<Hit> query(const std::string& question, size_t count, const Embedder& embedder) const;
  size_t passages() const;

 private:
  Index() = default;

  size_t dims_ = 0;
  std::vector<float> probe_;
  std::map<std::string, IndexedFile> files_;  // by path
};

}  // namespace semantic_search
