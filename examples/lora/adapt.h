// Adapting a trained GPT by low-rank matrices beside its frozen layers (Hu et al., "LoRA:
// Low-Rank Adaptation of Large Language Models", 2021).
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "mica/logging/progress.h"
#include "mica/text/tokenizer.h"
#include "model.h"

namespace lora {

using gpt::Gpt;
using mica::array;
namespace nn = mica::nn;

struct AdapterOptions {
  int rank = 8;
  double scale = 4;
  double dropout = 0;
};

// The slots of all linear layers of the blocks, with their paths ("transformer.h.0.attn.c_attn").
void for_each_linear(Gpt& model,
                     const std::function<void(const std::string&, nn::Slot<nn::Linear>&)>& f);

// Packs the weights of these layers into `bits` bits.
void quantize(Gpt& model, int bits);

// Freezes the model and puts an adapter around each of these layers: what is trainable then are the
// adapters. They change nothing until they are trained.
void adapt(Gpt& model, const AdapterOptions& options);

// Replaces each adapter by a plain layer that computes the same, not quantized.
void fuse(Gpt& model);

// Adapters alone, with their options, as a safetensors file.
void save_adapters(const std::string& file, const Gpt& model, const AdapterOptions& options);
// Puts adapters from a file around the layers of a model that has none. Throws
// std::invalid_argument, and leaves the model as it was, where they are not those of such a model.
AdapterOptions load_adapters(const std::string& file, Gpt& model);

struct TrainOptions {
  int steps = 300;
  int batch_size = 16;
  double learning_rate = 2e-3;  // falls to 0 along half a cosine
  uint64_t seed = 0;
};

// Trains what is trainable on the tokens, showing progress; ends after the current step when
// interrupted() holds.
void train(Gpt& model, const array& tokens, const TrainOptions& options,
           mica::logging::Progress& progress, const std::function<bool()>& interrupted);

}  // namespace lora
