// Event files, which TensorBoard shows: https://www.tensorflow.org/tensorboard.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "mica/array/array.h"

namespace mica::logging {

// Writes one file "events.out.tfevents.<time>.<host>.<process>.<number>" to a folder, which is made
// where it isn't there; tensorboard --logdir FOLDER reads all files of a folder as one run. Each
// event is complete in the file when a call returns. Throws std::system_error where the file can't
// be written.
class EventWriter {
 public:
  explicit EventWriter(const std::string& folder);

  // Tags with slashes group charts: "loss/validation".
  void scalar(const std::string& tag, int64_t step, double value);
  // The values of an array of real numbers, in 30 buckets of equal width between the least and the
  // greatest; values that are not finite are left out.
  void histogram(const std::string& tag, int64_t step, const array& values);
  // Shown as Markdown.
  void text(const std::string& tag, int64_t step, const std::string& words);

  const std::string& file() const { return file_; }

 private:
  void write(int64_t step, const std::string& summary_value);
  void write_record(const std::string& event);

  std::string file_;
  std::ofstream out_;
};

}  // namespace mica::logging
