#include "mica/data/pictures.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include "mica/data/gzip_file.h"
#include "mica/io/file.h"
#include "mica/io/input.h"

namespace mica::data {

namespace {

namespace fs = std::filesystem;

constexpr size_t cifar_side = 32, cifar_channels = 3, cifar_pixels = cifar_side * cifar_side;
constexpr size_t cifar_record = 1 + cifar_channels * cifar_pixels;

uint8_t* writable(const io::Bytes& bytes) { return reinterpret_cast<uint8_t*>(bytes.data.data()); }

// Of an idx file: its dims, big-endian behind a magic number whose last byte counts them, and its
// bytes.
struct Idx {
  std::vector<uint32_t> dims;
  std::string bytes;
};

Idx read_idx(const std::string& path, size_t ndim) {
  GzipFile file("read_mnist", path);
  std::string header;
  file.read(header, 4 + 4 * ndim);
  const auto number = [&](size_t i) {
    uint32_t value = 0;
    for (size_t k = 0; k < 4; ++k)
      value = value << 8 | static_cast<unsigned char>(header[4 * i + k]);
    return value;
  };
  if (header.size() != 4 + 4 * ndim)
    file.fail("header", fmt::format("{} bytes", 4 + 4 * ndim), std::to_string(header.size()));
  const uint32_t magic = 0x0800 + static_cast<uint32_t>(ndim);  // 8: of uint8
  if (number(0) != magic)
    file.fail("magic number", fmt::format("{:#010x}", magic), fmt::format("{:#010x}", number(0)));
  Idx idx;
  uint64_t size = 1;
  for (size_t i = 0; i < ndim; ++i) {
    idx.dims.push_back(number(i + 1));
    if (idx.dims.back() == 0 || idx.dims.back() > (1u << 30) || size > (uint64_t{1} << 40))
      file.fail(fmt::format("dimension {}", i), "1 to 2^30 and 2^40 bytes in all",
                std::to_string(idx.dims.back()));
    size *= idx.dims.back();
  }
  file.read(idx.bytes, size);
  if (idx.bytes.size() != size)
    file.fail("data", fmt::format("{} bytes", size), std::to_string(idx.bytes.size()));
  return idx;
}

}  // namespace

Dataset read_cifar10(const std::string& given, Part part) {
  fs::path folder = given;
  if (fs::is_directory(folder / "cifar-10-batches-bin")) folder /= "cifar-10-batches-bin";
  std::vector<std::string> names{"test_batch.bin"};
  if (part == Part::training) {
    names.clear();
    for (int i = 1; i <= 5; ++i) names.push_back(fmt::format("data_batch_{}.bin", i));
  }
  std::vector<io::Bytes> files;
  size_t records = 0;
  for (const std::string& name : names) {
    const auto input = io::open_input("read_cifar10", (folder / name).string());
    const size_t size = input->remaining();
    if (size == 0 || size % cifar_record != 0)
      input->fail("size", fmt::format("a multiple of {} bytes", cifar_record),
                  std::to_string(size));
    files.push_back(input->take("records", size));
    for (size_t i = 0; i < size; i += cifar_record) {
      const auto label = static_cast<unsigned>(files.back().data[i]);
      if (label >= cifar10_classes.size())
        input->fail(fmt::format("label of record {}", i / cifar_record), "at most 9",
                    std::to_string(label));
    }
    records += size / cifar_record;
  }
  const io::Bytes pictures = io::allocate_bytes(records * cifar_channels * cifar_pixels);
  std::vector<int32_t> labels;
  uint8_t* out = writable(pictures);
  for (const io::Bytes& file : files) {
    for (size_t at = 0; at < file.data.size(); at += cifar_record) {
      labels.push_back(static_cast<int32_t>(file.data[at]));
      // A record holds one plane a channel.
      for (size_t pixel = 0; pixel < cifar_pixels; ++pixel)
        for (size_t channel = 0; channel < cifar_channels; ++channel)
          *out++ = static_cast<uint8_t>(file.data[at + 1 + channel * cifar_pixels + pixel]);
    }
  }
  const auto count = static_cast<ShapeElem>(records);
  return from_arrays(
      {io::array_of(pictures, {count, cifar_side, cifar_side, cifar_channels}, uint8),
       array(labels.begin(), {count})});
}

Dataset read_mnist(const std::string& images, const std::string& labels) {
  const Idx pictures = read_idx(images, 3), classes = read_idx(labels, 1);
  if (pictures.dims[0] != classes.dims[0])
    GzipFile("read_mnist", labels)
        .fail("dimension 0", fmt::format("{} labels, as images", pictures.dims[0]),
              std::to_string(classes.dims[0]));
  const io::Bytes copy = io::allocate_bytes(pictures.bytes.size());
  std::memcpy(copy.data.data(), pictures.bytes.data(), pictures.bytes.size());
  Shape shape;
  for (const uint32_t dim : pictures.dims) shape.push_back(static_cast<ShapeElem>(dim));
  shape.push_back(1);
  std::vector<int32_t> numbers;
  for (const char c : classes.bytes) numbers.push_back(static_cast<unsigned char>(c));
  return from_arrays({io::array_of(copy, shape, uint8), array(numbers.begin(), {shape[0]})});
}

Dataset read_mnist(const std::string& folder, Part part) {
  const std::string prefix = part == Part::training ? "train" : "t10k";
  const auto file = [&](const std::string& rest) {
    const fs::path plain = fs::path(folder) / (prefix + rest);
    const fs::path compressed = plain.string() + ".gz";
    return (fs::exists(plain) || !fs::exists(compressed) ? plain : compressed).string();
  };
  return read_mnist(file("-images-idx3-ubyte"), file("-labels-idx1-ubyte"));
}

}  // namespace mica::data
