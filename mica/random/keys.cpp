// Keys, their sequence, and bits.
#include <chrono>
#include <stdexcept>
#include <string>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/random/random_bits.h"

namespace mica {
namespace ops {
namespace {

Dtype bits_dtype(int width) { return width == 1 ? uint8 : width == 2 ? uint16 : uint32; }

array random_bits(const RandomBits& op, const array& keys, const StreamOrDevice& s) {
  Shape shape(keys.shape().begin(), keys.shape().end() - 1);
  shape.insert(shape.end(), op.shape.begin(), op.shape.end());
  return engine::apply(op, {keys}, shape, bits_dtype(op.width), s);
}

}  // namespace

// Integers carry no gradient.
std::vector<array> RandomBits::vjp(const engine::VjpArgs& args) const {
  return {zeros_like(args.primals[0])};
}

std::vector<array> RandomBits::jvp(const engine::JvpArgs& args) const {
  return {zeros_like(args.outputs[0])};
}

engine::Batched RandomBits::vmap(const engine::VmapArgs& args) const {
  return {{random_bits(*this, moveaxis(args.inputs[0], args.axes[0], 0), {})}, {0}};
}

}  // namespace ops

namespace random {
namespace {

void check_key(const array& key, const char* op) {
  if (key.dtype() == uint32 && key.shape() == Shape{2}) return;
  throw std::invalid_argument(std::string(op) + ": expected a uint32 key (2,), got " +
                              dtype_name(key.dtype()) + " " + to_string(key.shape()));
}

array make_key(std::array<uint32_t, 2> words) { return array(words.begin(), {2}, uint32); }

}  // namespace

array key(uint64_t seed) {
  return make_key({static_cast<uint32_t>(seed >> 32), static_cast<uint32_t>(seed)});
}

KeySequence::KeySequence(uint64_t seed) : key_(key(seed)) {}

void KeySequence::seed(uint64_t seed) { key_ = key(seed); }

array KeySequence::next() {
  if (key_.is_tracer() || !key_.is_available()) {
    auto [state, next] = random::split(key_);
    key_ = state;
    return next;
  }
  // The bits of shape (2, 2): words 0 and 2 are one hash, 1 and 3 the other.
  const auto* words = key_.data<uint32_t>();
  const std::array<uint32_t, 2> key{words[0], words[1]};
  const auto even = threefry(key, {0, 2}), odd = threefry(key, {1, 3});
  key_ = make_key({even[0], odd[0]});
  return make_key({even[1], odd[1]});
}

void KeySequence::set_state(array state) {
  check_key(state, "set_state");
  key_ = std::move(state);
}

KeySequence& KeySequence::default_() {
  thread_local KeySequence sequence(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count()));
  return sequence;
}

void seed(uint64_t seed) { KeySequence::default_().seed(seed); }

namespace {

// Errors name `op`, the public function.
array bits_named(const char* op, const Shape& shape, int width, const std::optional<array>& key,
                 const StreamOrDevice& s) {
  if (width != 1 && width != 2 && width != 4) {
    throw std::invalid_argument(std::string(op) + ": expected a width of 1, 2 or 4 bytes, got " +
                                std::to_string(width));
  }
  for (ShapeElem dim : shape) {
    if (dim >= 0) continue;
    throw std::invalid_argument(std::string(op) + ": expected no negative dimensions, got " +
                                to_string(shape));
  }
  const array own = key ? *key : KeySequence::default_().next();
  check_key(own, op);
  return ops::random_bits(ops::RandomBits{shape, width}, own, s);
}

}  // namespace

array bits(const Shape& shape, int width, const std::optional<array>& key, StreamOrDevice s) {
  return bits_named("bits", shape, width, key, s);
}

array split(const array& key, int num, StreamOrDevice s) {
  if (num < 0) {
    throw std::invalid_argument("split: expected num of at least 0, got " + std::to_string(num));
  }
  return bits_named("split", {num, 2}, 4, key, s);
}

std::pair<array, array> split(const array& key, StreamOrDevice s) {
  const array keys = random::split(key, 2, s);
  return {take(keys, 0, 0, s), take(keys, 1, 0, s)};
}

}  // namespace random
}  // namespace mica
