#include "mica/nn/embedding.h"

#include <cmath>
#include <limits>

#include "mica/nn/quantized.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

namespace {

array draw_vectors(int num_embeddings, int dims) {
  return random::normal({num_embeddings, dims}, 0.0f, static_cast<float>(std::sqrt(1.0 / dims)));
}

}  // namespace

Embedding::Embedding(int num_embeddings, int dims) : weight(0.0f) {
  if (num_embeddings < 1 || dims < 1)
    fail("sizes of at least 1", std::to_string(num_embeddings) + " and " + std::to_string(dims));
  weight = draw_vectors(num_embeddings, dims);
}

array Embedding::operator()(const array& indices) const try {
  if (!issubdtype(indices.dtype(), integer)) fail("integer indices", dtype_name(indices.dtype()));
  if (!quantization_) return hooked(take(weight, indices, 0), indices);
  const array flat = flatten(indices);
  const auto rows = [&](const std::optional<array>& x) {
    return x ? std::optional<array>(take(*x, flat, 0)) : std::nullopt;
  };
  const array codes = take(weight, flat, 0);
  const std::optional<array> own_scales = rows(scales), own_biases = rows(biases);
  const detail::Packed taken{codes, own_scales, own_biases, *quantization_};
  Shape shape = indices.shape();
  shape.push_back(dims());
  return hooked(reshape(taken.dequantized(), shape), indices);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

array Embedding::as_linear(const array& x) const {
  if (!ends_in(x, dims())) fail("input " + with_last(dims()), to_string(x.shape()));
  return quantization_ ? packed().product(x) : matmul(x, transpose(weight));
}

int Embedding::dims() const { return quantization_ ? quantization_->columns : weight.shape(1); }

std::string Embedding::extra_repr() const {
  const std::string text = std::to_string(weight.shape(0)) + ", " + std::to_string(dims());
  return quantization_ ? text + ", " + detail::repr(*quantization_) : text;
}

std::string Embedding::type_name() const {
  return (quantization_ ? "Quantized" : "") + Module::type_name();
}

void Embedding::check_quantize(const QuantizationOptions& options) const {
  const Quantization format = detail::settle(options, dims());
  if (is_quantized()) fail("a weight that is not quantized yet", detail::repr(*quantization_));
  if (!issubdtype(weight.dtype(), floating))
    fail("a floating-point weight to quantize", dtype_name(weight.dtype()));
  if (format.inputs) fail("no quantize_input, for inputs are indices", "quantize_input");
}

void Embedding::quantize(const QuantizationOptions& options) {
  check_quantize(options);
  quantization_ = detail::settle(options, dims());
  detail::pack(*quantization_, weight, scales, biases);
  freeze({.recurse = false});
  never_train({"weight"});
}

QuantizedEmbedding Embedding::to_quantized(const QuantizationOptions& options) const {
  return QuantizedEmbedding::from_embedding(*this, options);
}

EmbeddingBag::EmbeddingBag(int num_embeddings, int dims, const Options& options)
    : weight(0.0f), options(options) {
  if (num_embeddings < 1 || dims < 1)
    fail("sizes of at least 1", std::to_string(num_embeddings) + " and " + std::to_string(dims));
  weight = draw_vectors(num_embeddings, dims);
}

// Every index is given the number of its bag, and its vector is scattered there.
array EmbeddingBag::operator()(const array& indices, const std::optional<array>& offsets,
                               const std::optional<array>& weights) const try {
  if (!issubdtype(indices.dtype(), integer)) fail("integer indices", dtype_name(indices.dtype()));
  if (indices.ndim() != (offsets ? 1 : 2))
    fail(offsets ? "indices (count,) with offsets" : "indices (bags, size) without offsets",
         to_string(indices.shape()));
  if (offsets && (offsets->ndim() != 1 || !issubdtype(offsets->dtype(), integer)))
    fail("integer offsets (bags,)",
         to_string(offsets->shape()) + " " + dtype_name(offsets->dtype()));
  if (weights && options.mode != BagMode::sum)
    fail("weights in mode sum only", options.mode == BagMode::max ? "max" : "mean");
  if (weights && weights->shape() != indices.shape())
    fail("weights " + to_string(indices.shape()), to_string(weights->shape()));

  const int bags = offsets ? offsets->shape(0) : indices.shape(0);
  const array flat = flatten(indices);
  const int count = flat.shape(0), dims = weight.shape(1);
  const Dtype dtype = weight.dtype();
  array bag = offsets ? astype(searchsorted(*offsets, arange(count), "right"), int32) - array(1)
                      : flatten(broadcast_to(expand_dims(arange(bags), 1), indices.shape()));
  array in_bag = ones({count}, bool_);
  if (options.padding_index) {
    const int index = *options.padding_index;
    const int from_front = index < 0 ? index + weight.shape(0) : index;
    in_bag = logical_and(flat != array(index), flat != array(from_front));
  }
  const array rows = take(weight, flat, 0);
  const array member = expand_dims(in_bag, 1);
  const array counts =
      scatter_add(zeros({bags}, int32), bag, expand_dims(astype(in_bag, int32), 1), 0);
  const array filled = expand_dims(counts > array(0), 1);
  array result(0.0f);
  if (options.mode == BagMode::max) {
    const array lowest = array(-std::numeric_limits<float>::infinity(), dtype);
    const array found = scatter_max(full({bags, dims}, lowest), bag,
                                    expand_dims(mica::where(member, rows, lowest), 1), 0);
    const array largest = stop_gradient(mica::where(filled, found, array(0, dtype)));
    // The vectors that are largest share the gradient, which one that is twice in a bag then gets
    // once: their mean has the value of each.
    const array equal = logical_and(member, rows == take(largest, bag, 0));
    const auto total = [&](const array& a) {
      return scatter_add(zeros({bags, dims}, dtype), bag, expand_dims(a, 1), 0);
    };
    const array count_equal = maximum(total(astype(equal, dtype)), array(1, dtype));
    const array mean_equal = total(mica::where(equal, rows, array(0, dtype))) / count_equal;
    result = largest + (mean_equal - stop_gradient(mean_equal));
  } else {
    const array scaled = weights ? rows * astype(reshape(*weights, {count, 1}), dtype) : rows;
    result = scatter_add(zeros({bags, dims}, dtype), bag,
                         expand_dims(mica::where(member, scaled, array(0, dtype)), 1), 0);
    if (options.mode == BagMode::mean)
      result = result / astype(expand_dims(maximum(counts, array(1)), 1), dtype);
  }
  return weights ? hooked(result, indices, *weights) : hooked(result, indices);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string EmbeddingBag::extra_repr() const {
  static const char* const modes[] = {"sum", "mean", "max"};
  return std::to_string(weight.shape(0)) + ", " + std::to_string(weight.shape(1)) + ", mode='" +
         modes[static_cast<size_t>(options.mode)] + "'";
}

}  // namespace mica::nn
