#include "mica/nn/tree.h"

#include <gtest/gtest.h>

#include "models.h"

namespace mica {
namespace {

using Numbers = BasicTree<int>;

Numbers numbers() {
  Numbers tree;
  tree["b"] = 1;
  tree["layers"] = Numbers::list({2, Numbers(), 3});
  tree["a"]["x"] = 4;
  return tree;
}

TEST(Tree, KeepsInsertionOrderAndPrintsAsPython) {
  EXPECT_EQ(text(numbers()), "{'b': 1, 'layers': [2, {}, 3], 'a': {'x': 4}}");
  EXPECT_EQ(text(BasicTree<std::string>("it's")), "\"it's\"");
}

TEST(Tree, ForwardsToLeavesAndConverts) {
  Tree tree;
  tree["layers"] = Tree::list({zeros({2, 3}, float16)});
  EXPECT_EQ(tree["layers"][0].shape(), (Shape{2, 3}));
  EXPECT_EQ(tree["layers"][-1].shape(1), 3);
  EXPECT_EQ(tree["layers"][0].dtype(), float16);
  EXPECT_EQ(tree["layers"][0].size(), 6u);
  EXPECT_EQ(tree["layers"].size(), 1u);
  const array leaf = tree["layers"][0];
  EXPECT_EQ(leaf.id(), tree["layers"][0].leaf().id());
  const array sums = tree["layers"][0] + ones({3}, float16);
  EXPECT_EQ(total(sums), 6.0f);
}

TEST(Tree, IsAValue) {
  auto tree = numbers();
  const auto copy = tree;
  tree["a"]["x"] = 5;
  tree["layers"][0] = Numbers::list();
  EXPECT_EQ(text(copy), text(numbers()));
}

TEST(Tree, ErrorsNameTheKeyAndWhatExists) {
  const auto tree = numbers();
  EXPECT_EQ(error_of([&] { tree["c"]; }),
            "Tree: expected one of the keys 'b', 'layers', 'a', got 'c'");
  EXPECT_EQ(error_of([&] { numbers()["a"]["y"]; }), "Tree: expected one of the keys 'x', got 'y'");
  EXPECT_EQ(error_of([&] { tree["layers"][3]; }), "Tree: expected an index of a list of 3, got 3");
  EXPECT_EQ(error_of([&] { tree["b"]["x"]; }), "Tree: expected a dictionary, got a leaf");
  EXPECT_EQ(error_of([&] { tree[0]; }), "Tree: expected a list, got a dictionary");
  EXPECT_EQ(error_of([&] { (void)int(tree["a"]); }), "Tree: expected a leaf, got a dictionary");
}

TEST(Tree, MapTakesTheLeafTypeFromTheFunction) {
  const auto halves = tree_map([](int i) { return i / 2.0; }, numbers());
  static_assert(std::is_same_v<decltype(halves), const BasicTree<double>>);
  EXPECT_EQ(text(halves), "{'b': 0.5, 'layers': [1, {}, 1.5], 'a': {'x': 2}}");
  int added = 0;
  tree_map([&](int i) { added += i; }, numbers());
  EXPECT_EQ(added, 10);
}

TEST(Tree, MapsOverSeveralTrees) {
  auto more = numbers();
  more["unused"] = 9;
  auto add = [](int a, int b) { return a + b; };
  EXPECT_EQ(text(tree_map(add, numbers(), more)), "{'b': 2, 'layers': [4, {}, 6], 'a': {'x': 8}}");
  Numbers less;
  less["b"] = 1;
  EXPECT_EQ(error_of([&] { tree_map(add, numbers(), less); }),
            "Tree: expected one of the keys 'b', got 'layers'");
  // Where the further tree has more structure, the function takes its subtree.
  BasicTree<std::string> state;
  state["m"] = std::string("x");
  auto count = [](int a, const BasicTree<std::string>& s) { return a + int(s.size()); };
  EXPECT_EQ(tree_map(count, Numbers(1), state).leaf(), 2);
}

TEST(Tree, MapsWithPathsAndFlattens) {
  const auto paths = tree_map_with_path([](const std::string& p, int) { return p; }, numbers());
  EXPECT_EQ(text(paths), "{'b': 'b', 'layers': ['layers.0', {}, 'layers.2'], 'a': {'x': 'a.x'}}");
  const std::vector<std::pair<std::string, int>> expected{
      {"b", 1}, {"layers.0", 2}, {"layers.2", 3}, {"a.x", 4}};
  EXPECT_EQ(tree_flatten(numbers()), expected);
  EXPECT_EQ(tree_flatten(numbers(), "model")[1].first, "model.layers.0");
}

TEST(Tree, UnflattenIsTheInverse) {
  EXPECT_EQ(text(tree_unflatten(tree_flatten(numbers()))), text(numbers()));
  EXPECT_EQ(text(tree_unflatten<int>({{"", 3}})), "3");
  EXPECT_EQ(text(tree_unflatten<int>({{"01", 1}, {"1", 2}})), "{'01': 1, '1': 2}");
  EXPECT_EQ(text(tree_unflatten<int>({{"1", 2}, {"0.w", 1}})), "[{'w': 1}, 2]");
  EXPECT_EQ(text(tree_unflatten<int>({{"4000000000", 2}})), "{'4000000000': 2}");
  EXPECT_EQ(error_of([] {
              tree_unflatten<int>({{"w", 1}, {"w.x", 2}});
            }),
            "Tree: expected a leaf or a subtree at each path, got both at one path");
}

TEST(Tree, IsLeafMakesSubtreesLeaves) {
  const IsLeaf lists{[](const Numbers& tree) { return tree.is_list(); }};
  const auto sizes = tree_map([](const Numbers& t) { return t.size(); }, lists, numbers());
  EXPECT_EQ(text(sizes), "{'b': 1, 'layers': 3, 'a': {'x': 1}}");
  EXPECT_EQ(tree_flatten(lists, numbers())[1].first, "layers");
  auto count = [](int n, const Numbers&) { return n + 1; };
  EXPECT_EQ(tree_reduce(count, lists, numbers(), 0), 3);
}

TEST(Tree, ReducesAndMerges) {
  EXPECT_EQ(tree_reduce([](int a, int b) { return a * 10 + b; }, numbers(), 0), 1234);
  Numbers other;
  other["layers"] = Numbers::list({Numbers(), 7, Numbers(), 8});
  other["c"] = 5;
  EXPECT_EQ(text(tree_merge(numbers(), other, [](int a, int b) { return a - b; })),
            "{'b': 1, 'layers': [2, 7, 3, 8], 'a': {'x': 4}, 'c': 5}");
  EXPECT_EQ(text(tree_merge(numbers(), numbers(), [](int a, int b) { return a + b; })),
            "{'b': 2, 'layers': [4, {}, 6], 'a': {'x': 8}}");
  EXPECT_EQ(error_of([] { tree_merge(numbers(), numbers()); }),
            "Tree: expected a merge function where both trees have a leaf, got none");
}

TEST(Tree, GivesItsArraysToTheTransforms) {
  Tree tree;
  tree["a"] = array(1.0f);
  tree["b"] = Tree::list({array(2.0f), Tree()});
  std::vector<array> arrays;
  collect_arrays(arrays, tree);
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[1].item<float>(), 2.0f);
  const std::vector<array> others{array(3.0f), array(4.0f)};
  const array* next = others.data();
  const Tree rebuilt = rebuild_arrays(tree, next);
  EXPECT_EQ(next, others.data() + 2);
  EXPECT_EQ(rebuilt["b"][0].leaf().item<float>(), 4.0f);
}

}  // namespace
}  // namespace mica
