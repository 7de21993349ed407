#include <memory>
#include <vector>

#include "mica/engine/cpu/dnnl/convolution.h"
#include "mica/engine/cpu/dnnl/primitive.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

using dnnl::memory;
using onednn::Primitive;

// How input and output reach the primitive. The weight's layout is always the primitive's choice:
// reordering it is cheap, and only reference implementations take it as it is.
enum class Route : uint8_t {
  channels_last,  // in place
  blocked,        // the primitive's choice, reordered
};

// 1-d problems run as 2-d ones of height 1.
struct Descriptions {
  memory::desc input, weight, output, bias;  // as the caller has them
  memory::dims stride, dilation, padding_lo, padding_hi;
};

Descriptions describe(const PlainConv& conv) {
  const ConvProblem& p = conv.problem;
  const std::array<int64_t, 3> out = p.output();
  const auto type = onednn::data_type(p.dtype);
  const int64_t taps = product(p.kernel, p.rank);
  memory::dims input{p.batch, p.in_channels}, output{p.batch, p.out_channels}, weight, strides;
  const int64_t filters = p.out_channels / p.groups, channels = p.in_channels / p.groups;
  const int64_t inner = conv.transposed_weight ? filters : channels;
  const int64_t outer = conv.transposed_weight ? channels : filters;
  if (p.groups > 1) {
    weight.push_back(p.groups);
    strides.push_back(outer * taps * inner);
  }
  weight.insert(weight.end(), {filters, channels});
  if (conv.transposed_weight) {
    strides.insert(strides.end(), {1, taps * inner});
  } else {
    strides.insert(strides.end(), {taps * inner, 1});
  }

  Descriptions d;
  const auto add_axis = [&](int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
                            int64_t lo, int64_t hi, int64_t out, int64_t tap_stride) {
    input.push_back(in);
    output.push_back(out);
    weight.push_back(kernel);
    strides.push_back(tap_stride);
    d.stride.push_back(stride);
    d.dilation.push_back(dilation - 1);
    d.padding_lo.push_back(lo);
    d.padding_hi.push_back(hi);
  };
  if (p.rank == 1) add_axis(1, 1, 1, 1, 0, 0, 1, taps * inner);
  int64_t tap_stride = taps * inner;
  for (int i = 0; i < p.rank; ++i) {
    tap_stride /= p.kernel[i];
    add_axis(p.input[i], p.kernel[i], p.stride[i], p.dilation[i], p.padding_lo[i], p.padding_hi[i],
             out[i], tap_stride);
  }
  const auto last = p.rank == 3 ? memory::format_tag::ndhwc : memory::format_tag::nhwc;
  d.input = {input, type, last};
  d.output = {output, type, last};
  d.weight = {weight, type, strides};
  d.bias = {{p.out_channels}, type, memory::format_tag::a};
  return d;
}

// An operand of a primitive in its own layout, and the copy from or to the caller's.
class Operand {
 public:
  Operand() = default;
  Operand(const memory::desc& user, const memory::desc& inner, bool written) {
    if (user == inner) return;
    const memory::desc& from = written ? inner : user;
    const memory::desc& to = written ? user : inner;
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc pd(onednn::engine(), from, onednn::engine(), to, attr);
    bytes_ = inner.get_size();
    reorder_ = std::make_unique<Primitive>(
        dnnl::reorder(pd),
        std::vector<Primitive::Argument>{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}},
        pd.scratchpad_desc());
  }

  size_t bytes() const { return bytes_; }  // of the primitive's copy; 0 where it needs none
  void copy(const void* from, void* to) const { reorder_->run({from, to}); }

 private:
  size_t bytes_ = 0;
  std::unique_ptr<Primitive> reorder_;
};

struct Kernel {
  std::unique_ptr<Primitive> primitive;
  Operand input, weight, output;
};

template <class Pass, class... Arguments>
typename Pass::primitive_desc primitive_desc(const dnnl::primitive_attr& attr,
                                             const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn::engine(), arguments..., attr};
#else
  return {typename Pass::desc(arguments...), attr, onednn::engine()};
#endif
}

template <class Pass, class... Arguments>
typename Pass::primitive_desc backward_desc(
    const dnnl::primitive_attr& attr, const dnnl::convolution_forward::primitive_desc& forward,
    const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn::engine(), arguments..., forward, attr};
#else
  return {typename Pass::desc(arguments...), attr, onednn::engine(), forward};
#endif
}

// What a primitive wants for an operand the caller has as `user`.
memory::desc wanted(const memory::desc& user, memory::data_type type, Route route) {
  if (route == Route::channels_last) return user;
#if DNNL_VERSION_MAJOR >= 3
  const memory::dims dims = user.get_dims();
#else
  const memory::dims dims = user.dims();
#endif
  return {dims, type, memory::format_tag::any};
}

template <class Desc>
std::unique_ptr<Kernel> finish(const Desc& pd, const Descriptions& d, ConvPass pass, bool bias,
                               const memory::desc& input, const memory::desc& weight,
                               const memory::desc& output, dnnl::primitive primitive) {
  auto kernel = std::make_unique<Kernel>();
  kernel->input = Operand(d.input, input, pass == ConvPass::backward_data);
  kernel->weight = Operand(d.weight, weight, pass == ConvPass::backward_weights);
  kernel->output = Operand(d.output, output, pass == ConvPass::forward);
  std::vector<Primitive::Argument> arguments{
      {pass == ConvPass::backward_data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, input},
      {pass == ConvPass::backward_weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, weight},
      {pass == ConvPass::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, output}};
  if (bias) {
    arguments.push_back(
        {pass == ConvPass::backward_weights ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, d.bias});
  }
  kernel->primitive =
      std::make_unique<Primitive>(std::move(primitive), arguments, pd.scratchpad_desc());
  return kernel;
}

// Null where oneDNN has no optimized implementation of this route.
std::unique_ptr<Kernel> make_kernel(const PlainConv& conv, ConvPass pass, bool with_bias,
                                    Route route) {
  const Descriptions d = describe(conv);
  const auto type = onednn::data_type(conv.problem.dtype);
  const memory::desc input = wanted(d.input, type, route), output = wanted(d.output, type, route);
  const memory::desc weight = wanted(d.weight, type, Route::blocked);
  const memory::desc bias = with_bias ? d.bias : memory::desc();
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  const Epilogue epilogue = pass == ConvPass::forward ? conv.problem.epilogue : Epilogue::none;
  const auto attr = onednn::attributes(epilogue, 1, 1);
  try {
    const auto forward = primitive_desc<dnnl::convolution_forward>(
        attr, dnnl::prop_kind::forward_training, algorithm, input, weight,
        pass == ConvPass::forward ? bias : memory::desc(), output, d.stride, d.dilation,
        d.padding_lo, d.padding_hi);
    if (pass == ConvPass::forward) {
      if (onednn::is_reference(forward.impl_info_str())) return nullptr;
      return finish(forward, d, pass, with_bias, forward.src_desc(), forward.weights_desc(),
                    forward.dst_desc(), dnnl::convolution_forward(forward));
    }
    if (pass == ConvPass::backward_data) {
      const auto pd = backward_desc<dnnl::convolution_backward_data>(
          attr, forward, algorithm, input, weight, output, d.stride, d.dilation, d.padding_lo,
          d.padding_hi);
      if (onednn::is_reference(pd.impl_info_str())) return nullptr;
      return finish(pd, d, pass, false, pd.diff_src_desc(), pd.weights_desc(), pd.diff_dst_desc(),
                    dnnl::convolution_backward_data(pd));
    }
    const auto pd = backward_desc<dnnl::convolution_backward_weights>(
        attr, forward, algorithm, input, weight, bias, output, d.stride, d.dilation, d.padding_lo,
        d.padding_hi);
    if (onednn::is_reference(pd.impl_info_str())) return nullptr;
    return finish(pd, d, pass, with_bias, pd.src_desc(), pd.diff_weights_desc(), pd.diff_dst_desc(),
                  dnnl::convolution_backward_weights(pd));
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented || error.status == dnnl_invalid_arguments) {
      return nullptr;
    }
    throw;
  }
}

// Where reorders of input and output pay: one input channel forward (0.017 ms for 64x8x8x1 to 16
// channels, 0.042 in place), groups of whole blocks (4.9 for 6.5 ms), and float32 weight gradients
// under strides (12.5 for 18.6 ms).
bool suits_blocks(const ConvProblem& p, ConvPass pass) {
  if (pass == ConvPass::forward && p.in_channels == 1) return true;
  if (p.in_channels / p.groups % 16 != 0 || p.out_channels / p.groups % 16 != 0) return false;
  const bool strides = product(p.stride, p.rank) > 1 && product(p.kernel, p.rank) > 1;
  return p.groups > 1 ||
         (pass == ConvPass::backward_weights && strides && p.dtype == Dtype::Val::float32);
}

std::unique_ptr<Kernel> choose_kernel(const PlainConv& conv, ConvPass pass, bool bias) {
  const bool blocks = suits_blocks(conv.problem, pass);
  const Route routes[] = {blocks ? Route::blocked : Route::channels_last,
                          blocks ? Route::channels_last : Route::blocked};
  for (const Route route : routes) {
    if (auto kernel = make_kernel(conv, pass, bias, route)) return kernel;
  }
  return nullptr;
}

Kernel* find_kernel(const PlainConv& conv, ConvPass pass, bool bias) {
  thread_local onednn::Cache<std::unique_ptr<Kernel>> cache;
  const ConvProblem& p = conv.problem;
  onednn::Key key{static_cast<int64_t>(pass) << 32 | static_cast<int64_t>(p.dtype) << 24 |
                      static_cast<int64_t>(p.epilogue) << 16 | p.rank << 8 |
                      conv.transposed_weight << 1 | bias,
                  p.batch,
                  p.in_channels,
                  p.out_channels,
                  p.groups,
                  onednn::thread_count()};
  for (int i = 0; i < p.rank; ++i) {
    for (int64_t word :
         {p.input[i], p.kernel[i], p.stride[i], p.padding_lo[i], p.padding_hi[i], p.dilation[i]}) {
      key.append(word);
    }
  }
  return cache.get(key, [&] { return choose_kernel(conv, pass, bias); }).get();
}

}  // namespace

bool conv_onednn(const PlainConv& conv, ConvPass pass, const ConvOperands& x) {
  for (int i = 0; i < conv.problem.rank; ++i) {
    if (conv.problem.padding_lo[i] < 0 || conv.problem.padding_hi[i] < 0) return false;
  }
  Kernel* const kernel = find_kernel(conv, pass, x.bias != nullptr);
  if (kernel == nullptr) return false;

  const Scratch input_copy(kernel->input.bytes()), weight_copy(kernel->weight.bytes()),
      output_copy(kernel->output.bytes());
  const auto enter = [](const Operand& operand, const Scratch& copy, const void* data,
                        bool written) {
    if (operand.bytes() == 0) return data;
    if (!written) operand.copy(data, copy.data());
    return static_cast<const void*>(copy.data());
  };
  const auto leave = [](const Operand& operand, const Scratch& copy, const void* data) {
    if (operand.bytes() > 0) operand.copy(copy.data(), const_cast<void*>(data));
  };
  const void* input = enter(kernel->input, input_copy, x.input, pass == ConvPass::backward_data);
  const void* weight =
      enter(kernel->weight, weight_copy, x.weight, pass == ConvPass::backward_weights);
  const void* output = enter(kernel->output, output_copy, x.output, pass == ConvPass::forward);
  if (x.bias) {
    kernel->primitive->run({input, weight, output, x.bias});
  } else {
    kernel->primitive->run({input, weight, output});
  }
  switch (pass) {
    case ConvPass::forward:
      leave(kernel->output, output_copy, x.output);
      break;
    case ConvPass::backward_data:
      leave(kernel->input, input_copy, x.input);
      break;
    case ConvPass::backward_weights:
      leave(kernel->weight, weight_copy, x.weight);
      break;
  }
  return true;
}

}  // namespace mica::cpu
