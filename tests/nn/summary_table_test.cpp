#include <gtest/gtest.h>

#include <sstream>

#include "mica/logging/readable.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/linear.h"
#include "mica/nn/summary.h"
#include "mica/nn/transformer.h"
#include "mica/ops/ops.h"

namespace mica {
namespace {

struct Model : nn::Module {
  nn::TransformerEncoder language_model_encoder{1, 64, 4};
  nn::Linear classification_head{64, 10};
  MICA_MODULE(Model, language_model_encoder, classification_head)
  array operator()(const array& x) const {
    return hooked(classification_head(language_model_encoder(x)), x);
  }
};

nn::Summary summary() {
  Model model;
  nn::Summary summary = nn::summary(model, zeros({8, 16, 64}));
  summary.forward_bytes = 554 << 10;  // as the engine plans it; fixed here
  summary.training_bytes = 1167 << 10;
  return summary;
}

std::string table(int columns) { return summary().table(columns); }

void expect_within(const std::string& text, size_t columns) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(logging::columns_of(line), columns) << line;
}

TEST(SummaryTable, At60Columns) {
  expect_within(table(60), 60);
  EXPECT_EQ(table(60), R"(layer                       output        parameters   FLOPs
------------------------------------------------------------
Model                       (8, 16, 10)       50.5 K  13.4 M
  lang…der: Transfo…ncoder  (8, 16, 64)       49.9 K  13.2 M
    layers.0: Transf…Layer  (8, 16, 64)       49.7 K  13.2 M
      atte…ion: Multi…tion  (8, 16, 64)       16.4 K  4.73 M
        query_proj: Linear  (8, 16, 64)        4.1 K  1.05 M
        key_proj: Linear    (8, 16, 64)        4.1 K  1.05 M
        value_proj: Linear  (8, 16, 64)        4.1 K  1.05 M
        out_proj: Linear    (8, 16, 64)        4.1 K  1.05 M
      ln1: LayerNorm        (8, 16, 64)          128  8.19 K
      ln2: LayerNorm        (8, 16, 64)          128  8.19 K
      linear1: Linear       (8, 16, 256)      16.6 K  4.23 M
      linear2: Linear       (8, 16, 64)       16.4 K   4.2 M
      dropout1: Dropout     (8, 16, 64)            0       0
      dropout2: Dropout     (8, 16, 256)           0       0
    ln: LayerNorm           (8, 16, 64)          128  8.19 K
  classifi…on_head: Linear  (8, 16, 10)          650   165 K
------------------------------------------------------------
50506 parameters (197 KiB), 50506 trainable
forward pass: 13.4 M FLOPs, 554 KiB
forward and backward pass: 1.14 MiB
)");
}

TEST(SummaryTable, At80Columns) {
  expect_within(table(80), 80);
  EXPECT_EQ(table(80),
            R"(layer                                         output        parameters   FLOPs
------------------------------------------------------------------------------
Model                                         (8, 16, 10)       50.5 K  13.4 M
  language_model_encoder: TransformerEncoder  (8, 16, 64)       49.9 K  13.2 M
    layers.0: TransformerEncoderLayer         (8, 16, 64)       49.7 K  13.2 M
      attention: MultiHeadAttention           (8, 16, 64)       16.4 K  4.73 M
        query_proj: Linear                    (8, 16, 64)        4.1 K  1.05 M
        key_proj: Linear                      (8, 16, 64)        4.1 K  1.05 M
        value_proj: Linear                    (8, 16, 64)        4.1 K  1.05 M
        out_proj: Linear                      (8, 16, 64)        4.1 K  1.05 M
      ln1: LayerNorm                          (8, 16, 64)          128  8.19 K
      ln2: LayerNorm                          (8, 16, 64)          128  8.19 K
      linear1: Linear                         (8, 16, 256)      16.6 K  4.23 M
      linear2: Linear                         (8, 16, 64)       16.4 K   4.2 M
      dropout1: Dropout                       (8, 16, 64)            0       0
      dropout2: Dropout                       (8, 16, 256)           0       0
    ln: LayerNorm                             (8, 16, 64)          128  8.19 K
  classification_head: Linear                 (8, 16, 10)          650   165 K
------------------------------------------------------------------------------
50506 parameters (197 KiB), 50506 trainable
forward pass: 13.4 M FLOPs, 554 KiB; forward and backward pass: 1.14 MiB
)");
  std::ostringstream os;
  os << summary();
  EXPECT_EQ(os.str(), table(80));
}

TEST(SummaryTable, At120ColumnsIsAsWideAsItsRows) {
  EXPECT_EQ(table(120),
            R"(layer                                         output        parameters   FLOPs
------------------------------------------------------------------------------
Model                                         (8, 16, 10)       50.5 K  13.4 M
  language_model_encoder: TransformerEncoder  (8, 16, 64)       49.9 K  13.2 M
    layers.0: TransformerEncoderLayer         (8, 16, 64)       49.7 K  13.2 M
      attention: MultiHeadAttention           (8, 16, 64)       16.4 K  4.73 M
        query_proj: Linear                    (8, 16, 64)        4.1 K  1.05 M
        key_proj: Linear                      (8, 16, 64)        4.1 K  1.05 M
        value_proj: Linear                    (8, 16, 64)        4.1 K  1.05 M
        out_proj: Linear                      (8, 16, 64)        4.1 K  1.05 M
      ln1: LayerNorm                          (8, 16, 64)          128  8.19 K
      ln2: LayerNorm                          (8, 16, 64)          128  8.19 K
      linear1: Linear                         (8, 16, 256)      16.6 K  4.23 M
      linear2: Linear                         (8, 16, 64)       16.4 K   4.2 M
      dropout1: Dropout                       (8, 16, 64)            0       0
      dropout2: Dropout                       (8, 16, 256)           0       0
    ln: LayerNorm                             (8, 16, 64)          128  8.19 K
  classification_head: Linear                 (8, 16, 10)          650   165 K
------------------------------------------------------------------------------
50506 parameters (197 KiB), 50506 trainable
forward pass: 13.4 M FLOPs, 554 KiB; forward and backward pass: 1.14 MiB
)");
  EXPECT_EQ(table(120), table(1000));
}

TEST(SummaryTable, KeepsTheTypesOfLongPathsAndCutsManyOutputs) {
  nn::Summary summary;
  summary.rows.push_back({"", "Model", 0, {{1}}, 1, 1, 1, 1});
  summary.rows.push_back(
      {"a_path_of_more_characters_than_there_is_room_for", "Linear", 1, {}, 0, 1, 1, 1});
  summary.rows.push_back({"heads", "Heads", 1, std::vector<Shape>(9, {64, 64}), 2, 1, 1, 1});
  const std::string text = summary.table(60);
  expect_within(text, 60);
  EXPECT_NE(text.find("…"), std::string::npos);
  EXPECT_NE(text.find(": Linear "), std::string::npos) << text;
  EXPECT_NE(text.find("  heads: Heads x2 "), std::string::npos) << text;
}

}  // namespace
}  // namespace mica
