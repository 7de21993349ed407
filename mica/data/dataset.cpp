#include "mica/data/dataset.h"

#include <fmt/format.h>

#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "mica/io/input.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::data {

namespace {

// Evaluated, with its elements in order.
array in_memory(const array& a) {
  a.eval();
  if (a.flags().row_contiguous) return a;
  array copy = contiguous(a);
  copy.eval();
  return copy;
}

const std::byte* bytes_of(const array& a) {
  return reinterpret_cast<const std::byte*>(a.data<char>());
}

}  // namespace

Dataset::Dataset(size_t size, Get get)
    : size_(size), get_(std::make_shared<const Get>(std::move(get))) {}

Sample Dataset::get(size_t index, Random& random) const {
  if (index >= size_)
    throw std::out_of_range(
        fmt::format("Dataset: expected an index below {}, got {}", size_, index));
  return (*get_)(index, random);
}

Sample Dataset::operator[](size_t index) const {
  Random random(index);
  return get(index, random);
}

Dataset Dataset::map(Transform transform) const {
  return {size_, [source = *this, transform = std::move(transform)](size_t index, Random& random) {
            Sample sample = source.get(index, random);
            return transform(std::move(sample), random);
          }};
}

Dataset Dataset::slice(size_t first, size_t end) const {
  if (first > end || end > size_)
    throw std::out_of_range(
        fmt::format("Dataset: expected a slice within [0, {}), got [{}, {})", size_, first, end));
  return {end - first, [source = *this, first](size_t index, Random& random) {
            return source.get(first + index, random);
          }};
}

Dataset Dataset::subset(std::vector<size_t> indices) const {
  for (const size_t index : indices)
    if (index >= size_)
      throw std::out_of_range(
          fmt::format("Dataset: expected indices below {}, got {}", size_, index));
  const size_t count = indices.size();
  return {count, [source = *this, indices = std::move(indices)](size_t index, Random& random) {
            return source.get(indices[index], random);
          }};
}

std::pair<Dataset, Dataset> Dataset::split(size_t held_out) const {
  if (held_out < 1 || held_out >= size_)
    throw std::invalid_argument(fmt::format("Dataset: expected held_out from 1 to {}, got {}",
                                            size_ > 0 ? size_ - 1 : 0, held_out));
  return {slice(0, size_ - held_out), slice(size_ - held_out, size_)};
}

std::pair<Dataset, Dataset> Dataset::split(size_t held_out, uint64_t seed) const {
  return subset(permutation(size_, Random(seed))).split(held_out);
}

Dataset from_arrays(const std::vector<array>& arrays) {
  if (arrays.empty()) throw std::invalid_argument("from_arrays: expected arrays, got none");
  std::vector<array> rows;
  for (const array& a : arrays) {
    if (a.ndim() == 0 || a.shape(0) != arrays[0].shape(0))
      throw std::invalid_argument(fmt::format(
          "from_arrays: expected arrays with as many rows as the first, {}, got one of shape {}",
          arrays[0].ndim() == 0 ? "()" : std::to_string(arrays[0].shape(0)), to_string(a.shape())));
    rows.push_back(in_memory(a));
  }
  const auto size = static_cast<size_t>(rows[0].shape(0));
  return {size, [rows = std::move(rows)](size_t index, Random&) {
            Sample sample;
            for (const array& a : rows) {
              const Shape shape(a.shape().begin() + 1, a.shape().end());
              const size_t row_bytes = a.nbytes() / static_cast<size_t>(a.shape(0));
              const io::Bytes copy = io::allocate_bytes(row_bytes);
              std::memcpy(copy.data.data(), bytes_of(a) + index * row_bytes, row_bytes);
              sample.push_back(io::array_of(copy, shape, a.dtype()));
            }
            return sample;
          }};
}

std::vector<size_t> permutation(size_t n, Random random) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

Sample stack(const std::vector<Sample>& samples) {
  if (samples.empty()) throw std::invalid_argument("stack: expected samples, got none");
  Sample batch;
  for (size_t field = 0; field < samples[0].size(); ++field) {
    const array& first = samples[0][field];
    const size_t item_bytes = first.nbytes();
    const io::Bytes bytes = io::allocate_bytes(item_bytes * samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto fail = [&](const std::string& expected, const std::string& got) {
        throw std::invalid_argument(fmt::format(
            "stack: expected {} as in the first sample, got {} in sample {}", expected, got, i));
      };
      if (samples[i].size() != samples[0].size())
        fail(fmt::format("{} arrays", samples[0].size()), std::to_string(samples[i].size()));
      const array& given = samples[i][field];
      if (given.shape() != first.shape() || given.dtype() != first.dtype()) {
        const auto text = [](const array& a) {
          return to_string(a.shape()) + " of " + dtype_name(a.dtype());
        };
        fail(fmt::format("array {} to be {}", field, text(first)), text(given));
      }
      const array item = in_memory(given);
      std::memcpy(bytes.data.data() + i * item_bytes, bytes_of(item), item_bytes);
    }
    Shape shape = first.shape();
    shape.insert(shape.begin(), static_cast<ShapeElem>(samples.size()));
    batch.push_back(io::array_of(bytes, shape, first.dtype()));
  }
  return batch;
}

}  // namespace mica::data
