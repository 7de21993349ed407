// Reading and writing arrays: npy, npz, safetensors and gguf here, PyTorch files (pytorch.h) and
// whole checkpoints (checkpoint.h) beside. This folder holds the file formats.
//
// Files come from outside: a reader checks all that a file claims before it allocates or maps
// anything of that size, and throws std::invalid_argument naming the file and the field:
// "load (a.npy): descr: expected ..., got ...". Where a file can't be read or written,
// std::system_error is thrown. Functions that write to a path evaluate the arrays first, then
// replace the file at once or leave it as it was.
//
// Arrays are read from the mapped file when they are used; writing over the file in place meanwhile
// changes them. Streams (mica/io/reader.h) are read to the end of what is loaded, and written to
// from where they stand. Loaded arrays are computed already but for Fortran order, swapped bytes
// and unpacking, so that `s` seldom matters.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mica/array/array.h"
#include "mica/io/reader.h"
#include "mica/stream.h"

namespace mica {

// The array of an .npy file (versions 1 to 3, either byte order). dtypes that mica lacks and
// structured ones are refused; two bytes of no kind ("V2") are bfloat16, as MLX writes it.
array load(std::string file, StreamOrDevice s = {});
array load(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s = {});

// ".npy" is added to a file that does not end in it. Column-contiguous arrays are written in
// Fortran order.
void save(std::string file, array a);
void save(std::shared_ptr<io::Writer> out_stream, array a);

// The arrays of an .npz archive, stored or deflated.
std::unordered_map<std::string, array> load_npz(const std::string& file, StreamOrDevice s = {});
std::unordered_map<std::string, array> load_npz(std::shared_ptr<io::Reader> in_stream,
                                                StreamOrDevice s = {});

// ".npz" is added to a file that does not end in it. Stored, or deflated where compressed.
void save_npz(std::string file, const std::unordered_map<std::string, array>& arrays,
              bool compressed = false);

using SafetensorsLoad =
    std::pair<std::unordered_map<std::string, array>, std::unordered_map<std::string, std::string>>;

// Arrays and metadata of a .safetensors file.
SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s = {});
SafetensorsLoad load_safetensors(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s = {});

// ".safetensors" is added to a file that does not end in it.
void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata = {});
void save_safetensors(std::shared_ptr<io::Writer> out_stream,
                      std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata = {});

// Of gguf files: numbers and vectors of numbers as arrays of their dtype, text, lists of text.
using GGUFMetaData = std::variant<std::monostate, array, std::string, std::vector<std::string>>;
using GGUFLoad = std::pair<std::unordered_map<std::string, array>,
                           std::unordered_map<std::string, GGUFMetaData>>;

// Arrays and metadata of a .gguf file, versions 2 and 3. A tensor "x.weight" of type Q4_0, Q4_1,
// Q5_0, Q5_1 or Q8_0 gives the operands of quantized_matmul with groups of 32: "x.weight" packed
// (uint32), "x.scales" and "x.biases"; MXFP4 those of its mode mxfp4, which has no biases. BF16,
// Q2_K to Q6_K, IQ4_NL and IQ4_XS become float16, other quantized types are refused, as are arrays
// of arrays in the metadata.
GGUFLoad load_gguf(const std::string& file, StreamOrDevice s = {});
GGUFLoad load_gguf(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s = {});

// ".gguf" is added to a file that does not end in it. Arrays are float16, float32, float64 or
// signed integers; arrays in the metadata scalars or vectors, of these or unsigned integers or
// bool.
void save_gguf(std::string file, std::unordered_map<std::string, array> array_map,
               std::unordered_map<std::string, GGUFMetaData> meta_data = {});
void save_gguf(std::shared_ptr<io::Writer> out_stream,
               std::unordered_map<std::string, array> array_map,
               std::unordered_map<std::string, GGUFMetaData> meta_data = {});

}  // namespace mica
