// Losses of distances give the values and gradients of mlx.nn's; CTC, focal and dice losses and
// ignored targets those of torch.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using nn::Reduction;
using namespace nn::losses;

constexpr std::pair<Reduction, const char*> reductions[] = {
    {Reduction::none, "none"}, {Reduction::mean, "mean"}, {Reduction::sum, "sum"}};
using Arrays = std::vector<array>;

class MoreLosses : public ::testing::Test {
 protected:
  // The loss of the case, not reduced, with the gradients in its arguments.
  void expect_loss(const std::string& name, const std::function<array(const Arrays&)>& loss) const {
    Arrays inputs;
    while (file_.contains(name + ".x." + std::to_string(inputs.size())))
      inputs.push_back(file_.at(name + ".x." + std::to_string(inputs.size())));
    ASSERT_FALSE(inputs.empty()) << name;
    expect_case(file_, name, loss, inputs, file_.at(name + ".cotangent"), {1e-4, 1e-5});
  }
  // The default, and all reductions of it.
  template <class Options, class F>
  void expect_reductions(const std::string& name, const Arrays& x, const F& loss) const {
    SCOPED_TRACE(name);
    expect_close(loss(x, Options{}), file_.at(name + "_default"), Tolerance{});
    for (const auto& [reduction, reduction_name] : reductions) {
      Options options;
      options.reduction = reduction;
      if (reduction == Reduction::none)
        expect_loss(name, [&](const Arrays& a) { return loss(a, options); });
      else
        expect_close(loss(x, options), file_.at(name + "_" + reduction_name), Tolerance{});
    }
  }

  const Goldens file_ = golden::load("nn/more_losses");
  const array x_ = file_.at("x"), y_ = file_.at("y"), z_ = file_.at("z");
  const array log_x_ = file_.at("log_x"), log_y_ = file_.at("log_y");
  const array signs_ = file_.at("signs"), variances_ = file_.at("variances");
};

TEST_F(MoreLosses, OfDistances) {
  const Arrays pair{x_ * array(2.0f), y_};
  constexpr Reduction none = Reduction::none;
  expect_reductions<SmoothL1Options>("smooth_l1", pair, [](const Arrays& a, const auto& o) {
    return smooth_l1_loss(a[0], a[1], o);
  });
  expect_loss("smooth_l1_beta", [](const Arrays& a) {
    return smooth_l1_loss(a[0], a[1], {.beta = 0.3, .reduction = none});
  });
  expect_reductions<HuberOptions>(
      "huber", pair, [](const Arrays& a, const auto& o) { return huber_loss(a[0], a[1], o); });
  expect_loss("huber_delta",
              [](const Arrays& a) { return huber_loss(a[0], a[1], {.delta = 0.3}); });
  expect_loss("huber_row", [](const Arrays& a) { return huber_loss(a[0], a[1]); });
  expect_reductions<UnreducedOptions>("log_cosh", pair, [](const Arrays& a, const auto& o) {
    return log_cosh_loss(a[0], a[1], o);
  });
  expect_reductions<UnreducedOptions>("hinge", {x_, signs_}, [](const Arrays& a, const auto& o) {
    return hinge_loss(a[0], a[1], o);
  });
}

TEST_F(MoreLosses, OfDistributions) {
  constexpr Reduction none = Reduction::none;
  expect_reductions<GaussianNllOptions>(
      "gaussian_nll", {x_, y_, variances_},
      [](const Arrays& a, const auto& o) { return gaussian_nll_loss(a[0], a[1], a[2], o); });
  expect_loss("gaussian_nll_full", [](const Arrays& a) {
    return gaussian_nll_loss(a[0], a[1], a[2], {.full = true, .reduction = none});
  });
  expect_loss("gaussian_nll_eps", [](const Arrays& a) {
    return gaussian_nll_loss(a[0], a[1], a[2], {.eps = 0.3, .reduction = none});
  });
  expect_reductions<KlDivOptions>("kl_div", {log_x_, log_y_}, [](const Arrays& a, const auto& o) {
    return kl_div_loss(a[0], a[1], o);
  });
  expect_loss("kl_div_axis", [](const Arrays& a) { return kl_div_loss(a[0], a[1], {.axis = 0}); });
  const array labels = file_.at("labels"), columns = file_.at("columns");
  expect_case(
      file_, "nll", [&](const array& x) { return nll_loss(x, labels); }, log_x_);
  expect_case(
      file_, "nll_axis", [&](const array& x) { return nll_loss(x, columns, {.axis = 0}); }, log_x_);
  expect_close(nll_loss(log_x_, labels, {.reduction = Reduction::mean}), file_.at("nll_mean"),
               Tolerance{});
  expect_close(nll_loss(log_x_, labels, {.reduction = Reduction::sum}), file_.at("nll_sum"),
               Tolerance{});
}

TEST_F(MoreLosses, OfComparisons) {
  expect_reductions<CosineSimilarityOptions>(
      "cosine", {x_, y_},
      [](const Arrays& a, const auto& o) { return cosine_similarity_loss(a[0], a[1], o); });
  expect_loss("cosine_axis",
              [](const Arrays& a) { return cosine_similarity_loss(a[0], a[1], {.axis = 0}); });
  expect_loss("cosine_eps",
              [](const Arrays& a) { return cosine_similarity_loss(a[0], a[1], {.eps = 5.0}); });
  expect_reductions<MarginRankingOptions>(
      "ranking", {x_, y_, signs_},
      [](const Arrays& a, const auto& o) { return margin_ranking_loss(a[0], a[1], a[2], o); });
  expect_loss("ranking_margin", [](const Arrays& a) {
    return margin_ranking_loss(a[0], a[1], a[2], {.margin = 0.7});
  });
  const auto triplet = [](const TripletOptions& options) {
    return [options](const Arrays& a) { return triplet_loss(a[0], a[1], a[2], options); };
  };
  expect_reductions<TripletOptions>(
      "triplet", {x_, y_, z_},
      [&](const Arrays& a, const TripletOptions& o) { return triplet(o)(a); });
  expect_loss("triplet_axis", triplet({.axis = 0}));
  expect_loss("triplet_p", triplet({.p = 3}));
  expect_loss("triplet_margin", triplet({.margin = 3.0}));
  expect_loss("triplet_eps", triplet({.eps = 0.5}));
}

TEST_F(MoreLosses, HalfPrecisionIsKept) {
  const auto expect_half = [&](const std::string& name, const array& loss) {
    SCOPED_TRACE(name);
    expect_close(loss, astype(file_.at(name + ".output"), loss.dtype()), {3e-2, 6e-2});
    EXPECT_EQ(loss.dtype(), bfloat16);
  };
  const array x = astype(x_, bfloat16), y = astype(y_, bfloat16), z = astype(z_, bfloat16);
  const array two = array(2, bfloat16);
  expect_half("smooth_l1", smooth_l1_loss(two * x, y, {.reduction = Reduction::none}));
  expect_half("huber", huber_loss(two * x, y));
  expect_half("log_cosh", log_cosh_loss(two * x, y));
  expect_half("hinge", hinge_loss(x, astype(signs_, bfloat16)));
  expect_half("kl_div", kl_div_loss(astype(log_x_, bfloat16), astype(log_y_, bfloat16)));
  expect_half("cosine", cosine_similarity_loss(x, y));
  expect_half("ranking", margin_ranking_loss(x, y, astype(signs_, bfloat16)));
  expect_half("triplet", triplet_loss(x, y, z));
}

class TorchLosses : public ::testing::Test {
 protected:
  void expect(const std::string& name, const std::function<array(const array&)>& loss,
              const array& x, Tolerance tolerance = {1e-4, 1e-5}) const {
    SCOPED_TRACE(name);
    expect_close(loss(x), file_.at(name + ".output"), tolerance);
    const auto gradient = grad([&](const array& a) { return sum(loss(a)); })(x);
    expect_close(gradient, file_.at(name + ".gradient"), tolerance);
  }

  const Goldens file_ = golden::load("nn/torch_losses");
  const array logits_ = file_.at("logits"), labels_ = file_.at("labels");
};

TEST_F(TorchLosses, IgnoredTargets) {
  const array all({0, 3, 2, 4});
  for (const auto& [reduction, name] : reductions) {
    const auto with = [&, reduction = reduction](const array& targets, int ignored, double smooth) {
      return [=](const array& x) {
        return cross_entropy(
            x, targets,
            {.label_smoothing = smooth, .reduction = reduction, .ignore_index = ignored});
      };
    };
    expect(std::string("ignore_") + name, with(labels_, -100, 0), logits_);
    expect(std::string("ignore_smooth_") + name, with(all, 2, 0.2), logits_);
    expect(
        std::string("ignore_nll_") + name,
        [&, reduction = reduction](const array& x) {
          return nll_loss(nn::log_softmax(x), labels_,
                          {.reduction = reduction, .ignore_index = -100});
        },
        logits_);
  }
  const auto nothing = [&](const array& x) {
    return cross_entropy(x, full({4}, array(-1)),
                         {.reduction = Reduction::mean, .ignore_index = -1});
  };
  EXPECT_EQ(nothing(logits_).item<float>(), 0);
  golden::expect_same(grad(nothing)(logits_), zeros({4, 5}));
}

TEST_F(TorchLosses, FocalAndDice) {
  const array truths = file_.at("truths");
  const auto focal = [&](const FocalOptions& options) {
    return [&, options](const array& x) { return focal_loss(x, truths, options); };
  };
  constexpr Reduction none = Reduction::none;
  expect("focal", focal({}), logits_);
  expect("focal_alpha", focal({.alpha = 0.7}), logits_);
  expect("focal_no_alpha", focal({.alpha = -1}), logits_);
  expect("focal_gamma", focal({.gamma = 0.5}), logits_);
  const auto sure = [](const array& x) {
    return sum(focal_loss(x, ones({1}), {.gamma = 0.5, .reduction = nn::Reduction::none}));
  };
  golden::expect_same(grad(sure)(array({200.0f})), zeros({1}));
  expect_close(focal_loss(logits_, truths), file_.at("focal.output"), Tolerance{});
  expect_close(focal_loss(logits_, truths, {.reduction = Reduction::mean}),
               mean(file_.at("focal.output")), Tolerance{});
  expect_close(focal_loss(logits_, truths, {.reduction = Reduction::sum}),
               sum(file_.at("focal.output")), Tolerance{});
  const auto dice = [&](const DiceOptions& options) {
    return [&, options](const array& x) { return dice_loss(sigmoid(x), truths, options); };
  };
  expect("dice", dice({}), logits_);
  expect("dice_smooth", dice({.smooth = 0.1, .reduction = none}), logits_);
}

TEST_F(TorchLosses, Ctc) {
  const array scores = file_.at("scores"), lengths = file_.at("input_lengths");
  const array sizes = file_.at("target_lengths");
  const auto ctc = [&](const std::string& targets, const CtcOptions& options) {
    return [&, targets = file_.at(targets), options](const array& x) {
      return ctc_loss(nn::log_softmax(x), targets, lengths, sizes, options);
    };
  };
  for (const auto& [reduction, name] : reductions) {
    const CtcOptions options{.zero_infinity = true, .reduction = reduction};
    expect(std::string("ctc_") + name, ctc("targets", options), scores);
  }
  expect("ctc_blank",
         ctc("blank_targets", {.blank = 4, .zero_infinity = true, .reduction = Reduction::none}),
         scores);
  // The third target, three equal labels, needs five steps and has four.
  const array losses = ctc("targets", {.reduction = Reduction::none})(scores);
  EXPECT_EQ(losses[2].item<float>(), std::numeric_limits<float>::infinity());
  const array halves = ctc(
      "targets", {.zero_infinity = true, .reduction = Reduction::none})(astype(scores, bfloat16));
  expect_close(halves, astype(file_.at("ctc_none.output"), bfloat16), half_tolerance(bfloat16));
}

TEST(MoreLossesErrors, NameTheLossTheExpectedAndTheGot) {
  const auto expect_error = [](const auto& f, const std::string& text) {
    EXPECT_EQ(error_of(f), text);
  };
  const array x = zeros({4, 5}), row = zeros({4}), labels = zeros({4}, int32);
  expect_error([&] { smooth_l1_loss(x, row); },
               "smooth_l1_loss: expected targets (4, 5), got (4,)");
  expect_error([&] { smooth_l1_loss(x, x, {.beta = 0}); },
               "smooth_l1_loss: expected beta above 0, got 0.0");
  expect_error([&] { huber_loss(x, row); },
               "huber_loss: expected targets that broadcast with (4, 5), got (4,)");
  expect_error([&] { huber_loss(x, x, {.delta = -1}); },
               "huber_loss: expected delta of at least 0, got -1.0");
  expect_error([&] { gaussian_nll_loss(x, row, x); },
               "gaussian_nll_loss: expected targets (4, 5), got (4,)");
  expect_error([&] { gaussian_nll_loss(x, x, row); },
               "gaussian_nll_loss: expected vars (4, 5), got (4,)");
  expect_error([&] { margin_ranking_loss(x, x, row); },
               "margin_ranking_loss: expected targets (4, 5), got (4,)");
  expect_error([&] { margin_ranking_loss(x, row, x); },
               "margin_ranking_loss: expected inputs2 (4, 5), got (4,)");
  expect_error([&] { cosine_similarity_loss(row, row); },
               "cosine_similarity_loss: expected axis in [-1, 1), got 1");
  expect_error([&] { triplet_loss(x, x, x, {.p = 0}); },
               "triplet_loss: expected p of at least 1, got 0");
  expect_error([&] { nll_loss(x, row); }, "nll_loss: expected targets of integers, got float32");
  expect_error([&] { nll_loss(x, zeros({5}, int32)); },
               "nll_loss: expected targets (4,), got (5,)");
  expect_error([&] { cross_entropy(x, x, {.ignore_index = 1}); },
               "cross_entropy: expected class indices as targets with ignore_index, got "
               "probabilities");
  expect_error([&] { focal_loss(x, row); }, "focal_loss: expected targets (4, 5), got (4,)");
  expect_error([&] { focal_loss(x, x, {.gamma = -1}); },
               "focal_loss: expected gamma of at least 0, got -1.0");
  expect_error([&] { focal_loss(x, x, {.alpha = 2}); },
               "focal_loss: expected alpha of at most 1, got 2.0");
  expect_error([&] { dice_loss(row, row); }, "dice_loss: expected inputs (N, ...), got (4,)");
  const array scores = zeros({4, 6, 5}), targets = zeros({4, 2}, int32);
  expect_error([&] { ctc_loss(x, targets, labels, labels); },
               "ctc_loss: expected log_probs (N, T, C), got (4, 5)");
  expect_error([&] { ctc_loss(scores, labels, labels, labels); },
               "ctc_loss: expected targets (4, S), got (4,)");
  expect_error([&] { ctc_loss(scores, targets, row, labels); },
               "ctc_loss: expected input_lengths of integers, got float32");
  expect_error([&] { ctc_loss(scores, targets, labels, targets); },
               "ctc_loss: expected target_lengths (4,), got (4, 2)");
  expect_error([&] { ctc_loss(scores, targets, labels, labels, {.blank = 5}); },
               "ctc_loss: expected blank in [0, 5), got 5");
}

}  // namespace
}  // namespace mica
