#include "mica/graph_utils.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "mica/ops/ops.h"

namespace mica {
namespace {

// The addresses that stand for ops, replaced by 1, 2, ... in the order in which they are met.
std::string numbered(std::string text) {
  std::smatch found;
  for (int number = 1; std::regex_search(text, found, std::regex("[0-9]{5,}")); ++number) {
    const std::string address = found.str();
    for (size_t at; (at = text.find(address)) != std::string::npos;) {
      text.replace(at, address.size(), std::to_string(number));
    }
  }
  return text;
}

std::string printed(const std::vector<array>& outputs) {
  std::ostringstream text;
  print_graph(text, outputs);
  return text.str();
}

// What MLX prints for the same graph.
TEST(PrintGraph, AsMlxPrintsIt) {
  const array x({1.f, 2.f}), y({3.f, 4.f});
  const array e = exp(x);
  EXPECT_EQ(printed({e + y, astype(e, int32)}),
            "Inputs: A [(2), float32], B [(2), float32]\n"
            "Outputs: C [(2), float32], D [(2), int32]\n"
            "Exp A [(2), float32] -> E [(2), float32]\n"
            "Add E [(2), float32], B [(2), float32] -> C [(2), float32]\n"
            "AsType E [(2), float32] -> D [(2), int32]\n");
  EXPECT_EQ(printed({x}), "Inputs: A [(2), float32]\nOutputs: A [(2), float32]\n");
}

TEST(PrintGraph, SeveralOutputsOfAnOp) {
  const std::vector<array> parts = split(array({1, 2, 3, 4}), 2);
  EXPECT_EQ(printed({parts[1]}),
            "Inputs: A [(4), int32]\n"
            "Outputs: B [(2), int32]\n"
            "Split A [(4), int32] -> C [(2), int32], B [(2), int32]\n");
}

TEST(PrintGraph, NamesAndEvaluatedArrays) {
  const array x({1.f, 2.f});
  NodeNamer namer;
  namer.set_name(x, "x");
  const array e = exp(x);
  std::ostringstream text;
  print_graph(text, namer, sin(e));
  EXPECT_EQ(text.str(),
            "Inputs: x [(2), float32]\n"
            "Outputs: B [(2), float32]\n"
            "Exp x [(2), float32] -> C [(2), float32]\n"
            "Sin C [(2), float32] -> B [(2), float32]\n");
  const array s = sin(e);
  e.eval();
  EXPECT_EQ(printed({s}),
            "Inputs: A [(2), float32]\n"
            "Outputs: B [(2), float32]\n"
            "Sin A [(2), float32] -> B [(2), float32]\n");
}

TEST(PrintGraph, ManyNames) {
  NodeNamer namer;
  std::vector<array> arrays;
  for (int i = 0; i < 703; ++i) arrays.push_back(array(i));
  for (const array& a : arrays) namer.get_name(a);
  EXPECT_EQ(namer.get_name(arrays[0]), "A");
  EXPECT_EQ(namer.get_name(arrays[25]), "Z");
  EXPECT_EQ(namer.get_name(arrays[26]), "AA");
  EXPECT_EQ(namer.get_name(arrays[701]), "ZZ");
  EXPECT_EQ(namer.get_name(arrays[702]), "AAA");
}

TEST(PrintGraph, DeepGraphs) {
  array x({1.f});
  for (int i = 0; i < 100'000; ++i) x = sin(x);
  const std::string text = printed({x});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100'002);
}

TEST(ExportToDot, AsMlxDrawsIt) {
  const array x({1.f, 2.f});
  const array e = exp(x);
  std::ostringstream text;
  export_to_dot(text, e, sin(e));
  EXPECT_EQ(numbered(text.str()),
            "digraph {\n"
            "{ rank=source; \"A\"; }\n"
            "{ 1 [label =\"Exp\", shape=rectangle]; }\n"
            "\"A\" -> 1\n"
            "{ rank=sink; \"B\"; }\n"
            "1 -> \"B\"\n"
            "{ 2 [label =\"Sin\", shape=rectangle]; }\n"
            "\"B\" -> 2\n"
            "{ rank=sink; \"C\"; }\n"
            "2 -> \"C\"\n"
            "}");
}

}  // namespace
}  // namespace mica
