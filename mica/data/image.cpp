#include "mica/data/image.h"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <type_traits>

#include "mica/io/input.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::data {

namespace {

namespace fs = std::filesystem;

constexpr int colors = 3;
constexpr int64_t most_inflation = 1032;  // of deflate: what PNG's rows may be to the file's bytes

struct Target {
  io::Bytes bytes;
  Shape shape;
};

// Memory for a picture in colour that a file says it holds.
Target target_of(const io::Input& input, int64_t height, int64_t width, const ImageOptions& o,
                 int64_t most_in_file) {
  const int64_t pixels = height * width;
  if (height < 1 || width < 1 || pixels > std::min(o.most_pixels, most_in_file))
    input.fail("size",
               fmt::format("1 to {} pixels, and as many as the file can hold", o.most_pixels),
               fmt::format("{} x {}", width, height));
  return {io::allocate_bytes(static_cast<size_t>(pixels * colors)),
          {static_cast<ShapeElem>(height), static_cast<ShapeElem>(width), colors}};
}

// The grey of a colour, as JPEG defines it (ITU-R BT.601).
array luma(const array& image) {
  const auto pixels = static_cast<size_t>(image.shape(0)) * static_cast<size_t>(image.shape(1));
  const io::Bytes grey = io::allocate_bytes(pixels);
  const uint8_t* in = image.data<uint8_t>();
  for (size_t i = 0; i < pixels; ++i, in += colors)
    grey.data[i] = static_cast<std::byte>((299 * in[0] + 587 * in[1] + 114 * in[2] + 500) / 1000);
  return io::array_of(grey, {image.shape(0), image.shape(1), 1}, uint8);
}

array read_png(const io::Input& input, std::span<const std::byte> bytes, const ImageOptions& o) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  struct Free {
    png_image& image;
    ~Free() { png_image_free(&image); }
  } guard{png};
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    input.fail("PNG", "a whole file", png.message);
  png.format = PNG_FORMAT_RGB;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // as 8 bits are, not linear
  // Pixels take a bit at least, from which one byte a channel is made.
  const Target target = target_of(input, png.height, png.width, o,
                                  static_cast<int64_t>(bytes.size()) * most_inflation * 8);
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&png, &white, target.bytes.data.data(), 0, nullptr))
    input.fail("PNG", "a whole file", png.message);
  const array image = io::array_of(target.bytes, target.shape, uint8);
  return o.channels == 1 ? luma(image) : image;
}

array read_jpeg(const io::Input& input, std::span<const std::byte> bytes, const ImageOptions& o) {
  struct Destroy {
    void operator()(void* decoder) const { tjDestroy(decoder); }
  };
  const std::unique_ptr<void, Destroy> decoder(tjInitDecompress());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, space = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &space) != 0)
    input.fail("JPEG", "a whole file", tjGetErrorStr2(decoder.get()));
  const Target target = target_of(input, height, width, o, INT64_MAX);
  if (tjDecompress2(decoder.get(), data, bytes.size(),
                    reinterpret_cast<unsigned char*>(target.bytes.data.data()), width, 0, height,
                    TJPF_RGB, TJFLAG_STOPONWARNING) != 0)
    input.fail("JPEG", "a whole file", tjGetErrorStr2(decoder.get()));
  const array image = io::array_of(target.bytes, target.shape, uint8);
  return o.channels == 1 ? luma(image) : image;
}

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<int> start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](int a, std::byte b) { return a == static_cast<int>(b); });
}

// For each new place, the first old one that counts, and the weights from there on.
struct Weights {
  int first;
  std::vector<float> values;
};
std::vector<Weights> triangle_weights(int from, int to) {
  const double ratio = static_cast<double>(from) / to, reach = std::max(ratio, 1.0);
  std::vector<Weights> all;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * ratio;
    const int first = std::max(0, static_cast<int>(std::floor(center - reach)));
    const int last = std::min(from - 1, static_cast<int>(std::ceil(center + reach)) - 1);
    Weights weights{first, {}};
    double sum = 0;
    for (int k = first; k <= last; ++k)
      sum += std::max(0.0, 1 - std::abs(k + 0.5 - center) / reach);
    for (int k = first; k <= last; ++k)
      weights.values.push_back(
          static_cast<float>(std::max(0.0, 1 - std::abs(k + 0.5 - center) / reach) / sum));
    all.push_back(std::move(weights));
  }
  return all;
}

// The middle one of three axes made longer or shorter by the weights.
template <class T, class U>
void resample(const T* in, U* out, size_t outer, size_t length, size_t inner,
              const std::vector<Weights>& weights) {
  for (size_t o = 0; o < outer; ++o) {
    for (const Weights& w : weights) {
      for (size_t i = 0; i < inner; ++i) {
        float sum = 0;
        const T* at = in + (o * length + static_cast<size_t>(w.first)) * inner + i;
        for (size_t k = 0; k < w.values.size(); ++k)
          sum += w.values[k] * static_cast<float>(at[k * inner]);
        if constexpr (std::is_integral_v<U>)
          *out++ = static_cast<U>(std::lround(std::clamp(sum, 0.0f, 255.0f)));
        else
          *out++ = sum;
      }
    }
  }
}

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

// What lies in a folder, sorted.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    paths.push_back(entry->path());
  if (error)
    throw std::system_error(error,
                            fmt::format("read_image_folder: can't read '{}'", folder.string()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

array read_image(const std::string& file, const ImageOptions& options) {
  if (options.channels != 1 && options.channels != 3)
    throw std::invalid_argument(
        fmt::format("read_image: expected 1 or 3 channels, got {}", options.channels));
  const auto input = io::open_input("read_image", file);
  const io::Bytes bytes = input->take("file", input->remaining());
  if (starts_with(bytes.data, {0x89, 'P', 'N', 'G'})) return read_png(*input, bytes.data, options);
  if (starts_with(bytes.data, {0xFF, 0xD8})) return read_jpeg(*input, bytes.data, options);
  input->fail("format", "PNG or JPEG", "another");
}

array resize(const array& image, int height, int width) {
  if (image.ndim() != 3 || image.dtype() != uint8 || image.size() == 0 || height < 1 || width < 1)
    throw std::invalid_argument(fmt::format(
        "resize: expected a picture (height, width, channels) of uint8 and a size of at least 1 x "
        "1, got {} of {} and {} x {}",
        to_string(image.shape()), dtype_name(image.dtype()), height, width));
  const array source = contiguous(image);
  source.eval();
  const auto rows = static_cast<size_t>(source.shape(0)),
             columns = static_cast<size_t>(source.shape(1)),
             channels = static_cast<size_t>(source.shape(2)),
             new_rows = static_cast<size_t>(height), new_columns = static_cast<size_t>(width);
  std::vector<float> wide(rows * new_columns * channels);
  resample(source.data<uint8_t>(), wide.data(), rows, columns, channels,
           triangle_weights(source.shape(1), width));
  const io::Bytes bytes = io::allocate_bytes(new_rows * new_columns * channels);
  resample(wide.data(), reinterpret_cast<uint8_t*>(bytes.data.data()), 1, rows,
           new_columns * channels, triangle_weights(source.shape(0), height));
  return io::array_of(bytes, {height, width, source.shape(2)}, uint8);
}

ImageFolder read_image_folder(const std::string& folder, const ImageFolderOptions& options) {
  std::vector<std::string> classes, files;
  std::vector<int32_t> labels;
  for (const fs::path& of_class : entries(folder)) {
    if (!fs::is_directory(of_class)) continue;
    for (const fs::path& file : entries(of_class)) {
      if (!is_picture(file)) continue;
      files.push_back(file.string());
      labels.push_back(static_cast<int32_t>(classes.size()));
    }
    classes.push_back(of_class.filename().string());
  }
  if (files.empty())
    throw std::invalid_argument(fmt::format(
        "read_image_folder ({}): expected folders of .png, .jpg or .jpeg files, got none", folder));
  Dataset dataset(files.size(), [files, labels, options](size_t index, Random&) {
    const array image = read_image(files[index], options.image);
    return Sample{resize(image, options.height, options.width), array(labels[index])};
  });
  return {std::move(dataset), std::move(classes), std::move(files)};
}

}  // namespace mica::data
