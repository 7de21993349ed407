#include "cache.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/ops/ops.h"

namespace llm {

using namespace mica;

namespace {

// Of room for `capacity` tokens.
array grown(const array& held, int capacity) {
  Shape more = held.shape();
  more[2] = capacity - held.shape(2);
  return concatenate({held, zeros(more, held.dtype())}, 2);
}

array attend_composed(const array& queries, const Visible& visible, float scale, float softcap) {
  const int heads = visible.keys.shape(1), tokens = queries.shape(2), keys = visible.keys.shape(2);
  const array grouped = unflatten(queries, 1, {heads, queries.shape(1) / heads});
  array scores = matmul(grouped, swapaxes(expand_dims(visible.keys, 2), -1, -2));
  scores = tanh(astype(scores, float32) * (scale / softcap)) * softcap;
  const array last = visible.length - tokens + reshape(arange(tokens), {tokens, 1});
  const array seen = visible.mask ? *visible.mask : less_equal(arange(keys), last);
  scores = where(seen, scores, array(-std::numeric_limits<float>::infinity()));
  const array weights = astype(softmax(scores, -1), queries.dtype());
  return flatten(matmul(weights, expand_dims(visible.values, 2)), 1, 2);
}

}  // namespace

array attend(const array& queries, const Visible& visible, float scale,
             std::optional<float> softcap) {
  if (softcap) return attend_composed(queries, visible, scale, *softcap);
  if (visible.mask) {
    return fast::scaled_dot_product_attention(queries, visible.keys, visible.values, scale, "array",
                                              visible.mask);
  }
  return fast::cached_attention(queries, visible.keys, visible.values, visible.length, scale);
}

Cache::Cache(const std::vector<std::optional<int>>& windows, const CacheOptions& options)
    : capacity_at_first_(std::max(options.capacity, 1)), position_array_(0) {
  if (options.most && (*options.most < 1 || options.keep < 0 || options.keep >= *options.most)) {
    throw std::invalid_argument("cache: expected room for more than the " +
                                std::to_string(options.keep) + " tokens that are kept, got " +
                                std::to_string(*options.most));
  }
  for (const std::optional<int>& window : windows) {
    Ring ring{window.value_or(0), 0};
    if (options.most && (!window || *options.most < *window)) ring = {*options.most, options.keep};
    const auto same = [&](const Ring& r) { return r.limit == ring.limit && r.keep == ring.keep; };
    const auto found = std::find_if(rings_.begin(), rings_.end(), same);
    layers_.push_back({static_cast<size_t>(found - rings_.begin())});
    if (found == rings_.end()) rings_.push_back(ring);
  }
}

int Cache::Ring::slot(int position) const {
  return position < capacity ? position : keep + (position - keep) % (capacity - keep);
}

int Cache::Ring::held(int slot, int count) const {
  if (slot >= count) return -1;
  if (slot < keep || count <= capacity) return slot;
  const int size = capacity - keep, last = count - 1 - keep;
  return keep + last - ((last - (slot - keep)) % size + size) % size;
}

void Cache::Ring::place(int position, int tokens, int at_first) {
  const int wanted = position + tokens;
  if (wanted > capacity) {
    capacity = std::max({wanted, 2 * capacity, at_first});
    if (limit > 0) capacity = std::min(capacity, limit);
  }
  const int after = std::min(wanted, capacity);
  start = slot(position);
  length = array(after);
  mask = source = std::nullopt;
  if (wanted <= capacity || tokens == 1) return;

  // Queries see what the ring held before and the tokens before them, as far as their window goes.
  const int size = capacity - keep, columns = capacity + tokens;
  std::vector<int> positions(static_cast<size_t>(columns));
  for (int i = 0; i < columns; ++i) {
    positions[static_cast<size_t>(i)] = i < capacity ? held(i, position) : position + i - capacity;
  }
  const auto seen =
      std::make_unique<bool[]>(static_cast<size_t>(tokens) * static_cast<size_t>(columns));
  bool* row = seen.get();
  for (int query = position; query < wanted; ++query, row += columns) {
    for (int i = 0; i < columns; ++i) {
      const int key = positions[static_cast<size_t>(i)];
      row[i] = key >= 0 && key <= query && (key < keep || key > query - size);
    }
  }
  mask = array(seen.get(), Shape{tokens, columns});
  length = array(columns);

  std::vector<int> places(static_cast<size_t>(capacity));
  for (int i = 0; i < capacity; ++i) {
    const int token = held(i, wanted);
    places[static_cast<size_t>(i)] = token >= position ? capacity + token - position : i;
  }
  source = array(places.begin(), Shape{capacity});
}

void Cache::begin(int tokens) {
  tokens_ = tokens;
  for (Ring& ring : rings_) ring.place(position_, tokens, capacity_at_first_);
}

Visible Cache::append(size_t layer, const array& keys, const array& values) {
  Layer& held = layers_.at(layer);
  const Ring& ring = rings_[held.ring];
  const auto add = [&](std::optional<array>& all, const array& more) {
    if (!all) {
      Shape shape = more.shape();
      shape[2] = ring.capacity;
      all = zeros(shape, more.dtype());
    } else if (all->shape(2) < ring.capacity) {
      all = grown(*all, ring.capacity);
    }
    if (ring.mask) {
      const array both = concatenate({*all, more}, 2);
      all = take(both, *ring.source, 2);
      return both;
    }
    Shape stop = all->shape();
    stop[2] = ring.start + tokens_;
    all = slice_update(*all, more, Shape{0, 0, ring.start, 0}, stop);
    return *all;
  };
  const array all_keys = add(held.keys, keys), all_values = add(held.values, values);
  return {all_keys, all_values, *ring.length, ring.mask};
}

void Cache::end() {
  position_ += tokens_;
  position_array_ = array(position_);
}

std::vector<array> Cache::arrays() const {
  std::vector<array> all;
  for (const Layer& layer : layers_) {
    if (layer.keys) all.insert(all.end(), {*layer.keys, *layer.values});
  }
  return all;
}

}  // namespace llm
