#include "mica/nn/module.h"

#include <gtest/gtest.h>

#include <thread>

#include "models.h"

namespace mica {
namespace {

std::string paths(const Tree& tree) {
  std::string all;
  for (const auto& [path, value] : tree_flatten(tree)) all += (all.empty() ? "" : " ") + path;
  return all;
}

TEST(Module, ParametersFollowTheListedMembers) {
  Everything model;
  EXPECT_EQ(paths(model.parameters()),
            "weight heads.0.a.weight heads.0.a.bias heads.0.b.weight heads.0.b.bias norm.weight "
            "norm.bias norm.running_mean norm.running_var gains.0 gains.1 weights.weight");
  EXPECT_EQ(model.parameters()["heads"][0]["b"]["weight"].shape(), (Shape{4, 3}));
  EXPECT_EQ(model.parameters()["weights"]["weight"].leaf().id(), model.w.weight.id());
  EXPECT_TRUE(model.state().contains("_scratch"));
  model.bias = zeros({2});
  model.extra = nn::Linear(1, 1);
  EXPECT_TRUE(model.parameters().contains("bias"));
  EXPECT_TRUE(model.parameters()["extra"].contains("weight"));
}

TEST(Module, MembersOfBaseClassesComeFirst) {
  struct Scaled : nn::Linear {
    array scale = ones({1});
    MICA_MODULE(Scaled, scale)
    Scaled() : Linear(2, 3) {}
  };
  EXPECT_EQ(paths(Scaled().parameters()), "weight bias scale");
  EXPECT_EQ(text(Scaled()), "Scaled(input_dims=2, output_dims=3, bias=True)");
}

TEST(Module, PrintsAsMlx) {
  EXPECT_EQ(text(MLP(2, 10)),
            "MLP(\n"
            "  (layers.0): Linear(input_dims=2, output_dims=8, bias=True)\n"
            "  (layers.1): Linear(input_dims=8, output_dims=8, bias=True)\n"
            "  (layers.2): Linear(input_dims=8, output_dims=10, bias=True)\n"
            ")");
  EXPECT_EQ(text(nn::Sequential{nn::Identity(), nn::Sequential{nn::BatchNorm(3)}}),
            "Sequential(\n"
            "  (layers.0): Identity()\n"
            "  (layers.1): Sequential(\n"
            "    (layers.0): BatchNorm(3, eps=1e-05, momentum=0.1, affine=True, "
            "track_running_stats=True)\n"
            "  )\n"
            ")");
  EXPECT_EQ(text(nn::Sequential()), "Sequential()");
}

TEST(Module, CopiesAreIndependent) {
  MLP model(2, 3);
  MLP copy = model;
  EXPECT_EQ(copy.layers[0].weight.id(), model.layers[0].weight.id());
  model.update(tree_map([](const array& p) { return zeros_like(p); }, model.parameters()));
  EXPECT_EQ(total(abs(model.layers[0].weight)), 0.0f);
  EXPECT_GT(total(abs(copy.layers[0].weight)), 0.0f);
  copy.freeze();
  copy.eval();
  EXPECT_EQ(paths(copy.trainable_parameters()), "");
  EXPECT_NE(paths(model.trainable_parameters()), "");
  EXPECT_TRUE(model.layers[2].training());
  EXPECT_FALSE(copy.layers[2].training());
  copy = model;
  EXPECT_TRUE(copy.layers[2].training());
}

TEST(Module, UpdateTakesPartOfTheParameters) {
  Everything model;
  Tree tree;
  tree["heads"] = Tree::list({Tree()});
  tree["heads"][0]["b"]["bias"] = ones({4});
  tree["gains"] = Tree::list({Tree(), array(7.0f)});
  const auto before = model.w.weight.id();
  model.update(tree);
  EXPECT_EQ(total(*model.heads[0].at("b").bias), 4.0f);
  EXPECT_EQ(model.gains[1].item<float>(), 7.0f);
  EXPECT_EQ(model.gains[0].item<float>(), 1.0f);
  EXPECT_EQ(model.w.weight.id(), before);
}

TEST(Module, UpdateChecksAllBeforeItChangesAnything) {
  Everything model;
  const auto before = model.weight.id();
  auto attempt = [&](auto&& change) {
    Tree tree;
    tree["weight"] = zeros({2});
    change(tree);
    const std::string error = error_of([&] { model.update(tree); });
    EXPECT_EQ(model.weight.id(), before);
    return error;
  };
  EXPECT_EQ(attempt([](Tree& t) { t["norm"]["wieght"] = zeros({3}); }),
            "update: expected one of the keys weight, bias, running_mean, running_var of BatchNorm "
            "(norm), got 'wieght'");
  EXPECT_EQ(attempt([](Tree& t) {
              t["weights"]["weight"] = zeros({2, 3});
            }),
            "update: expected weights.weight of shape (2, 2), got (2, 3)");
  EXPECT_EQ(attempt([](Tree& t) { t["heads"] = zeros({1}); }),
            "update: expected a list at heads, got an array");
  EXPECT_EQ(attempt([](Tree& t) { t["gains"]["x"] = zeros({1}); }),
            "update: expected a list at gains, got a dictionary");
  EXPECT_EQ(attempt([](Tree& t) { t["norm"]["bias"]["x"] = zeros({1}); }),
            "update: expected an array at norm.bias, got a dictionary");
  EXPECT_EQ(attempt([](Tree& t) {
              t["gains"] = Tree::list({Tree(), Tree(), Tree()});
            }),
            "update: expected at most 2 entries at gains, got 3");
  Tree unknown;
  unknown["nothing"] = array(1.0f);
  unknown["weight"] = zeros({5});
  model.update(unknown, false);
  EXPECT_EQ(model.weight.shape(), (Shape{5}));
}

TEST(Module, FreezeTakesKeysOfParametersAndChildren) {
  Everything model;
  model.freeze({.keys = {"heads", "bias"}});
  EXPECT_EQ(paths(model.trainable_parameters()),
            "weight norm.weight gains.0 gains.1 weights.weight");
  model.unfreeze({.keys = {"heads"}});
  EXPECT_EQ(paths(model.trainable_parameters()),
            "weight heads.0.a.weight heads.0.b.weight norm.weight gains.0 gains.1 weights.weight");
  model.unfreeze();
  model.freeze({.recurse = false});
  EXPECT_EQ(paths(model.trainable_parameters()),
            "heads.0.a.weight heads.0.a.bias heads.0.b.weight heads.0.b.bias norm.weight norm.bias "
            "weights.weight");
  EXPECT_EQ(error_of([&] { model.freeze({.keys = {"bais"}, .strict = true}); }),
            "freeze: expected keys of members of Everything, got 'bais'");
  model.freeze({.keys = {"running_mean"}, .strict = true});
}

TEST(Module, StatisticsStayFrozen) {
  Everything model;
  model.freeze().unfreeze();
  EXPECT_EQ(paths(model.trainable_parameters()),
            "weight heads.0.a.weight heads.0.a.bias heads.0.b.weight heads.0.b.bias norm.weight "
            "norm.bias gains.0 gains.1 weights.weight");
  model.norm.unfreeze({.keys = {"running_mean"}});
  EXPECT_FALSE(model.trainable_parameters()["norm"].contains("running_mean"));
}

TEST(Module, WalksInTheOrderOfMlx) {
  Everything model;
  std::string names;
  for (const auto& [path, module] : model.named_modules())
    names += path + ":" + module->type_name() + " ";
  EXPECT_EQ(names, ":Everything weights:Linear norm:BatchNorm heads.0.b:Linear heads.0.a:Linear ");
  EXPECT_EQ(model.modules().size(), 5u);
  EXPECT_EQ(model.modules()[2].as<nn::BatchNorm>(), &model.norm);
  model.apply_to_modules([](const std::string& path, nn::Module& module) {
    if (path == "norm") module.eval();
  });
  EXPECT_FALSE(model.norm.training());
}

TEST(Module, ChildrenAreTreesOfModules) {
  Everything model;
  auto children = model.children();
  EXPECT_EQ(children["norm"].leaf().as<nn::BatchNorm>(), &model.norm);
  EXPECT_EQ(text(children["heads"][0]["b"]), "Linear(input_dims=3, output_dims=4, bias=True)");
  EXPECT_TRUE(children["gains"][0].empty());
  nn::Sequential nested{nn::Sequential{nn::Identity()}, nn::Identity()};
  EXPECT_TRUE(nested.children()["layers"][0].is_leaf());
  EXPECT_EQ(nested.leaf_modules()["layers"][0]["layers"][0].leaf().get(),
            nested.layers[0].as<nn::Sequential>()->layers[0].as<nn::Identity>());
}

TEST(Module, AppliesAndSetsDtypes) {
  Everything model;
  model.gains[0] = array(3, int32);
  model.set_dtype(float16);
  EXPECT_EQ(model.weight.dtype(), float16);
  EXPECT_EQ(model.norm.running_mean->dtype(), float16);
  EXPECT_EQ(model.gains[0].dtype(), int32);
  model.set_dtype(float32, [](Dtype dtype) { return dtype == int32; });
  EXPECT_EQ(model.gains[0].dtype(), float32);
  EXPECT_EQ(model.weight.dtype(), float16);
  model.apply(
      [](const array& p) { return p * array(2.0f, p.dtype()); },
      [](const nn::Module&, const std::string& key, const nn::Member&) { return key == "weight"; });
  EXPECT_EQ(total(model.weight), 4.0f);
  EXPECT_EQ(total(*model.norm.weight), 3.0f);
}

TEST(Module, ErrorsKnowThePathOnceTheModelWasWalked) {
  MLP model(2, 3);
  const array x = zeros({32, 64});
  EXPECT_EQ(error_of([&] { model.layers[1](x); }), "Linear: expected input (..., 8), got (32, 64)");
  model.parameters();
  EXPECT_EQ(error_of([&] { model.layers[1](x); }),
            "Linear (layers.1): expected input (..., 8), got (32, 64)");
  nn::Linear copy = model.layers[1];
  EXPECT_EQ(error_of([&] { copy(x); }), "Linear: expected input (..., 8), got (32, 64)");
  nn::Sequential outer{nn::Identity(), nn::Sequential{nn::Linear(2, 3)}};
  outer.train();
  EXPECT_EQ(error_of([&] { outer(x); }),
            "Linear (layers.1.layers.0): expected input (..., 2), got (32, 64)");
}

TEST(Module, CanBeWalkedFromSeveralThreads) {
  const Everything model;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) EXPECT_EQ(tree_flatten(model.parameters()).size(), 12u);
    });
  for (auto& thread : threads) thread.join();
}

TEST(Module, LoadWeightsIsExactWhereStrict) {
  MLP model(2, 3);
  auto weights = tree_flatten(MLP(2, 3).parameters());
  model.load_weights(weights);
  EXPECT_EQ(model.layers[0].weight.id(), weights[0].second.id());
  const auto before = model.layers[0].weight.id();

  auto wrong = tree_flatten(MLP(2, 3).parameters());
  wrong[3].second = zeros({9});
  EXPECT_EQ(error_of([&] { model.load_weights(wrong); }),
            "load_weights: expected layers.1.bias of shape (8,), got (9,)");
  wrong.erase(wrong.begin() + 3);
  EXPECT_EQ(error_of([&] { model.load_weights(wrong); }),
            "load_weights: expected all parameters of MLP, got none named 'layers.1.bias'");
  wrong.emplace_back("layers.9.weight", zeros({1}));
  EXPECT_EQ(error_of([&] { model.load_weights(wrong); }),
            "load_weights: expected only parameters of MLP, got 'layers.9.weight' (did you mean "
            "'layers.1.bias'?)");
  EXPECT_EQ(model.layers[0].weight.id(), before);
  model.load_weights(wrong, false);
  EXPECT_NE(model.layers[0].weight.id(), before);
  EXPECT_EQ(error_of([&] { model.load_weights("weights.txt"); }),
            "load_weights: expected a .safetensors or .npz file, got 'weights.txt'; "
            "nn::load_pytorch reads other files and folders");
}

}  // namespace
}  // namespace mica
