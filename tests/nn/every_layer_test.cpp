// Every layer: what it prints, and what it computes in half precision.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {
namespace {

struct Row {
  std::string name;  // as in tests/golden/printed_goldens.py, for those that mlx.nn has
  std::shared_ptr<nn::Module> module;
  std::function<array(const std::vector<array>&)> call;
  std::vector<array> inputs;
  std::function<nn::Verification()> verify;
};

const array& first(const array& y) { return y; }
template <class Result>
array first(const Result& result) {
  return result.output;
}

template <class M, class... In>
Row row(std::string name, M model, In... inputs) {
  auto module = std::make_shared<M>(std::move(model));
  auto call = [module](const std::vector<array>& x) {
    return [&]<size_t... i>(std::index_sequence<i...>) { return array(first((*module)(x[i]...))); }
    (std::index_sequence_for<In...>());
  };
  return {std::move(name), module, call, {inputs...}, [module, inputs...] {
            return nn::verify(*module, inputs...);
          }};
}

array normal(const Shape& shape) { return random::normal(shape, random::key(5)); }

std::vector<Row> rows() {
  random::seed(1);
  const array x = normal({3, 8}), sequence = normal({2, 5, 8}), signal = normal({2, 9, 4});
  const array image = normal({1, 8, 9, 3}), volume = normal({1, 4, 4, 4, 2});
  const array indices({1, 3, 0, 9}, int32);
  std::vector<Row> all{
      row("ALiBi", nn::ALiBi(), normal({2, 4, 5, 5})),
      row("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d({2, 3}), image),
      row("AdaptiveMaxPool1d", nn::AdaptiveMaxPool1d(3), signal),
      row("AvgPool1d", nn::AvgPool1d(3, {.stride = 2, .padding = 1}), signal),
      row("AvgPool2d", nn::AvgPool2d({2, 3}, {.stride = 2, .padding = 1}), image),
      row("AvgPool3d", nn::AvgPool3d(2), volume),
      row("BatchNorm", nn::BatchNorm(4, {.eps = 1e-3, .momentum = 0.2}), signal),
      row("BatchNorm plain", nn::BatchNorm(4, {.affine = false, .track_running_stats = false}),
          signal),
      row("Bilinear", nn::Bilinear(3, 4, 5, {.bias = false}), normal({2, 3}), normal({2, 4})),
      row("CELU", nn::CELU(0.5), x),
      row("Conv1d", nn::Conv1d(4, 6, 3, {.stride = 2, .padding = 1, .groups = 2}), signal),
      row("Conv2d",
          nn::Conv2d(3, 4, {3, 5}, {.stride = {1, 2}, .padding = 1, .dilation = 2, .bias = false}),
          normal({1, 8, 13, 3})),
      row("Conv3d", nn::Conv3d(2, 3, 2, {.stride = 2}), volume),
      row("ConvTranspose1d", nn::ConvTranspose1d(3, 4, 3, {.stride = 2, .output_padding = 1}),
          normal({2, 5, 3})),
      row("ConvTranspose2d",
          nn::ConvTranspose2d(3, 4, 3, {.stride = 2, .padding = 1, .bias = false}), image),
      row("ConvTranspose3d", nn::ConvTranspose3d(2, 3, 2, {.dilation = 2}), volume),
      row("Dropout", nn::Dropout(0.5), x),
      row("ELU", nn::ELU(0.5), x),
      row("Embedding", nn::Embedding(10, 4), indices),
      row("EmbeddingBag", nn::EmbeddingBag(10, 4), reshape(indices, {2, 2})),
      row("Flatten", nn::Flatten(), image),
      row("GELU", nn::GELU(nn::GELU::Approx::tanh), x),
      row("GLU", nn::GLU(), x),
      row("GRU", nn::GRU(4, 6, {.bias = false}), signal),
      row("GroupNorm", nn::GroupNorm(2, 8, {.pytorch_compatible = true}), sequence),
      row("HardShrink", nn::HardShrink(0.25), x),
      row("HardTanh", nn::HardTanh(), x),
      row("Hardswish", nn::Hardswish(), x),
      row("Identity", nn::Identity(), x),
      row("InstanceNorm", nn::InstanceNorm(8, {.affine = true}), sequence),
      row("LSTM", nn::LSTM(4, 6), signal),
      row("LayerNorm", nn::LayerNorm(8, {.eps = 1e-6, .bias = false}), x),
      row("LeakyReLU", nn::LeakyReLU(0.2), x),
      row("Linear", nn::Linear(8, 4, {.bias = false}), x),
      row("LogSigmoid", nn::LogSigmoid(), x),
      row("LogSoftmax", nn::LogSoftmax(), x),
      row("MaxPool1d", nn::MaxPool1d(2), signal),
      row("MaxPool2d", nn::MaxPool2d(3, {.stride = 2, .padding = 1}), image),
      row("MaxPool3d", nn::MaxPool3d(2, {.stride = 1}), volume),
      row("Mish", nn::Mish(), x),
      row("MultiHeadAttention", nn::MultiHeadAttention(8, 2, {.bias = true}), sequence, sequence,
          sequence),
      row("PReLU", nn::PReLU(8, {.init = 0.1}), x),
      row("PixelShuffle", nn::PixelShuffle(2), normal({1, 2, 3, 8})),
      row("QQLinear", nn::QQLinear(64, 32), normal({3, 64})),
      row("QuantizedEmbedding", nn::QuantizedEmbedding(10, 64, {.bits = 8}), indices),
      row("QuantizedLinear", nn::QuantizedLinear(64, 32, {.group_size = 32}), normal({3, 64})),
      row("RMSNorm", nn::RMSNorm(8), x),
      row("RNN", nn::RNN(4, 6), signal),
      row("ReLU", nn::ReLU(), x),
      row("ReLU2", nn::ReLU2(), x),
      row("ReLU6", nn::ReLU6(), x),
      row("RoPE", nn::RoPE(8, {.traditional = true, .base = 500}), sequence),
      row("SELU", nn::SELU(), x),
      row("Sequential",
          nn::Sequential{nn::Linear(8, 8), nn::ReLU(), nn::Sequential{nn::Linear(8, 2)}}, x),
      row("SiLU", nn::SiLU(), x),
      row("Sigmoid", nn::Sigmoid(), x),
      row("SinusoidalPositionalEncoding", nn::SinusoidalPositionalEncoding(8, {.cos_first = true}),
          normal({4})),
      row("Softmax", nn::Softmax(), x),
      row("Softmin", nn::Softmin(), x),
      row("Softplus", nn::Softplus(), x),
      row("Softshrink", nn::Softshrink(0.25), x),
      row("Softsign", nn::Softsign(), x),
      row("SpectralNorm", nn::spectral_norm(nn::Linear(8, 4)), x),
      row("Stacked", nn::Stacked<nn::LSTM>(4, 6, {.num_layers = 2, .bidirectional = true}), signal),
      row("Step", nn::Step(0.25), x),
      row("Tanh", nn::Tanh(), x),
      row("TransformerDecoderLayer", nn::TransformerDecoderLayer(8, 2, {.mlp_dims = 16}), sequence,
          sequence),
      row("TransformerEncoder", nn::TransformerEncoder(2, 8, 2, {.mlp_dims = 16}), sequence),
      row("TransformerEncoderLayer",
          nn::TransformerEncoderLayer(8, 2, {.mlp_dims = 16, .norm_first = false}), sequence),
      row("Transformer",
          nn::Transformer({.dims = 8,
                           .num_heads = 2,
                           .num_encoder_layers = 1,
                           .num_decoder_layers = 1,
                           .mlp_dims = 16}),
          sequence, sequence),
      row("Upsample",
          nn::Upsample({2.0, 1.5}, {.mode = nn::UpsampleMode::linear, .align_corners = true}),
          image),
      row("WeightNorm", nn::weight_norm(nn::Linear(8, 4)), x),
  };
  return all;
}

// "== name", then the lines that Python prints.
std::map<std::string, std::string> printed() {
  std::ifstream file(MICA_SOURCE_DIR "/tests/golden/nn/printed.txt");
  std::map<std::string, std::string> texts;
  std::string name;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== ")) {
      name = line.substr(3);
    } else {
      texts[name] += (texts[name].empty() ? "" : "\n") + line;
    }
  }
  return texts;
}

TEST(EveryLayer, PrintsAsPythonDoes) {
  auto expected = printed();
  ASSERT_GT(expected.size(), 50u);
  for (const Row& row : rows()) {
    const auto text = expected.find(row.name);
    if (text == expected.end()) continue;
    std::ostringstream os;
    os << *row.module;
    // Scaling of dropout: mlx.nn prints 1 - (1 - p), with the rounding of that.
    EXPECT_EQ(os.str(), text->second);
    expected.erase(text);
  }
  for (const auto& [name, text] : expected) ADD_FAILURE() << "no row for " << name;
}

TEST(EveryLayer, ComputesInHalfPrecision) {
  for (const Dtype dtype : {bfloat16, float16}) {
    for (Row& row : rows()) {
      SCOPED_TRACE(row.name);
      row.module->eval();
      const array expected = row.call(row.inputs);
      std::vector<array> inputs;
      for (const array& x : row.inputs)
        inputs.push_back(issubdtype(x.dtype(), floating) ? astype(x, dtype) : x);
      row.module->set_dtype(dtype);
      const array actual = row.call(inputs);
      if (issubdtype(expected.dtype(), floating))
        EXPECT_EQ(actual.dtype(), dtype);
      else
        EXPECT_EQ(actual.dtype(), expected.dtype());
      const float scale = max(abs(astype(expected, float32))).item<float>();
      // Inputs that are rounded before they get 4 bits may get other ones.
      const double steps = row.name == "QQLinear" ? 10 : 1;
      const double tolerance = steps * (dtype == bfloat16 ? 4e-2 : 5e-3);
      golden::expect_close(astype(actual, float32), astype(expected, float32), tolerance,
                           tolerance * scale);
    }
  }
}

TEST(EveryLayer, PassesVerification) {
  for (const Row& row : rows()) {
    // Its gradients are those of products that are not rounded.
    if (row.name == "QQLinear") continue;
    // Its singular vectors follow the weight while training, and have no gradient.
    if (row.name == "SpectralNorm") row.module->eval();
    const nn::Verification found = row.verify();
    EXPECT_TRUE(found.ok()) << row.name << ": " << found;
  }
}

}  // namespace
}  // namespace mica
