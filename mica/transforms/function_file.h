// Files of exported functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mica/transforms/program.h"

namespace mica::detail {

// The graph for arguments of some shapes and dtypes: first the positional ones, then those with
// keywords, in the order of these.
struct StoredTrace {
  std::vector<engine::OutputSpec> inputs;
  std::vector<std::string> keywords;
  Program program;
  // Of a function that was exported shapeless: 1 for each axis, of one input after the other, whose
  // size may be another.
  std::vector<uint8_t> flexible;

  size_t positional() const { return inputs.size() - keywords.size(); }
};

struct StoredFunction {
  std::string file;
  bool shapeless = false;
  std::string metadata;
  std::vector<StoredTrace> traces;
};

// Replaces function.file. An array that several traces capture is stored once.
void write_function(const StoredFunction& function);
StoredFunction read_function(const std::string& file);

}  // namespace mica::detail
