// Text, and windows of tokens for language models.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mica/array/array.h"
#include "mica/data/dataset.h"

namespace mica::data {

// The contents of files one behind the other: a path's own, or those of all files below a folder,
// sorted by path, whose name ends in one of `endings` (any if there are none). Hidden files and
// folders below it are left out, as are files with zero bytes, which are no text. Throws
// std::system_error where a path can't be read, std::invalid_argument where there is no text.
std::string read_text(const std::vector<std::filesystem::path>& paths,
                      const std::vector<std::string>& endings = {});

// {inputs, targets} for predicting the next token: (length,) each of int32, the tokens from i *
// stride on and those one further, as many as fit. tokens: (n,), integers; stride: `length` if 0.
// Throws std::invalid_argument where there is no window.
Dataset windows(const array& tokens, int length, int stride = 0);

}  // namespace mica::data
