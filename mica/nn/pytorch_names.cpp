#include "mica/nn/pytorch_names.h"

#include <map>
#include <stdexcept>
#include <unordered_map>

#include "mica/nn/attention.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/convolution_transpose.h"
#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/recurrent.h"
#include "mica/nn/transformer.h"
#include "mica/nn/walk.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace {

using Arrays = std::vector<array>;
using Converted = std::optional<array>;
using Sources = std::vector<TorchSource>;

Converted as_it_is(const Arrays& given) { return given[0]; }

// (O, I, sizes...) to (O, sizes..., I).
Converted channels_last(const Arrays& given) {
  if (given[0].ndim() < 3) return {};
  return moveaxis(given[0], 1, -1);
}

// (I, O / groups, sizes...) to (O, sizes..., I / groups).
Converted transposed_channels_last(const array& given, int groups) {
  if (given.ndim() < 3 || given.shape(0) % groups != 0) return {};
  const array grouped = unflatten(given, 0, {groups, given.shape(0) / groups});
  return flatten(moveaxis(grouped, 1, -1), 0, 1);
}

Converted last_two_swapped(const Arrays& given) {
  if (given[0].ndim() < 2) return {};
  return swapaxes(given[0], -1, -2);
}

// One of three equal parts on axis 0.
Converted third_of(const array& given, int part) {
  if (given.ndim() == 0 || given.shape(0) % 3 != 0) return {};
  return split(given, 3, 0)[static_cast<size_t>(part)];
}

Converted sum_of(const Arrays& given) {
  if (given[0].shape() != given[1].shape()) return {};
  return given[0] + given[1];
}

// GRU's b: both biases of r and z, and that of the input of n.
Converted gate_biases(const Arrays& given) {
  if (given[0].ndim() != 1 || given[0].shape() != given[1].shape()) return {};
  if (given[0].shape(0) % 3 != 0) return {};
  const Arrays input = split(given[0], 3, 0), hidden = split(given[1], 3, 0);
  return concatenate({input[0] + hidden[0], input[1] + hidden[1], input[2]}, 0);
}

// Where a module is: its path, and PyTorch's name for it, both with a dot behind or empty.
struct Place {
  std::string path;
  std::string torch;
  // What the names of a recurrent cell's arrays begin and end with: "lstm." and "_l0".
  std::vector<std::pair<std::string, std::string>> cells = {};
  // Of the queries', keys' and values' projections, in attention: 0 to 2.
  std::optional<int> projection = {};
};

template <class T>
bool is_a(const Module& module) {
  return dynamic_cast<const T*>(&module) != nullptr;
}

// What PyTorch calls a member.
std::string torch_key(const Module& module, const std::string& key) {
  using Names = std::map<std::string, std::string>;
  static const Names of_encoder{{"attention", "self_attn"}, {"ln1", "norm1"}, {"ln2", "norm2"}};
  static const Names of_decoder{{"self_attention", "self_attn"},
                                {"cross_attention", "multihead_attn"},
                                {"ln1", "norm1"},
                                {"ln2", "norm2"},
                                {"ln3", "norm3"}};
  static const Names of_stack{{"ln", "norm"}};
  const Names* names = nullptr;
  if (is_a<TransformerEncoderLayer>(module)) names = &of_encoder;
  if (is_a<TransformerDecoderLayer>(module)) names = &of_decoder;
  if (is_a<TransformerEncoder>(module) || is_a<TransformerDecoder>(module)) names = &of_stack;
  if (!names || !names->contains(key)) return key;
  return names->at(key);
}

// Of a recurrent cell's array: the names at each place where the cell may be.
Sources cell_sources(const Place& place, const std::vector<std::string>& keys,
                     const std::function<Converted(const Arrays&)>& convert) {
  Sources sources;
  for (const auto& [prefix, suffix] : place.cells) {
    TorchSource source{{}, convert};
    for (const std::string& key : keys) source.names.push_back(prefix + key + suffix);
    sources.push_back(std::move(source));
  }
  return sources;
}

Sources recurrent_sources(const Module& cell, const std::string& key, const Place& place) {
  if (key == "Wxh" || key == "Wx") return cell_sources(place, {"weight_ih"}, as_it_is);
  if (key == "Whh" || key == "Wh") return cell_sources(place, {"weight_hh"}, as_it_is);
  if (key == "bhn") {
    return cell_sources(place, {"bias_hh"},
                        [](const Arrays& given) { return third_of(given[0], 2); });
  }
  return cell_sources(place, {"bias_ih", "bias_hh"}, is_a<GRU>(cell) ? gate_biases : sum_of);
}

// A projection's array is a part of a fused one, or has a name of its own.
Sources projection_sources(const std::string& key, const Place& place) {
  static const char* const separate[] = {"q_proj_", "k_proj_", "v_proj_"};
  static const char* const own[] = {"query_proj.", "key_proj.", "value_proj."};
  const int part = *place.projection;
  return {{{place.torch + "in_proj_" + key},
           [part](const Arrays& given) { return third_of(given[0], part); }},
          {{place.torch + separate[part] + key}, as_it_is},
          {{place.torch + own[part] + key}, as_it_is}};
}

// Where the module is a convolution over n axes, of its weight.
template <size_t n>
void convert_convolution(const Module& module, Sources& sources) {
  const auto* const layer = dynamic_cast<const ConvBase<n>*>(&module);
  if (!layer) return;
  if (is_a<ConvTranspose<n>>(module)) {
    sources[0].convert = [groups = layer->groups](const Arrays& given) {
      return transposed_channels_last(given[0], groups);
    };
  } else {
    sources[0].convert = channels_last;
  }
}

Sources sources_of(const Module& module, const std::string& key, const Place& place) {
  const bool recurrent = is_a<RNN>(module) || is_a<GRU>(module) || is_a<LSTM>(module);
  if (recurrent) return recurrent_sources(module, key, place);
  if (place.projection) return projection_sources(key, place);
  Sources sources{{{place.torch + torch_key(module, key)}, as_it_is}};
  if (key != "weight") return sources;
  if (is_a<Bilinear>(module)) sources[0].convert = last_two_swapped;
  convert_convolution<1>(module, sources);
  convert_convolution<2>(module, sources);
  convert_convolution<3>(module, sources);
  return sources;
}

// Whether the weight of the layer, an L, is packed.
template <class L>
bool is_packed(const Module& module) {
  const auto* const layer = dynamic_cast<const L*>(&module);
  return layer && layer->is_quantized() && layer->scales;
}

// Where the layer is an L: lets the target take a weight that is then packed as the layer's is.
template <class L>
void quantize_into(Module& module, TorchTarget& target) {
  auto* const layer = dynamic_cast<L*>(&module);
  if (!layer) return;
  const Quantization format = *layer->quantization();
  target.shape = {layer->weight.shape(0), format.columns};
  target.place = [layer, format](const array& value) {
    array weight = value;
    std::optional<array> scales, biases;
    detail::pack(format, weight, scales, biases);
    std::vector<std::pair<array*, array>> arrays{{&layer->weight, weight},
                                                 {&*layer->scales, *scales}};
    if (biases) arrays.emplace_back(&*layer->biases, *biases);
    return arrays;
  };
}

class Walk {
 public:
  explicit Walk(TorchNames& names) : names_(names) {}

  void visit(Module& module, const Place& place) {
    if (is_a<BatchNorm>(module) || is_a<InstanceNorm>(module)) {
      names_.ignored.insert(place.torch + "num_batches_tracked");
    }
    for (const Member& member : ModuleWalk::members(module)) {
      if (!member.key.starts_with('_')) visit(module, member, place);
    }
  }

 private:
  void visit(Module& module, const Member& member, const Place& place) {
    if (member.is_array()) return add(module, member, place);
    if (member.is_module()) return visit(*member.module, child(module, member.key, place));
    const bool sequential = is_a<Sequential>(module) && member.key == "layers";
    const Place list{place.path + member.key + ".",
                     sequential ? place.torch : place.torch + member.key + "."};
    const bool stacked =
        is_a<Stacked<RNN>>(module) || is_a<Stacked<GRU>>(module) || is_a<Stacked<LSTM>>(module);
    visit_items(module, member, list, stacked ? &place : nullptr);
  }

  // stack: where the Stacked layer is whose cells the items are.
  void visit_items(Module& module, const Member& list, const Place& place, const Place* stack) {
    const char* const end = stack && list.key == "backward" ? "_reverse" : "";
    for (const Member& item : list.items) {
      Place at{place.path + item.key + ".", place.torch + item.key + "."};
      if (stack) {
        at.cells = {{stack->torch, "_l" + item.key + end}};
      } else {
        at.cells = {{at.torch, "_l0"}, {at.torch, ""}, {place.torch, "_l" + item.key}};
      }
      if (item.is_module()) {
        visit(*item.module, at);
      } else if (item.is_array()) {
        const Place plain{place.path, place.torch};
        add(module, item, plain);
      } else {
        visit_items(module, item, at, nullptr);
      }
    }
  }

  static Place child(const Module& module, const std::string& key, const Place& place) {
    Place at{place.path + key + ".", place.torch + torch_key(module, key) + "."};
    at.cells = {{at.torch, "_l0"}, {at.torch, ""}};
    if (is_a<MultiHeadAttention>(module)) {
      static const std::map<std::string, int> projections{
          {"query_proj", 0}, {"key_proj", 1}, {"value_proj", 2}};
      if (const auto found = projections.find(key); found != projections.end()) {
        at.torch = place.torch;
        at.projection = found->second;
      }
    }
    return at;
  }

  void add(Module& module, const Member& member, const Place& place) {
    TorchTarget target{place.path + member.key, member.value->shape(),
                       sources_of(module, member.key, place),
                       [to = member.value](const array& value) {
                         return std::vector<std::pair<array*, array>>{{to, value}};
                       }};
    if (is_packed<Linear>(module) || is_packed<Embedding>(module)) {
      if (member.key == "scales" || member.key == "biases") return;
      if (member.key == "weight") {
        quantize_into<Linear>(module, target);
        quantize_into<Embedding>(module, target);
      }
    }
    const auto [known, is_new] = places_.emplace(member.value, names_.targets.size());
    if (is_new) {
      names_.targets.push_back(std::move(target));
    } else {
      // A further place of a shared module.
      auto& sources = names_.targets[known->second].sources;
      for (TorchSource& source : target.sources) sources.push_back(std::move(source));
    }
  }

  TorchNames& names_;
  std::unordered_map<const array*, size_t> places_;
};

}  // namespace

TorchNames torch_names(Module& model) {
  TorchNames names;
  Walk(names).visit(model, {"", "", {{"", "_l0"}, {"", ""}}});
  return names;
}

}  // namespace mica::nn
