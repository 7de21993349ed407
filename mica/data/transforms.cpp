#include "mica/data/transforms.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "mica/io/input.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::data {

namespace {

// A picture's bytes in order, and where one made from it goes.
class Picture {
 public:
  Picture(const char* transform, const Sample& sample)
      : source_(contiguous(checked(transform, sample))),
        target_(io::allocate_bytes(source_.nbytes())) {
    source_.eval();
  }

  int height() const { return source_.shape(0); }
  int width() const { return source_.shape(1); }
  size_t pixel_bytes() const { return static_cast<size_t>(source_.shape(2)) * source_.itemsize(); }
  size_t row_bytes() const { return static_cast<size_t>(width()) * pixel_bytes(); }
  const char* row(int y) const {
    return source_.data<char>() + static_cast<size_t>(y) * row_bytes();
  }
  char* target_row(int y) const {
    return reinterpret_cast<char*>(target_.data.data()) + static_cast<size_t>(y) * row_bytes();
  }
  // The sample with the new picture in place of the old one.
  Sample finish(Sample sample) const {
    sample[0] = io::array_of(target_, source_.shape(), source_.dtype());
    return sample;
  }

  static const array& checked(const char* transform, const Sample& sample) {
    if (sample.empty() || sample[0].ndim() != 3)
      throw std::invalid_argument(
          fmt::format("{}: expected a picture (height, width, channels) first, got {}", transform,
                      sample.empty() ? "an empty sample" : to_string(sample[0].shape())));
    return sample[0];
  }

 private:
  array source_;
  io::Bytes target_;
};

}  // namespace

Transform random_flip(double probability) {
  if (!(probability >= 0 && probability <= 1))
    throw std::invalid_argument(
        fmt::format("random_flip: expected a probability from 0 to 1, got {}", probability));
  return [probability](Sample sample, Random& random) {
    if (random.uniform() >= probability) return sample;
    const Picture picture("random_flip", sample);
    const size_t pixel = picture.pixel_bytes();
    for (int y = 0; y < picture.height(); ++y)
      for (size_t from = 0; from < picture.row_bytes(); from += pixel)
        std::memcpy(picture.target_row(y) + picture.row_bytes() - pixel - from,
                    picture.row(y) + from, pixel);
    return picture.finish(std::move(sample));
  };
}

Transform random_crop(int padding) {
  if (padding < 0)
    throw std::invalid_argument(
        fmt::format("random_crop: expected padding of at least 0, got {}", padding));
  return [padding](Sample sample, Random& random) {
    const auto range = static_cast<uint64_t>(2 * padding + 1);
    const int down = static_cast<int>(random.below(range)) - padding;
    const int right = static_cast<int>(random.below(range)) - padding;
    const Picture picture("random_crop", sample);
    // Target pixel (y, x) is source pixel (y + down, x + right).
    const int from = std::max(right, 0), to = std::min(picture.width() + right, picture.width());
    const size_t pixel = picture.pixel_bytes();
    for (int y = 0; y < picture.height(); ++y) {
      char* out = picture.target_row(y);
      std::memset(out, 0, picture.row_bytes());
      if (y + down < 0 || y + down >= picture.height() || from >= to) continue;
      std::memcpy(out + static_cast<size_t>(from - right) * pixel,
                  picture.row(y + down) + static_cast<size_t>(from) * pixel,
                  static_cast<size_t>(to - from) * pixel);
    }
    return picture.finish(std::move(sample));
  };
}

Transform normalize(std::vector<float> mean, std::vector<float> deviation) {
  if (mean.empty() || mean.size() != deviation.size())
    throw std::invalid_argument(
        fmt::format("normalize: expected as many means as deviations, at least 1, got {} and {}",
                    mean.size(), deviation.size()));
  return [mean = std::move(mean), deviation = std::move(deviation)](Sample sample, Random&) {
    const array& picture = Picture::checked("normalize", sample);
    const auto channels = static_cast<size_t>(picture.shape(2));
    if (picture.dtype() != uint8 || (mean.size() != 1 && mean.size() != channels))
      throw std::invalid_argument(
          fmt::format("normalize: expected a picture of uint8 with {} channels, got {} of {}",
                      mean.size(), to_string(picture.shape()), dtype_name(picture.dtype())));
    const array source = contiguous(picture);
    source.eval();
    const io::Bytes target = io::allocate_bytes(source.size() * sizeof(float));
    auto* out = reinterpret_cast<float*>(target.data.data());
    const uint8_t* in = source.data<uint8_t>();
    for (size_t i = 0; i < source.size(); ++i) {
      const size_t channel = mean.size() == 1 ? 0 : i % channels;
      out[i] = (static_cast<float>(in[i]) / 255 - mean[channel]) / deviation[channel];
    }
    sample[0] = io::array_of(target, source.shape(), float32);
    return sample;
  };
}

}  // namespace mica::data
