#include "mica/nn/drawing.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "mica/ops/checks.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/logging/text.h"
#include "tests/nn/drawn_models.h"

namespace mica {
namespace {

using testing::count;
using Kind = nn::Drawing::Kind;

// "layer Linear layers.0 (5, 8) 24 in 0", for each box.
std::vector<std::string> boxes_of(const nn::Drawing& drawing) {
  constexpr const char* kinds[] = {"input", "layer", "operation", "view", "output"};
  std::vector<std::string> texts;
  for (const auto& box : drawing.boxes) {
    std::ostringstream text;
    text << kinds[static_cast<size_t>(box.kind)] << " '" << box.title << "'";
    if (!box.path.empty()) text << " " << box.path;
    for (const Shape& shape : box.outputs) text << " " << to_string(shape);
    if (box.parameters) text << " of " << box.parameters;
    text << " in " << box.group;
    texts.push_back(text.str());
  }
  return texts;
}

std::vector<std::string> edges_of(const nn::Drawing& drawing) {
  std::vector<std::string> texts;
  for (const auto& edge : drawing.edges) {
    std::ostringstream text;
    text << edge.from << " -> " << edge.to << " " << to_string(edge.shape);
    texts.push_back(text.str());
  }
  return texts;
}

std::vector<std::string> groups_of(const nn::Drawing& drawing) {
  std::vector<std::string> texts;
  for (const auto& group : drawing.groups)
    texts.push_back(group.type + " '" + group.path + "' of " + std::to_string(group.parameters) +
                    " in " + std::to_string(group.parent));
  return texts;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

using Texts = std::vector<std::string>;

TEST(Drawing, OfAModelWhoseCallIsNotSeen) {
  testing::MLP model;
  const nn::Drawing drawing = nn::draw(model, zeros({5, 2}));
  EXPECT_EQ(boxes_of(drawing),
            Texts({"input 'input' (5, 2) in -1", "layer 'Linear' layers.0 (5, 8) of 24 in 0",
                   "operation 'relu' (5, 8) in 0", "layer 'Linear' layers.1 (5, 8) of 72 in 0",
                   "operation 'relu' (5, 8) in 0", "layer 'Linear' layers.2 (5, 3) of 27 in 0",
                   "output 'output' (5, 3) in -1"}));
  EXPECT_EQ(groups_of(drawing), Texts({"MLP '' of 123 in -1"}));
  EXPECT_EQ(edges_of(drawing), Texts({"0 -> 1 (5, 2)", "1 -> 2 (5, 8)", "2 -> 3 (5, 8)",
                                      "3 -> 4 (5, 8)", "4 -> 5 (5, 8)", "5 -> 6 (5, 3)"}));
}

TEST(Drawing, OfOneLayer) {
  nn::Linear layer(2, 3);
  const nn::Drawing drawing = nn::draw(layer, zeros({5, 2}));
  EXPECT_EQ(boxes_of(drawing),
            Texts({"input 'input' (5, 2) in -1", "layer 'Linear' (5, 3) of 9 in -1",
                   "output 'output' (5, 3) in -1"}));
  EXPECT_TRUE(drawing.groups.empty());
}

TEST(Drawing, ShowsResidualAdditionsAndConcatenations) {
  testing::Residual model;
  nn::Sequential outer{model, nn::ReLU()};
  const nn::Drawing drawing = nn::draw(outer, zeros({1, 6, 6, 4}));
  EXPECT_EQ(groups_of(drawing),
            Texts({"Sequential '' of 338 in -1", "Residual 'layers.0' of 338 in 0"}));
  EXPECT_EQ(
      boxes_of(drawing),
      Texts({"input 'input' (1, 6, 6, 4) in -1",
             "layer 'Conv2d' layers.0.conv1 (1, 6, 6, 4) of 148 in 1",
             "layer 'BatchNorm' layers.0.norm1 (1, 6, 6, 4) of 16 in 1",
             "operation 'relu' (1, 6, 6, 4) in 1",
             "layer 'Conv2d' layers.0.conv2 (1, 6, 6, 4) of 148 in 1",
             "layer 'BatchNorm' layers.0.norm2 (1, 6, 6, 4) of 16 in 1",
             "operation 'add' (1, 6, 6, 4) in 1", "operation 'relu' (1, 6, 6, 4) in 1",
             "layer 'Conv2d' layers.0.side (1, 6, 6, 2) of 10 in 1",
             "operation 'concatenate' (1, 6, 6, 6) in 1", "layer 'ReLU' layers.1 (1, 6, 6, 6) in 0",
             "output 'output' (1, 6, 6, 6) in -1"}));
  EXPECT_EQ(edges_of(drawing),
            Texts({"0 -> 1 (1, 6, 6, 4)", "1 -> 2 (1, 6, 6, 4)", "2 -> 3 (1, 6, 6, 4)",
                   "3 -> 4 (1, 6, 6, 4)", "4 -> 5 (1, 6, 6, 4)", "5 -> 6 (1, 6, 6, 4)",
                   "0 -> 6 (1, 6, 6, 4)", "6 -> 7 (1, 6, 6, 4)", "0 -> 8 (1, 6, 6, 4)",
                   "7 -> 9 (1, 6, 6, 4)", "8 -> 9 (1, 6, 6, 2)", "9 -> 10 (1, 6, 6, 6)",
                   "10 -> 11 (1, 6, 6, 6)"}));
}

TEST(Drawing, GroupsTheLayersOfAModuleWhoseCallsAreNotSeen) {
  nn::Sequential model{testing::Unseen(), testing::Unseen()};
  const nn::Drawing drawing = nn::draw(model, zeros({3, 4}));
  EXPECT_EQ(groups_of(drawing), Texts({"Sequential '' of 152 in -1", "Unseen 'layers.0' of 76 in 0",
                                       "Unseen 'layers.1' of 76 in 0"}));
  // What lies between its layers is its own; what follows them may be the model's.
  EXPECT_EQ(boxes_of(drawing),
            Texts({"input 'input' (3, 4) in -1", "layer 'Linear' layers.0.up (3, 8) of 40 in 1",
                   "operation 'gelu' (3, 8) in 1", "layer 'Linear' layers.0.down (3, 4) of 36 in 1",
                   "operation 'add' (3, 4) in 0", "layer 'Linear' layers.1.up (3, 8) of 40 in 2",
                   "operation 'gelu' (3, 8) in 2", "layer 'Linear' layers.1.down (3, 4) of 36 in 2",
                   "operation 'add' (3, 4) in 0", "output 'output' (3, 4) in -1"}));
}

TEST(Drawing, NamesParametersThatOperationsReadAndAllResults) {
  testing::Language model;
  const nn::Drawing drawing = nn::draw(model, zeros({2, 6}, int32));
  const Texts boxes = boxes_of(drawing);
  const auto has = [&](const std::string& text) {
    return std::find(boxes.begin(), boxes.end(), text) != boxes.end();
  };
  EXPECT_TRUE(has("layer 'Embedding' words (2, 6, 8) of 160 in 0"));
  EXPECT_TRUE(has("operation 'add' places (2, 6, 8) in 0"));
  EXPECT_TRUE(has("layer 'Dropout' dropout (2, 6, 8) in 0"));
  EXPECT_TRUE(has("operation 'mean' (2, 4) in 0"));
  EXPECT_TRUE(has("operation 'matmul' words.weight (12, 20) in 0"));
  EXPECT_TRUE(has("layer 'LSTM' lstm (2, 6, 4) of 208 in 0"));
  EXPECT_TRUE(has("output 'output 0' (2, 3) in -1"));
  EXPECT_TRUE(has("output 'output 1' (2, 6, 20) in -1"));
  EXPECT_TRUE(has("view 'reshape, transpose' (2, 2, 6, 4) in 5"));
  EXPECT_TRUE(has("operation 'scaled_dot_product_attention' (2, 2, 6, 4) in 5"));
  const Texts groups = groups_of(drawing);
  ASSERT_EQ(groups.size(), 6u);
  EXPECT_EQ(groups[5], "MultiHeadAttention 'encoder.layers.0.attention' of 256 in 2");

  model.eval();
  const Texts in_evaluation = boxes_of(nn::draw(model, zeros({2, 6}, int32)));
  EXPECT_EQ(boxes.size(), in_evaluation.size() + 1);  // dropout returns what it is given
}

TEST(Drawing, NamesActivations) {
  const auto title = [](array (*function)(const array&)) {
    struct Model : nn::Module {
      nn::Linear layer{2, 3};
      array (*function)(const array&);
      MICA_MODULE(Model, layer)
      array operator()(const array& x) const { return function(layer(x)); }
    } model;
    model.function = function;
    const nn::Drawing drawing = nn::draw(model, zeros({5, 2}));
    std::string titles;
    for (const auto& box : drawing.boxes)
      if (box.kind == Kind::operation || box.kind == Kind::view) titles += box.title + ";";
    return titles;
  };
  EXPECT_EQ(title(nn::relu), "relu;");
  EXPECT_EQ(title(nn::relu6), "relu6;");
  EXPECT_EQ(title(nn::silu), "silu;");
  EXPECT_EQ(title(nn::gelu), "gelu;");
  EXPECT_EQ(title(nn::gelu_approx), "gelu_approx;");
  EXPECT_EQ(title(nn::gelu_fast_approx), "gelu_fast_approx;");
  EXPECT_EQ(title(nn::mish), "mish;");
  EXPECT_EQ(title(nn::hardswish), "hardswish;");
  EXPECT_EQ(title(nn::softplus), "softplus;");
  EXPECT_EQ(title(nn::tanh), "tanh;");
  EXPECT_EQ(title([](const array& x) { return maximum(x, 1); }), "maximum;");
  EXPECT_EQ(title([](const array& x) { return nn::silu(nn::relu(x)); }), "relu;silu;");
  EXPECT_EQ(title([](const array& x) { return exp(x) * 2 + 1; }), "exp, multiply, add;");
  EXPECT_EQ(title([](const array& x) { return reshape(nn::relu(x), {3, 5}); }), "relu;reshape;");
  EXPECT_EQ(title([](const array& x) { return nn::relu(reshape(x, {3, 5})); }), "reshape;relu;");
  EXPECT_EQ(title([](const array& x) { return mean(x, 0); }), "mean;");
  EXPECT_EQ(title([](const array& x) { return sum(x, 0) * 2; }), "sum, multiply;");
  EXPECT_EQ(title([](const array& x) { return reshape(x, {5, 3}); }), "");  // the same value
}

TEST(Drawing, CollapsesModules) {
  testing::Language model;
  const nn::Drawing whole = nn::draw(model, zeros({2, 6}, int32));
  const nn::Drawing drawing = whole.collapsed(1);
  EXPECT_EQ(groups_of(drawing), Texts({groups_of(whole)[0]}));
  EXPECT_EQ(
      boxes_of(drawing),
      Texts({"input 'input' (2, 6) in -1", "layer 'Embedding' words (2, 6, 8) of 160 in 0",
             "operation 'add' places (2, 6, 8) in 0", "layer 'Dropout' dropout (2, 6, 8) in 0",
             "layer 'TransformerEncoder' encoder (2, 6, 8) of 1696 in 0",
             "layer 'LSTM' lstm (2, 6, 4) of 208 in 0", "operation 'mean' (2, 4) in 0",
             "layer 'Linear' head (2, 3) of 15 in 0", "view 'reshape' (12, 8) in 0",
             "operation 'matmul' words.weight (12, 20) in 0", "view 'reshape' (2, 6, 20) in 0",
             "output 'output 0' (2, 3) in -1", "output 'output 1' (2, 6, 20) in -1"}));
  EXPECT_EQ(edges_of(drawing),
            Texts({"0 -> 1 (2, 6)", "1 -> 2 (2, 6, 8)", "2 -> 3 (2, 6, 8)", "3 -> 4 (2, 6, 8)",
                   "4 -> 5 (2, 6, 8)", "5 -> 6 (2, 6, 4)", "6 -> 7 (2, 4)", "4 -> 8 (2, 6, 8)",
                   "8 -> 9 (12, 8)", "9 -> 10 (12, 20)", "7 -> 11 (2, 3)", "10 -> 12 (2, 6, 20)"}));
  EXPECT_EQ(groups_of(whole.collapsed(2)).size(), 2u);
  EXPECT_EQ(boxes_of(whole.collapsed(9)), boxes_of(whole));
  try {
    whole.collapsed(0);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "Drawing::collapsed: expected a depth of at least 1, got 0");
  }
}

TEST(Drawing, LeavesTheModelAndTheGeneratorAsTheyWere) {
  testing::Language model;
  eval(model.parameters());
  const auto before = tree_flatten(model.state());
  random::seed(3);
  const array expected = random::uniform(0.0, 1.0, {4});
  random::seed(3);
  nn::draw(model, zeros({2, 6}, int32));
  golden::expect_same(random::uniform(0.0, 1.0, {4}), expected);
  const auto after = tree_flatten(model.state());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].second.id(), after[i].second.id());
  nn::Linear layer(2, 3);
  EXPECT_THROW(nn::draw(layer, zeros({5, 4})), std::invalid_argument);
}

TEST(Drawing, DoesNotDependOnEarlierOnes) {
  testing::Language model;
  const std::string first = nn::draw(model, zeros({2, 6}, int32)).svg();
  EXPECT_EQ(nn::draw(model, zeros({2, 6}, int32)).svg(), first);
}

TEST(Drawing, WritesDot) {
  nn::Sequential model{testing::Unseen(), nn::LayerNorm(4)};
  EXPECT_EQ(nn::draw(model, zeros({3, 4})).dot(), R"dot(digraph {
  node [fontname="sans-serif", fontsize=11]
  edge [fontname="sans-serif", fontsize=9]
  graph [fontname="sans-serif", fontsize=11]
  n0 [shape=ellipse, label="input\n(3, 4)"]
  n6 [shape=ellipse, label="output\n(3, 4)"]
  subgraph cluster_0 {
    label="Sequential\n84 parameters"
    n4 [shape=box, style=rounded, label="add\n(3, 4)"]
    n5 [shape=box, style=filled, fillcolor="#dbe9f9", label="LayerNorm\nlayers.1\n(3, 4) · 8 parameters"]
    subgraph cluster_1 {
      label="Unseen\nlayers.0\n76 parameters"
      n1 [shape=box, style=filled, fillcolor="#dbe9f9", label="Linear\nup\n(3, 8) · 40 parameters"]
      n2 [shape=box, style=rounded, label="gelu\n(3, 8)"]
      n3 [shape=box, style=filled, fillcolor="#dbe9f9", label="Linear\ndown\n(3, 4) · 36 parameters"]
    }
  }
  n0 -> n1 [label="(3, 4)"]
  n1 -> n2 [label="(3, 8)"]
  n2 -> n3 [label="(3, 8)"]
  n0 -> n4 [label="(3, 4)"]
  n3 -> n4 [label="(3, 4)"]
  n4 -> n5 [label="(3, 4)"]
  n5 -> n6 [label="(3, 4)"]
}
)dot");
}

// The pictures in docs/, which MICA_WRITE_PICTURES in the environment writes anew.
void expect_picture(const std::string& name, const nn::Drawing& drawing) {
  const std::string path = MICA_SOURCE_DIR "/docs/" + name;
  if (std::getenv("MICA_WRITE_PICTURES")) drawing.save(path);
  EXPECT_EQ(text_of(path), drawing.svg());
}

TEST(Drawing, MakesThePicturesOfTheDocumentation) {
  testing::MLP mlp(128, 10);
  expect_picture("mlp.svg", nn::draw(mlp, zeros({32, 2})));
  testing::Classifier model;
  expect_picture("model.svg", nn::draw(model, zeros({8, 20, 16})));
}

TEST(Drawing, EscapesNames) {
  testing::Hostile model("a\"b\\c\n<d>&\x01é");
  const nn::Drawing drawing = nn::draw(model, zeros({3, 2}));
  const std::string dot = drawing.dot();
  EXPECT_NE(dot.find(R"(label="Linear\nheads.a\"b\\c\n<d>& é\n(3, 2))"), std::string::npos) << dot;
  const std::string svg = drawing.svg();
  EXPECT_NE(svg.find("heads.a&quot;b\\c\n&lt;d&gt;&amp;\xEF\xBF\xBDé"), std::string::npos) << svg;
  EXPECT_EQ(count(svg, "\x01"), 0u);
}

TEST(Drawing, IsSavedByTheEndingOfTheName) {
  nn::Linear layer(2, 3);
  const nn::Drawing drawing = nn::draw(layer, zeros({5, 2}));
  const auto saved = [&](const std::string& name) {
    drawing.save(name);
    const std::string text = text_of(name);
    std::remove(name.c_str());
    return text;
  };
  EXPECT_EQ(saved("drawing_test.dot"), drawing.dot());
  EXPECT_EQ(saved("drawing_test.gv"), drawing.dot());
  EXPECT_EQ(saved("drawing_test.svg"), drawing.svg());
  try {
    drawing.save("drawing_test.png");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "Drawing::save: expected a name that ends in .dot, .gv or .svg, got "
                 "'drawing_test.png'");
  }
  EXPECT_THROW(drawing.save("no such folder/drawing.svg"), std::system_error);
}

}  // namespace
}  // namespace mica
