// Weights that were trained with PyTorch, in the layers of a model.
#pragma once

#include <initializer_list>
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <vector>

#include "mica/nn/module.h"

namespace mica::nn {

// The new names of an array: one, or several that it is split into.
struct NewNames {
  NewNames(const char* name) : names{name} {}
  NewNames(std::string name) : names{std::move(name)} {}
  NewNames(std::initializer_list<std::string> parts) : names(parts) {}
  std::vector<std::string> names;
};

// What becomes of the arrays whose names the pattern, an ECMAScript regular expression, is found
// in. The names are what takes the place of what was found ($1: its first group). Fused
// projections: {"c_attn", {"query_proj", "key_proj", "value_proj"}}.
struct LoadRule {
  std::string pattern;
  NewNames names = "";
  bool transpose = false;       // swap the last two axes, where there are two; before splitting
  std::vector<int> sizes = {};  // of the parts on axis 0 (a bias's only one); equal if empty
  bool drop = false;            // leave the array out
};

struct LoadPyTorchOptions {
  // Only the arrays whose names begin with it, which they lose: "bert.".
  std::string prefix = "";
  // Applied one after the other to all names.
  std::vector<LoadRule> rules = {};
  // Every parameter must be there, with its shape, and every array be used.
  bool strict = true;
};

// PyTorch's names, but for `loaded`.
struct LoadReport {
  struct Mismatch {
    std::string name;
    Shape expected, got;  // in mica's layout
  };
  std::vector<std::string> loaded;  // parameters, as parameters() names them
  std::vector<std::string> missing;
  std::vector<std::string> unused;
  std::vector<Mismatch> mismatched;

  bool complete() const { return missing.empty() && unused.empty() && mismatched.empty(); }
};
// In one line: what is missing, unused or of another shape, with the likely mistakes.
std::ostream& operator<<(std::ostream& os, const LoadReport& report);

// Gives the model's parameters the arrays of a state_dict, by PyTorch's names of its layers and in
// mica's layouts: convolutions' channels last, gates of recurrent layers (single, stacked, both
// ways), the fused projections of attention, transformers' and normalization layers. A Sequential's
// entries are "0.weight", other members have the names of MICA_MODULE. Weights of quantized layers
// are quantized as they are; of an array used in two places either name will do.
//
// Of the file what load_checkpoint finds is taken. Throws std::invalid_argument where strict and
// the report is not complete, naming all; the model then stays as it was. Not strict, it takes what
// fits.
LoadReport load_pytorch(Module& model, const std::string& file_or_folder,
                        const LoadPyTorchOptions& options = {});
LoadReport load_pytorch(Module& model, const std::unordered_map<std::string, array>& arrays,
                        const LoadPyTorchOptions& options = {});

}  // namespace mica::nn
