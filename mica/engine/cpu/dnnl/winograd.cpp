#include <algorithm>
#include <array>
#include <vector>

#include "mica/engine/cpu/copy.h"
#include "mica/engine/cpu/dnnl/convolution.h"
#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/dnnl/winograd_transforms.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

constexpr int64_t points = 36;  // of a transformed square

// An operand of a convolution: images of places, each with all its channels.
struct Images {
  const float* data;
  int64_t height, width, channels;

  const float* place(int64_t image, int64_t row, int64_t column) const {
    return data + ((image * height + row) * width + column) * channels;
  }
};

struct Place {
  int64_t image, row, column;
};

// The 4x4 squares that make up images of a size; some reach over the lower and right edges.
struct Tiles {
  Tiles(int64_t batch, const Images& of)
      : down((of.height + 3) / 4), across((of.width + 3) / 4), count(batch * down * across) {}

  Place at(int64_t tile) const {
    return {tile / (down * across), tile / across % down * 4, tile % across * 4};
  }

  int64_t down, across, count;
};

// The places of a square at (row, column), which may lie outside of the image: `outside` there.
template <int size>
std::array<const float*, size * size> square(const Images& x, int64_t image, int64_t row,
                                             int64_t column, const float* outside) {
  std::array<const float*, size * size> places;
  places.fill(outside);
  const int64_t first = std::max<int64_t>(-column, 0);
  const int64_t last = std::min<int64_t>(x.width - column, size);
  for (int64_t i = std::max<int64_t>(-row, 0); i < std::min<int64_t>(x.height - row, size); ++i) {
    for (int64_t j = first; j < last; ++j) {
      places[static_cast<size_t>(i * size + j)] = x.place(image, row + i, column + j);
    }
  }
  return places;
}

// Place t of each of the points' matrices with rows of `channels`, `step` elements apart.
std::array<float*, points> spectrum(float* matrices, int64_t step, int64_t t, int64_t channels) {
  std::array<float*, points> places;
  for (int64_t p = 0; p < points; ++p) {
    places[static_cast<size_t>(p)] = matrices + p * step + t * channels;
  }
  return places;
}

const float* const* read_only(const std::array<float*, points>& places) { return places.data(); }

// Rows of the points' matrices, which then don't fall on the same lines of the first cache.
int64_t odd(int64_t count) { return count | 1; }

// How threads take tiles: a chunk each, block by block.
struct Blocks {
  // With few tiles to a block products are slower; the transforms of a block, over `channels` of
  // both operands, take up to 10 MiB.
  Blocks(const Tiles& all, int64_t channels)
      : tiles(all.count), chunks(engine::chunk_count(all.count, 16)) {
    constexpr int64_t bytes = 10 << 20, least = 28, most = 112;
    const int64_t fitting = bytes / (points * static_cast<int64_t>(sizeof(float)) * channels);
    size = std::min(std::clamp(fitting, least, most), (tiles + chunks - 1) / chunks);
  }

  // Calls f(first, count) on the blocks of a chunk, which are about as large as each other.
  template <class F>
  void for_each(int chunk, F&& f) const {
    const int64_t begin = engine::chunk_begin(tiles, chunks, chunk);
    const int64_t all = engine::chunk_begin(tiles, chunks, chunk + 1) - begin;
    const int64_t count = (all + size - 1) / size;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t first = engine::chunk_begin(all, count, i);
      f(begin + first, engine::chunk_begin(all, count, i + 1) - first);
    }
  }

  // Of the transforms of a block of images with so many channels.
  size_t bytes(int64_t channels) const {
    return static_cast<size_t>(points * odd(size) * channels) * sizeof(float);
  }

  int64_t tiles;
  int chunks;
  int64_t size;  // the largest block's
};

// Kernels as the transforms take them: (rows, channels) for each of nine taps, with these strides.
struct Kernels {
  const float* data;
  int64_t rows, channels, tap, row;

  // Elements from one of their spectra to the next; for the reason of odd().
  int64_t step() const { return rows * channels + 16; }
};

// (36, rows, channels)
void transform_kernels(const Kernels& kernels, float* spectra) {
  engine::parallel_for(kernels.rows, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      std::array<const float*, 9> taps;
      for (int64_t i = 0; i < 9; ++i) {
        taps[static_cast<size_t>(i)] = kernels.data + row * kernels.row + i * kernels.tap;
      }
      winograd_transforms().filter(taps.data(),
                                   spectrum(spectra, kernels.step(), row, kernels.channels).data(),
                                   kernels.channels);
    }
  });
}

// y = x convolved with kernels (channels of x, channels of y), whose first element first meets x at
// (-top, -left).
void convolve(const Images& x, const Images& y, const Tiles& tiles, int64_t top, int64_t left,
              const Kernels& kernels, const float* bias, bool relu) {
  const WinogradTransforms& transforms = winograd_transforms();
  const Scratch spectra(static_cast<size_t>(points * kernels.step()) * sizeof(float));
  transform_kernels(kernels, spectra.as<float>());
  const Blocks blocks(tiles, x.channels + y.channels);
  engine::parallel_chunks(blocks.chunks, [&](int chunk) {
    const Scratch of_x(blocks.bytes(x.channels)), of_y(blocks.bytes(y.channels));
    const std::vector<float> zeros(static_cast<size_t>(x.channels));
    std::vector<float> unused(static_cast<size_t>(y.channels));
    blocks.for_each(chunk, [&](int64_t first, int64_t count) {
      const int64_t rows = odd(count);
      for (int64_t t = 0; t < rows; ++t) {
        std::array<const float*, points> places;
        places.fill(zeros.data());
        if (t < count) {
          const Place at = tiles.at(first + t);
          places = square<6>(x, at.image, at.row - top, at.column - left, zeros.data());
        }
        transforms.input(places.data(),
                         spectrum(of_x.as<float>(), rows * x.channels, t, x.channels).data(),
                         x.channels);
      }
      MatmulProblem product;
      product.m = rows, product.n = y.channels, product.k = x.channels;
      product.a_row = x.channels, product.a_col = 1;
      product.b_row = y.channels, product.b_col = 1;
      product.batch[2] = points;
      product.a_batch[2] = rows * x.channels, product.b_batch[2] = kernels.step();
      matmul(product, of_x.data(), spectra.data(), nullptr, of_y.data());
      for (int64_t t = 0; t < count; ++t) {
        const Place at = tiles.at(first + t);
        const auto places = square<4>(y, at.image, at.row, at.column, unused.data());
        std::array<float*, 16> written;
        for (size_t i = 0; i < 16; ++i) written[i] = const_cast<float*>(places[i]);
        transforms.output(read_only(spectrum(of_y.as<float>(), rows * y.channels, t, y.channels)),
                          written.data(), bias, relu, y.channels);
      }
    });
  });
}

// The sums over a chunk of the tiles of the points' products: (points, out_channels, in_channels).
void correlate(const Images& x, const Images& dy, const Tiles& tiles, int64_t top, int64_t left,
               const Blocks& blocks, int chunk, float* sums) {
  const WinogradTransforms& transforms = winograd_transforms();
  const Scratch of_x(blocks.bytes(x.channels)), of_dy(blocks.bytes(dy.channels));
  const std::vector<float> zeros(static_cast<size_t>(std::max(x.channels, dy.channels)));
  MatmulProblem product;
  product.m = dy.channels, product.n = x.channels;
  product.a_row = 1, product.a_col = dy.channels;
  product.b_row = x.channels, product.b_col = 1;
  product.batch[2] = points;
  blocks.for_each(chunk, [&](int64_t first, int64_t count) {
    const int64_t rows = odd(count);
    for (int64_t t = 0; t < count; ++t) {
      const Place at = tiles.at(first + t);
      transforms.input(square<6>(x, at.image, at.row - top, at.column - left, zeros.data()).data(),
                       spectrum(of_x.as<float>(), rows * x.channels, t, x.channels).data(),
                       x.channels);
      transforms.tile(square<4>(dy, at.image, at.row, at.column, zeros.data()).data(),
                      spectrum(of_dy.as<float>(), rows * dy.channels, t, dy.channels).data(),
                      dy.channels);
    }
    product.k = count;
    product.a_batch[2] = rows * dy.channels, product.b_batch[2] = rows * x.channels;
    matmul(product, of_dy.data(), of_x.data(), nullptr, sums);
    product.epilogue = Epilogue::accumulate;
  });
}

void backward_weights(const ConvProblem& p, const Images& x, const Images& dy, float* dw) {
  const Tiles tiles(p.batch, dy);
  const Blocks blocks(tiles, x.channels + dy.channels);
  const int chunks = blocks.chunks;
  const int64_t channels = x.channels, step = dy.channels * channels, size = points * step;
  const Scratch sums(static_cast<size_t>(chunks * size) * sizeof(float));
  engine::parallel_chunks(chunks, [&](int chunk) {
    correlate(x, dy, tiles, p.padding_lo[0], p.padding_lo[1], blocks, chunk,
              sums.as<float>() + chunk * size);
  });
  engine::parallel_for(dy.channels, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const auto total = spectrum(sums.as<float>(), step, o, channels);
      for (int chunk = 1; chunk < chunks; ++chunk) {
        for (float* const row : total) {
          const float* const more = row + chunk * size;
          for (int64_t c = 0; c < channels; ++c) row[c] += more[c];
        }
      }
      std::array<float*, 9> taps;
      for (int64_t i = 0; i < 9; ++i) taps[static_cast<size_t>(i)] = dw + (o * 9 + i) * channels;
      winograd_transforms().filter_gradient(read_only(total), taps.data(), channels);
    }
  });
}

}  // namespace

bool suits_winograd(const ConvProblem& p, ConvPass pass) {
  if (p.dtype != Dtype::Val::float32 || p.rank != 2 || p.groups != 1 || p.flip) return false;
  if (p.epilogue != Epilogue::none && p.epilogue != Epilogue::relu) return false;
  if (std::min(p.in_channels, p.out_channels) < 32) return false;
  int64_t tiles = p.batch;
  for (int i = 0; i < 2; ++i) {
    if (p.kernel[i] != 3 || p.stride[i] != 1 || p.dilation[i] != 1) return false;
    if (p.input_dilation[i] != 1) return false;
    tiles *= (p.output()[i] + 3) / 4;
  }
  if (tiles < 128) return false;
  constexpr int64_t most_sums = (128 << 20) / sizeof(float);  // of all threads
  return pass != ConvPass::backward_weights ||
         engine::chunk_count(tiles, 16) * points * p.in_channels * p.out_channels <= most_sums;
}

void conv_winograd(const ConvProblem& p, ConvPass pass, const ConvOperands& operands) {
  const std::array<int64_t, 3> output = p.output();
  const Images x{static_cast<const float*>(operands.input), p.input[0], p.input[1], p.in_channels};
  const Images y{static_cast<const float*>(operands.output), output[0], output[1], p.out_channels};
  const float* const weight = static_cast<const float*>(operands.weight);
  if (pass == ConvPass::backward_weights) {
    backward_weights(p, x, y, const_cast<float*>(weight));
    if (operands.bias) {
      sum_rows(y.data, output_size(p) / p.out_channels, p.out_channels,
               static_cast<float*>(const_cast<void*>(operands.bias)));
    }
    return;
  }
  const int64_t in = p.in_channels, out = p.out_channels, top = p.padding_lo[0],
                left = p.padding_lo[1];
  if (pass == ConvPass::backward_data) {
    // Each kernel turned around meets the output's gradient.
    const Kernels turned{weight + 8 * in, out, in, -in, 9 * in};
    convolve(y, x, Tiles(p.batch, x), 2 - top, 2 - left, turned, nullptr, false);
    return;
  }
  const Scratch transposed(static_cast<size_t>(9 * in * out) * sizeof(float));
  copy_strided(weight, {in, 1, 9 * in}, transposed.data(), {in * out, out, 1},
               {9, static_cast<int>(in), static_cast<int>(out)}, sizeof(float));
  convolve(x, y, Tiles(p.batch, y), top, left, {transposed.as<float>(), in, out, in * out, out},
           static_cast<const float*>(operands.bias), p.epilogue == Epilogue::relu);
}

}  // namespace mica::cpu
