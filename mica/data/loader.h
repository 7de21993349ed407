// Batches of a dataset, made ahead of their use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>

#include "mica/data/dataset.h"

namespace mica::data {

struct LoaderOptions {
  int batch_size = 32;
  bool shuffle = false;    // each epoch in an order of its own
  bool drop_last = false;  // leave out the samples that don't fill the last batch of an epoch
  uint64_t seed = 0;       // of the orders and of the samples' transforms
  int prefetch = 2;        // batches made ahead; 0: each when it is asked for, by the asking thread
  int threads = 1;         // that make batches ahead; they don't change what is made
};

// Batches are numbered over all epochs: position() is the number of the next one, a whole account
// of the loader's state, which fits TrainState::position. Used by one thread at a time.
class Loader {
 public:
  // Throws std::invalid_argument where an option is out of its range or there is no whole batch.
  Loader(Dataset dataset, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next batch, of this epoch or the one that follows. Errors of the dataset and transforms are
  // thrown here.
  Sample next();

  size_t batches() const;  // in an epoch
  uint64_t position() const;
  uint64_t epoch() const { return position() / batches(); }
  void seek(uint64_t position);

  // for (const Sample& batch : loader): to the end of the epoch, a whole one where the last one
  // was finished.
  class Iterator;
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Loader::Iterator {
 public:
  explicit Iterator(Loader& loader)
      : loader_(&loader),
        left_(loader.batches() - loader.position() % loader.batches()),
        batch_(loader.next()) {}
  const Sample& operator*() const { return batch_; }
  Iterator& operator++() {
    if (--left_ > 0) batch_ = loader_->next();
    return *this;
  }
  bool operator==(std::default_sentinel_t) const { return left_ == 0; }

 private:
  Loader* loader_;
  uint64_t left_;
  Sample batch_;
};

inline Loader::Iterator Loader::begin() { return Iterator(*this); }

}  // namespace mica::data
