// Pictures from PNG and JPEG files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mica/array/array.h"
#include "mica/data/dataset.h"

namespace mica::data {

struct ImageOptions {
  int channels = 3;                        // 1: grey, 3: red, green and blue
  int64_t most_pixels = int64_t{1} << 26;  // larger pictures are refused before they are decoded
};

// (height, width, channels) of uint8; what is transparent shows white. Which format a file has is
// told by its first bytes. Throws std::system_error where it can't be read, std::invalid_argument
// naming it where it is neither or broken.
array read_image(const std::string& file, const ImageOptions& options = {});

// The picture (height, width, channels) of uint8 at another size: each new pixel is a mean of the
// old ones around it, weighted by a triangle as wide as two pixels of the coarser of the two sizes.
array resize(const array& image, int height, int width);

struct ImageFolderOptions {
  int height = 224, width = 224;  // pictures are resized to
  ImageOptions image = {};
};

struct ImageFolder {
  Dataset dataset;  // {picture, number of its class: (), int32}, read when asked for
  std::vector<std::string> classes;  // names of the folders, sorted
  std::vector<std::string> files;
};

// The .png, .jpg and .jpeg files (or in capitals) in the folders below `folder`, each of which is a
// class. Throws std::system_error where it can't be read, std::invalid_argument where there is no
// picture.
ImageFolder read_image_folder(const std::string& folder, const ImageFolderOptions& options = {});

}  // namespace mica::data
