// The program `mica`: what it says of weight files and of the machine. This folder holds one file
// a subcommand; program.cpp knows their options, weights.h reads and writes files of every format.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "mica/array/dtype.h"

namespace tools {

// Runs `mica arguments...` and returns its exit status: 0; 1 where diff finds a difference; 2 where
// something is wrong, which is then written to `errors` in one line. width: columns of the
// terminal, none where the output goes elsewhere.
int run(std::vector<std::string> arguments, std::ostream& output, std::ostream& errors,
        std::optional<int> width);

struct InfoOptions {
  std::filesystem::path file;
  bool json = false;
};
void info(const InfoOptions& options, std::ostream& output, std::optional<int> width);

struct ConvertOptions {
  std::filesystem::path in, out;
  std::optional<mica::Dtype> dtype;  // of floating arrays; as they are
};
void convert(const ConvertOptions& options, std::ostream& output);

struct QuantizeOptions {
  std::filesystem::path in, out;
  std::optional<int> bits, group_size;  // default: the mode's
  std::string mode = "affine";
  std::vector<std::string> skip;  // names that contain one of these stay as they are
};
void quantize(const QuantizeOptions& options, std::ostream& output);

struct DiffOptions {
  std::filesystem::path a, b;
  double absolute = 0, relative = 0;  // values differ where beyond absolute + relative * |b|
};
// Whether the files hold the same.
bool diff(const DiffOptions& options, std::ostream& output, std::optional<int> width);

void doctor(std::ostream& output);

void bench(std::ostream& output);

}  // namespace tools
