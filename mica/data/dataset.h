// Samples by number.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/data/random.h"

namespace mica::data {

using Sample = std::vector<array>;

// What is random about a transform comes from `random`, which is the sample's own.
using Transform = std::function<Sample(Sample sample, Random& random)>;

// A handle: copies share what is behind. Samples may be asked for from several threads at once.
class Dataset {
 public:
  using Get = std::function<Sample(size_t index, Random& random)>;

  // get is called with indices below size, from several threads.
  Dataset(size_t size, Get get);

  size_t size() const { return size_; }
  // Throws std::out_of_range where index is not below size().
  Sample get(size_t index, Random& random) const;
  Sample operator[](size_t index) const;

  // With each sample transformed as it is asked for.
  Dataset map(Transform transform) const;
  // The samples [first, end), or those with these indices, in this order. Throw std::out_of_range.
  Dataset slice(size_t first, size_t end) const;
  Dataset subset(std::vector<size_t> indices) const;
  // All but `held_out` samples, and those: the last ones, or random ones where there is a seed.
  // Throws std::invalid_argument where one of the two would be empty.
  std::pair<Dataset, Dataset> split(size_t held_out) const;
  std::pair<Dataset, Dataset> split(size_t held_out, uint64_t seed) const;

 private:
  size_t size_;
  std::shared_ptr<const Get> get_;
};

// The rows along axis 0 of arrays that have equally many, evaluated here. Throws
// std::invalid_argument where they don't.
Dataset from_arrays(const std::vector<array>& arrays);

// The numbers below n in random order, by Fisher and Yates.
std::vector<size_t> permutation(size_t n, Random random);

// Samples as one, stacked along a new first axis. Throws std::invalid_argument where there are
// none, or they differ in number, shape or dtype of their arrays.
Sample stack(const std::vector<Sample>& samples);

}  // namespace mica::data
