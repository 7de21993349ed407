// Checkpoints: the weights of a model, in whichever files they came.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "mica/array/array.h"

namespace mica {

// The arrays of a checkpoint by name. It may be
//  - a safetensors, npz, gguf or PyTorch file, told by what is in it, not by its name; of what
//    torch.save was given the arrays that pytorch_state_dict (mica/io/pytorch.h) finds;
//  - an index, "*.index.json", whose "weight_map" says which file beside it holds which array;
//  - a folder with one of these: model.safetensors, model.safetensors.index.json and their like
//    first, else the only such file in it.
// Throws std::invalid_argument naming file and field, std::system_error where a file can't be read.
std::unordered_map<std::string, array> load_checkpoint(const std::string& file_or_folder);

namespace detail {
std::unordered_map<std::string, std::string> checkpoint_metadata();
}

struct SaveCheckpointOptions {
  // Of the arrays in one file; a larger array has a file for itself.
  size_t max_shard_bytes = 5'000'000'000;
  // Of each file; {"format": "mlx"} unless it is set.
  std::unordered_map<std::string, std::string> metadata = detail::checkpoint_metadata();
};

// Writes model.safetensors into the folder, which is made where there is none, or several files
// and model.safetensors.index.json where one would be too large. A checkpoint of these names that
// is there already is replaced at once when the new one is complete, then its files are removed.
void save_checkpoint(const std::string& folder,
                     const std::unordered_map<std::string, array>& arrays,
                     const SaveCheckpointOptions& options = {});

}  // namespace mica
