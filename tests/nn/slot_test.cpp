#include "mica/nn/slot.h"

#include <gtest/gtest.h>

#include "mica/nn/activations.h"
#include "models.h"

namespace mica {
namespace {

struct Doubled : nn::Linear {
  using nn::Linear::Linear;
  array operator()(const array& x) const override {
    return array(2.0f) * nn::Linear::operator()(x);
  }
};

struct Attention : nn::Module {
  nn::Slot<nn::Linear> q_proj, o_proj;
  std::vector<nn::Slot<nn::Linear>> experts;
  nn::Linear plain{2, 2};
  MICA_MODULE(Attention, q_proj, o_proj, experts, plain)

  explicit Attention(int dims)
      : q_proj(dims, dims, {.bias = false}),
        o_proj(dims, dims),
        experts{{dims, dims}, {dims, dims, {.bias = false}}} {}
  array operator()(const array& x) { return o_proj(q_proj(x)); }
};

TEST(Slot, IsConstructedAndCalledLikeItsModule) {
  Attention model(2);
  EXPECT_EQ(text(model),
            "Attention(\n"
            "  (q_proj): Linear(input_dims=2, output_dims=2, bias=False)\n"
            "  (o_proj): Linear(input_dims=2, output_dims=2, bias=True)\n"
            "  (experts.0): Linear(input_dims=2, output_dims=2, bias=True)\n"
            "  (experts.1): Linear(input_dims=2, output_dims=2, bias=False)\n"
            "  (plain): Linear(input_dims=2, output_dims=2, bias=True)\n"
            ")");
  const array x = ones({1, 2});
  EXPECT_EQ(total(model.q_proj(x)), total(matmul(x, transpose(model.q_proj->weight))));
}

TEST(Slot, TakesSubclassesAndCopiesThem) {
  Attention model(2);
  const Attention snapshot = model;
  Doubled doubled(2, 2, {.bias = false});
  doubled.weight = ones({2, 2});
  model.q_proj = doubled;
  Attention copy = model;
  const array x = ones({1, 2});
  EXPECT_EQ(total(copy.q_proj(x)), 8.0f);
  ASSERT_NE(copy.q_proj.as<Doubled>(), nullptr);
  EXPECT_EQ(snapshot.q_proj.as<Doubled>(), nullptr);
  copy.q_proj->weight = zeros({2, 2});
  EXPECT_EQ(total(model.q_proj(x)), 8.0f);
  EXPECT_NE(text(copy).find("(q_proj): Doubled(input_dims=2"), std::string::npos);
}

TEST(Slot, UpdateModulesReplaces) {
  Attention model(2);
  nn::ModuleTree tree;
  tree["q_proj"] = Doubled(2, 2);
  tree["experts"] = nn::ModuleTree::list({nn::ModuleTree(), Doubled(2, 2)});
  model.update_modules(tree);
  EXPECT_NE(model.q_proj.as<Doubled>(), nullptr);
  EXPECT_NE(model.experts[1].as<Doubled>(), nullptr);
  EXPECT_EQ(model.experts[0].as<Doubled>(), nullptr);
  // The modules that are there already, plain ones too.
  model.update_modules(model.children());
  // Those of other places of the same model.
  const auto weight = model.experts[1]->weight.id();
  nn::ModuleTree swapped;
  swapped["o_proj"] = model.children()["experts"][1];
  swapped["experts"] = nn::ModuleTree::list({model.children()["q_proj"], Doubled(2, 2)});
  model.update_modules(swapped);
  EXPECT_EQ(model.o_proj->weight.id(), weight);
  EXPECT_NE(model.experts[0].as<Doubled>(), nullptr);
}

TEST(Slot, UpdateModulesRefusesAndChangesNothing) {
  Attention model(2);
  auto attempt = [&](const char* key, nn::ModuleTree value) {
    nn::ModuleTree tree;
    tree["q_proj"] = Doubled(2, 2);
    tree[key] = std::move(value);
    const std::string error = error_of([&] { model.update_modules(tree); });
    EXPECT_EQ(model.q_proj.as<Doubled>(), nullptr);
    return error;
  };
  EXPECT_EQ(attempt("plain", Doubled(2, 2)),
            "update_modules: plain is a plain Linear that can't be replaced; declare it as "
            "nn::Slot<Linear>");
  EXPECT_EQ(attempt("o_proj", nn::Identity()),
            "update_modules: expected a Linear at o_proj, got Identity");
  EXPECT_EQ(attempt("k_proj", nn::Identity()),
            "update_modules: expected one of the keys q_proj, o_proj, experts, plain of Attention, "
            "got 'k_proj'");
  EXPECT_EQ(attempt("experts", nn::Identity()),
            "update_modules: expected a list at experts, got a module");
}

TEST(Sequential, HoldsModulesWhoseCallIsNotConst) {
  nn::Sequential model{nn::Linear(4, 2), MLP(2, 3)};
  EXPECT_EQ(model(ones({5, 4})).shape(), (Shape{5, 3}));
  EXPECT_NE(model.layers[1].as<MLP>(), nullptr);
  nn::ModuleTree tree;
  tree["layers"] = nn::ModuleTree::list({Doubled(4, 2)});
  nn::Sequential copy = model;
  copy.update_modules(tree);
  EXPECT_NE(copy.layers[0].as<Doubled>(), nullptr);
  EXPECT_EQ(model.layers[0].as<Doubled>(), nullptr);
  struct Two : nn::Module {
    MICA_MODULE(Two)
    array operator()(const array& x, const array&) const { return x; }
  };
  tree["layers"] = nn::ModuleTree::list({Two()});
  EXPECT_EQ(error_of([&] { copy.update_modules(tree); }),
            "update_modules: expected a module that maps an array to an array at layers.0, got "
            "Two");
}

TEST(Sequential, TakesFunctions) {
  const double slope = 0.5;
  nn::Sequential model{nn::Identity(), nn::relu, nn::Linear(2, 3),
                       [=](const array& x) { return nn::leaky_relu(x, slope); }};
  EXPECT_EQ(text(model),
            "Sequential(\n"
            "  (layers.0): Identity()\n"
            "  (layers.2): Linear(input_dims=2, output_dims=3, bias=True)\n"
            ")");
  const nn::Sequential copy = model;
  const array x = ones({1, 2});
  EXPECT_EQ(total(copy(x)), total(nn::leaky_relu(model.layers[2](x), slope)));
  EXPECT_TRUE(model.parameters()["layers"][1].empty());
  EXPECT_TRUE(model.parameters()["layers"][2].contains("weight"));
  EXPECT_THROW(*model.layers[1], std::logic_error);
}

struct Tied : nn::Module {
  nn::Shared<nn::Linear> in{2, 2};
  nn::Shared<nn::Linear> out = in;
  MICA_MODULE(Tied, in, out)
  array operator()(const array& x) const { return out(in(x)); }
};

TEST(Shared, IsOneModuleInTwoPlaces) {
  Tied model;
  EXPECT_EQ(&*model.in, &*model.out);
  EXPECT_EQ(tree_flatten(model.parameters()).size(), 2u);
  EXPECT_TRUE(model.parameters().contains("in"));
  EXPECT_FALSE(model.parameters().contains("out"));
  EXPECT_EQ(model.modules().size(), 2u);
  auto weights = tree_flatten(model.parameters());
  weights.emplace_back("out.weight", weights[0].second);  // files may hold both
  model.load_weights(weights);
}

TEST(Shared, StaysTiedWithinACopyAndOnlyThere) {
  Tied model;
  std::vector<Tied> copies{model, model};
  copies.push_back(copies[0]);
  for (Tied& copy : copies) {
    EXPECT_EQ(&*copy.in, &*copy.out);
    EXPECT_NE(&*copy.in, &*model.in);
  }
  EXPECT_NE(&*copies[0].in, &*copies[2].in);
  copies[0].in->weight = zeros({2, 2});
  EXPECT_EQ(total(abs(copies[0].out->weight)), 0.0f);
  EXPECT_GT(total(abs(model.out->weight)), 0.0f);
  copies[1] = copies[0];
  EXPECT_EQ(&*copies[1].in, &*copies[1].out);
  EXPECT_NE(&*copies[1].in, &*copies[0].in);

  struct Outer : nn::Module {
    Tied block;
    nn::Shared<nn::Linear> head;
    MICA_MODULE(Outer, block, head)
    explicit Outer(const Tied& tied) : block(tied), head(block.in) {}
  };
  const Outer outer(model);
  const Outer copy = outer;
  EXPECT_EQ(&*outer.head, &*outer.block.out);
  EXPECT_EQ(&*copy.head, &*copy.block.out);
  EXPECT_NE(&*copy.head, &*outer.head);
}

}  // namespace
}  // namespace mica
