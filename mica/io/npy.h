// The npy format, alone in a file or as an entry of an npz archive.
#pragma once

#include <string>

#include "mica/array/array.h"
#include "mica/io/input.h"
#include "mica/stream.h"

namespace mica::io {

// One array; what follows it stays in the input.
array read_npy(Input& input, const StreamOrDevice& s);

// A file's bytes: the header and, behind it, the elements of `values`, which is evaluated and
// either row-contiguous or, in Fortran order, column-contiguous.
struct NpyFile {
  std::string header;
  array values;

  explicit NpyFile(const array& a);
  size_t size() const { return header.size() + values.nbytes(); }
  void write(Output& output) const;
};

}  // namespace mica::io
