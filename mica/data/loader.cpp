#include "mica/data/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace mica::data {

namespace {

using Order = std::shared_ptr<const std::vector<size_t>>;

struct Made {
  Sample batch;
  std::exception_ptr error;
};

void check(const char* option, int value, int least) {
  if (value < least)
    throw std::invalid_argument(
        fmt::format("Loader: expected {} of at least {}, got {}", option, least, value));
}

}  // namespace

struct Loader::State {
  State(Dataset given, const LoaderOptions& chosen) : dataset(std::move(given)), options(chosen) {
    check("batch_size", options.batch_size, 1);
    check("prefetch", options.prefetch, 0);
    check("threads", options.threads, 1);
    batch_size = static_cast<size_t>(options.batch_size);
    batches = dataset.size() / batch_size;
    if (!options.drop_last && batches * batch_size < dataset.size()) ++batches;
    if (batches == 0)
      throw std::invalid_argument(
          fmt::format("Loader: expected a dataset that fills a batch of {}, got {} samples",
                      batch_size, dataset.size()));
    const int count = options.prefetch > 0 ? options.threads : 0;
    for (int i = 0; i < count; ++i)
      workers.emplace_back([this](std::stop_token stop) { work(stop); });
  }

  // The order of an epoch; kept for those that follow in it. Called with the lock held.
  Order order_of(uint64_t epoch) {
    if (!options.shuffle) return nullptr;
    const auto found = orders.find(epoch);
    if (found != orders.end()) return found->second;
    auto order = std::make_shared<const std::vector<size_t>>(
        permutation(dataset.size(), Random(options.seed).at(epoch)));
    orders.emplace(epoch, order);
    if (orders.size() > 2) orders.erase(orders.begin());
    return order;
  }

  Made make(uint64_t number, const Order& order) const {
    Made made;
    try {
      const uint64_t epoch = number / batches;
      const size_t first = static_cast<size_t>(number % batches) * batch_size;
      const size_t end = std::min(first + batch_size, dataset.size());
      // Another number than that of the order, so that the two have nothing in common.
      const Random of_epoch = Random(~options.seed).at(epoch);
      std::vector<Sample> samples;
      for (size_t i = first; i < end; ++i) {
        const size_t index = order ? (*order)[i] : i;
        Random random = of_epoch.at(index);
        samples.push_back(dataset.get(index, random));
      }
      made.batch = stack(samples);
    } catch (...) {
      made.error = std::current_exception();
    }
    return made;
  }

  void work(std::stop_token stop) {
    std::unique_lock lock(mutex);
    const auto wanted = [&] {
      return to_make < position + static_cast<uint64_t>(options.prefetch);
    };
    while (changed.wait(lock, stop, wanted)) {
      const uint64_t number = to_make++, of_seeks = seeks;
      const Order order = order_of(number / batches);
      lock.unlock();
      Made made = make(number, order);
      lock.lock();
      if (of_seeks != seeks) continue;
      ready.emplace(number, std::move(made));
      changed.notify_all();
    }
  }

  Made take() {
    std::unique_lock lock(mutex);
    if (options.prefetch == 0) return make(position, order_of(position / batches));
    changed.wait(lock, [&] { return ready.contains(position); });
    return std::move(ready.extract(position).mapped());
  }

  void advance() {
    const std::lock_guard lock(mutex);
    ++position;
    changed.notify_all();
  }

  void seek(uint64_t number) {
    const std::lock_guard lock(mutex);
    ready.clear();
    orders.clear();
    position = to_make = number;
    ++seeks;  // what is being made is thrown away
    changed.notify_all();
  }

  Dataset dataset;
  LoaderOptions options;
  size_t batch_size = 0, batches = 0;

  std::mutex mutex;  // of all below
  std::condition_variable_any changed;
  uint64_t position = 0, to_make = 0, seeks = 0;
  std::map<uint64_t, Made> ready;
  std::map<uint64_t, Order> orders;
  std::vector<std::jthread> workers;  // last: they stop before the rest goes
};

Loader::Loader(Dataset dataset, const LoaderOptions& options)
    : state_(std::make_unique<State>(std::move(dataset), options)) {}

Loader::~Loader() = default;

Sample Loader::next() {
  Made made = state_->take();
  state_->advance();
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

size_t Loader::batches() const { return state_->batches; }

uint64_t Loader::position() const { return state_->position; }

void Loader::seek(uint64_t position) {
  if (position != state_->position) state_->seek(position);
}

}  // namespace mica::data
