// Reading and writing arrays: safetensors. This folder holds the file formats.
//
// Files come from outside: a reader checks all that a file claims before it allocates or maps
// anything of that size, and throws std::invalid_argument naming the file and the field. Writers
// replace a file at once or not at all.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "mica/array/array.h"
#include "mica/stream.h"

namespace mica {

using SafetensorsLoad =
    std::pair<std::unordered_map<std::string, array>, std::unordered_map<std::string, std::string>>;

// Arrays and metadata of a .safetensors file. The arrays are read from the mapped file when they
// are used; writing over the file in place meanwhile changes them. Throws std::system_error where
// the file can't be read.
SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s = {});

// Evaluates the arrays and writes them. ".safetensors" is added to a file that does not end in it.
// Throws std::system_error where it can't be written, and leaves a file of that name as it was.
void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata = {});

}  // namespace mica
