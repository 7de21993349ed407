// Losses give the values and gradients of mlx.nn's; class weights, which it has not, those of their
// formula.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using nn::Reduction;
using nn::losses::binary_cross_entropy;
using nn::losses::BinaryCrossEntropyOptions;
using nn::losses::cross_entropy;
using nn::losses::CrossEntropyOptions;

constexpr std::pair<Reduction, const char*> reductions[] = {
    {Reduction::none, "none"}, {Reduction::mean, "mean"}, {Reduction::sum, "sum"}};

class Losses : public ::testing::Test {
 protected:
  void expect_cross_entropy(const std::string& name, const array& targets,
                            const CrossEntropyOptions& options) const {
    expect_case(
        file_, name, [&](const array& x) { return cross_entropy(x, targets, options); }, logits_);
  }

  const Goldens file_ = golden::load("nn/losses");
  const array logits_ = file_.at("logits"), labels_ = file_.at("labels");
  const array shares_ = file_.at("shares"), weights_ = file_.at("weights");
  const array grid_ = file_.at("grid"), truths_ = file_.at("truths");
};

TEST_F(Losses, CrossEntropyOfIndices) {
  expect_cross_entropy("indices", labels_, {});
  expect_cross_entropy("indices_mean", labels_, {.reduction = Reduction::mean});
  expect_cross_entropy("indices_sum", labels_, {.reduction = Reduction::sum});
  expect_cross_entropy("indices_weights", labels_, {.weights = weights_});
  expect_cross_entropy("indices_weights_mean", labels_,
                       {.weights = weights_, .reduction = Reduction::mean});
  expect_cross_entropy("indices_axis", file_.at("columns"),
                       {.weights = file_.at("column_weights"), .axis = 0});
  expect_cross_entropy("indices_smoothing", labels_, {.label_smoothing = 0.2});
}

TEST_F(Losses, CrossEntropyOfProbabilities) {
  expect_cross_entropy("probabilities", shares_, {});
  expect_cross_entropy("probabilities_axis", shares_, {.axis = 0, .reduction = Reduction::sum});
  expect_cross_entropy("probabilities_smoothing", shares_,
                       {.weights = weights_, .label_smoothing = 0.2});
}

TEST_F(Losses, CrossEntropyOfLargeLogits) {
  expect_case(
      file_, "large", [&](const array& x) { return cross_entropy(x, labels_); },
      logits_ * array(1000.0f));
}

// Minus the mean over classes of their shares in the target, weights and log-probabilities.
TEST_F(Losses, CrossEntropyScalesTheTermsOfClassesByTheirWeights) {
  const array class_weights({0.5f, 2.0f, 0.0f, 1.0f, 3.0f});
  const array terms = -nn::log_softmax(logits_) * class_weights;
  const array one_hot =
      astype(expand_dims(labels_, 1) == expand_dims(arange(5, int32), 0), float32);
  const auto expect_formula = [&](const array& targets, const array& shares, double smoothing) {
    const array smooth = full({4, 5}, array(smoothing / 5));
    const array expected =
        sum((shares * array(1 - smoothing) + smooth) * terms, std::vector<int>{1});
    const CrossEntropyOptions options{.class_weights = class_weights, .label_smoothing = smoothing};
    expect_close(cross_entropy(logits_, targets, options), expected, {});
    CrossEntropyOptions mean_of = options;
    mean_of.weights = weights_;
    mean_of.reduction = Reduction::mean;
    expect_close(cross_entropy(logits_, targets, mean_of), mean(expected * weights_), {});
  };
  for (const double smoothing : {0.0, 0.2}) {
    expect_formula(labels_, one_hot, smoothing);
    expect_formula(shares_, shares_, smoothing);
  }
  const array along_rows =
      cross_entropy(transpose(logits_), labels_, {.class_weights = class_weights, .axis = 0});
  expect_close(along_rows, cross_entropy(logits_, labels_, {.class_weights = class_weights}), {});
}

TEST_F(Losses, SquaredAndAbsoluteErrors) {
  for (const auto& [reduction, name] : reductions) {
    const nn::losses::ReductionOptions options{.reduction = reduction};
    expect_case(
        file_, std::string("mse_") + name,
        [&](const array& x) { return nn::losses::mse_loss(x, grid_, options); }, logits_);
    expect_case(
        file_, std::string("l1_") + name,
        [&](const array& x) { return nn::losses::l1_loss(x, grid_, options); }, logits_);
  }
  golden::expect_same(nn::losses::mse_loss(logits_, grid_),
                      nn::losses::mse_loss(logits_, grid_, {.reduction = Reduction::mean}));
}

TEST_F(Losses, BinaryCrossEntropy) {
  const auto expect_loss = [&](const std::string& name, const BinaryCrossEntropyOptions& options,
                               const array& inputs) {
    expect_case(
        file_, name, [&](const array& x) { return binary_cross_entropy(x, truths_, options); },
        inputs);
  };
  for (const auto& [reduction, name] : reductions) {
    expect_loss(std::string("bce_") + name, {.reduction = reduction}, logits_);
    expect_loss(std::string("bce_weights_") + name, {.weights = grid_, .reduction = reduction},
                logits_);
    expect_loss(std::string("bce_probabilities_") + name,
                {.with_logits = false, .reduction = reduction}, file_.at("sure"));
  }
  expect_loss("bce_large", {.reduction = Reduction::none}, logits_ * array(1000.0f));
  golden::expect_same(binary_cross_entropy(logits_, truths_),
                      binary_cross_entropy(logits_, truths_, {.reduction = Reduction::mean}));
}

TEST_F(Losses, HalfPrecisionIsKept) {
  for (const Dtype dtype : {bfloat16, float16}) {
    const array logits = astype(logits_, dtype);
    expect_close(cross_entropy(logits, labels_), astype(file_.at("indices.output"), dtype),
                 half_tolerance(dtype));
    expect_close(binary_cross_entropy(logits, astype(truths_, dtype)),
                 astype(file_.at("bce_mean.output"), dtype), half_tolerance(dtype));
  }
}

TEST_F(Losses, ErrorsNameTheLossTheExpectedAndTheGot) {
  const auto expect_error = [](const auto& f, const std::string& text) {
    EXPECT_EQ(error_of(f), text);
  };
  expect_error([&] { cross_entropy(logits_, zeros({3}, int32)); },
               "cross_entropy: expected targets (4,), got (3,)");
  expect_error([&] { cross_entropy(logits_, transpose(shares_)); },
               "cross_entropy: expected targets (4, 5), got (5, 4)");
  expect_error([&] { cross_entropy(logits_, weights_); },
               "cross_entropy: expected targets of integers, got float32");
  expect_error([&] { cross_entropy(logits_, labels_, {.weights = grid_}); },
               "cross_entropy: expected weights (4,), got (4, 5)");
  expect_error([&] { cross_entropy(logits_, labels_, {.class_weights = weights_}); },
               "cross_entropy: expected class_weights (5,), got (4,)");
  expect_error([&] { cross_entropy(logits_, labels_, {.label_smoothing = 1}); },
               "cross_entropy: expected label_smoothing in [0, 1), got 1.0");
  expect_error([&] { cross_entropy(logits_, labels_, {.axis = 2}); },
               "cross_entropy: expected axis in [-2, 2), got 2");
  expect_error([&] { binary_cross_entropy(logits_, weights_); },
               "binary_cross_entropy: expected targets (4, 5), got (4,)");
  expect_error([&] { binary_cross_entropy(logits_, truths_, {.weights = weights_}); },
               "binary_cross_entropy: expected weights (4, 5), got (4,)");
  expect_error([&] { nn::losses::mse_loss(logits_, weights_); },
               "mse_loss: expected targets (4, 5), got (4,)");
  expect_error([&] { nn::losses::l1_loss(logits_, weights_); },
               "l1_loss: expected targets (4, 5), got (4,)");
}

}  // namespace
}  // namespace mica
