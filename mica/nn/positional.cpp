#include "mica/nn/positional.h"

#include <cmath>
#include <vector>

#include "mica/fast/fast.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

RoPE::RoPE(int dims, const Options& options) : dims(dims), options(options) {
  if (dims < 2 || dims % 2 != 0) fail("dims even and at least 2", std::to_string(dims));
}

array RoPE::operator()(const array& x, const array& offset) const try {
  if (x.ndim() < 3 || x.shape(-1) < dims) {
    fail("input (batch, ..., length, size) with a size of at least " + std::to_string(dims),
         to_string(x.shape()));
  }
  return hooked(fast::rope(x, dims, options.traditional, static_cast<float>(options.base),
                           static_cast<float>(options.scale), offset),
                x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string RoPE::extra_repr() const {
  return std::to_string(dims) + ", traditional=" + repr(options.traditional);
}

SinusoidalPositionalEncoding::SinusoidalPositionalEncoding(int dims, const Options& o)
    : sigmas(1.0f), scale(o.scale.value_or(std::sqrt(2.0 / dims))), cos_first(o.cos_first) {
  if (dims < 2 || dims % 2 != 0) fail("dims even and at least 2", std::to_string(dims));
  if (!(o.min_freq > 0) || !(o.max_freq > 0))
    fail("frequencies above 0", repr(o.min_freq) + " and " + repr(o.max_freq));
  const int half = dims / 2;
  const array falling = half == 1 ? ones({1}) : 1 - arange(half) / weak(half - 1, arange(half));
  const double low = std::log(o.min_freq), high = std::log(o.max_freq);
  sigmas = exp(falling * weak(high - low, falling) + weak(low, falling));
  if (o.full_turns) sigmas = sigmas * weak(2 * M_PI, sigmas);
}

array SinusoidalPositionalEncoding::operator()(const array& x) const try {
  const array angles = expand_dims(x, -1) * sigmas;
  std::vector<array> parts{sin(angles), cos(angles)};
  if (cos_first) std::swap(parts[0], parts[1]);
  const array joined = concatenate(parts, -1);
  const array scaled = scale == 1 ? joined : joined * weak(scale, joined);
  return hooked(issubdtype(x.dtype(), floating) ? astype(scaled, x.dtype()) : scaled, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

array ALiBi::create_alibi_matrix(int q_sequence_length, int k_sequence_length, int num_heads,
                                 int offset, Dtype dtype) {
  const array queries = expand_dims(arange(offset, q_sequence_length), 1);
  const array keys = expand_dims(arange(k_sequence_length), 0);
  const array distance = negative(abs(expand_dims(queries - keys, {0, 1})));
  return astype(distance * create_alibi_slope(num_heads, dtype), dtype);
}

namespace {

// A geometric row for a power of two; in between, the row of the power below and every other number
// of the row above.
std::vector<float> slopes_of(int heads) {
  int power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<float> slopes;
  const auto slope = [](int of, int i) { return std::pow(2.0, -8.0 / of * (i + 1)); };
  for (int i = 0; i < power; ++i) slopes.push_back(static_cast<float>(slope(power, i)));
  for (int i = 0; static_cast<int>(slopes.size()) < heads; i += 2) {
    slopes.push_back(static_cast<float>(slope(2 * power, i)));
  }
  return slopes;
}

}  // namespace

array ALiBi::create_alibi_slope(int num_heads, Dtype dtype) {
  if (num_heads < 1) fail_as("ALiBi", "num_heads of at least 1", std::to_string(num_heads));
  const std::vector<float> slopes = slopes_of(num_heads);
  return expand_dims(array(slopes.begin(), {num_heads}, dtype), {-1, -2});
}

array ALiBi::operator()(const array& attention_scores, int offset,
                        const std::optional<array>& mask) const try {
  if (attention_scores.ndim() != 4)
    fail("attention_scores (batch, heads, queries, keys)", to_string(attention_scores.shape()));
  array bias = create_alibi_matrix(attention_scores.shape(-2) + offset, attention_scores.shape(-1),
                                   attention_scores.shape(1), offset, attention_scores.dtype());
  if (mask) bias = bias + *mask;
  return hooked(attention_scores + bias, attention_scores);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

}  // namespace mica::nn
