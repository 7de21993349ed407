#include "mica/transforms/export.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "mica/fast/fast.h"
#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_close;
using golden::expect_same;
using Function = std::function<std::vector<array>(const Args&)>;
using KeywordFunction = std::function<std::vector<array>(const Kwargs&)>;
using MixedFunction = std::function<std::vector<array>(const Args&, const Kwargs&)>;

class Export : public FilesTest {
 protected:
  std::string path() const { return file("f.micafn"); }
  // Exports, imports, and expects the same results.
  void expect_round_trip(const Function& fun, const Args& args) const {
    export_function(path(), fun, args);
    const std::vector<array> results = import_function(path())(args), expected = fun(args);
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) expect_same(results[i], expected[i]);
  }
  // The same where the arguments of the call have other shapes.
  void expect_reshaped(const Function& fun, const Args& recorded, const Args& args) const {
    export_function(path(), fun, recorded, true);
    const std::vector<array> results = import_function(path())(args), expected = fun(args);
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) expect_close(results[i], expected[i]);
  }
  std::string error_of_import() const {
    return file_error_of("import_function", path(), [&] { import_function(path()); });
  }
};

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

// As the format has it: over the words behind the first 24 bytes.
uint64_t checksum(const std::string& bytes) {
  uint64_t sum = 0x2545f4914f6cdd1dull;
  for (size_t i = 24; i < bytes.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    sum = (std::rotl(sum, 23) ^ word) * 0x9e3779b97f4a7c15ull;
  }
  return sum ^ sum >> 32;
}

array numbers(Shape shape) {
  return random::normal(shape, float32, 0.0f, 1.0f,
                        random::key(static_cast<uint64_t>(shape.size())));
}

TEST_F(Export, FunctionsOfAllKindsOfOps) {
  const array x = numbers({4, 6}), w = numbers({6, 3}), image = numbers({2, 8, 8, 3});
  const array filter = numbers({4, 3, 3, 3});
  expect_round_trip([&](const Args& a) { return Args{softmax(matmul(a[0], w) + 1, -1)}; }, {x});
  expect_round_trip([](const Args& a) { return Args{astype(a[0] * 3, int8), a[0] > 0}; }, {x});
  expect_round_trip(
      [](const Args& a) {
        return Args{sum(a[0], std::vector<int>{0}), argmax(a[0], 1), logsumexp(a[0], 0),
                    cumsum(a[0], 1, true, false),   sort(a[0], 0),   std::get<0>(minmax(a[0]))};
      },
      {x});
  expect_round_trip(
      [](const Args& a) {
        return Args{slice(a[0], {1, 2}, {4, 6}, {2, 1}), pad(a[0], 2),         flip(a[0], 1),
                    concatenate({a[0], a[0]}, 1),        split(a[0], 2, 1)[1], tile(a[0], {2, 1})};
      },
      {x});
  expect_round_trip(
      [&](const Args& a) {
        return Args{conv2d(a[0], filter, {2, 1}, {1, 0}, {1, 2}),
                    fast::layer_norm(a[0], std::nullopt, std::nullopt, 1e-3f),
                    fast::rope(a[0], 2, true, 100.0f, 0.5f, 3)};
      },
      {image});
  expect_round_trip(
      [](const Args& a) {
        return Args{take(a[0], array({2, 0}), 0), where(a[0] > 0, a[0], array(0.0f)),
                    scatter_add(a[0], array({1, 1}), ones({2, 1, 6}), 0)};
      },
      {x});
  expect_round_trip([](const Args& a) { return a; }, {x, array(1)});
  expect_round_trip([](const Args&) { return Args{array({1, 2})}; }, {x});
  expect_round_trip(
      [](const Args& a) {
        return Args{dequantize(quantize(a[0], 32, 4)[0], quantize(a[0], 32, 4)[1],
                               quantize(a[0], 32, 4)[2], 32, 4)};
      },
      {numbers({4, 64})});
}

TEST_F(Export, GradientsAndRulesOfTheirOwn) {
  const auto twice = custom_vjp(
      [](const Args& x) { return Args{square(x[0])}; },
      [](const Args&, const Args& cotangents, const Args&) { return Args{cotangents[0] * 2}; });
  expect_round_trip([&](const Args& a) { return twice(a); }, {numbers({3})});
  const auto loss = std::function<array(const Args&)>(
      [](const Args& a) { return mean(square(matmul(a[0], a[1]))); });
  expect_round_trip(grad(loss, std::vector<int>{0, 1}), {numbers({3, 2}), numbers({2, 4})});
}

TEST_F(Export, ImportedFunctionsTransform) {
  const auto fun = [](const Args& a) { return Args{sum(sin(a[0]) * a[0])}; };
  export_function(path(), Function(fun), {numbers({3})});
  const ImportedFunction f = import_function(path());
  const array x = numbers({3});
  expect_same(grad([&](const array& a) { return f({a})[0]; })(x),
              grad([&](const array& a) { return fun({a})[0]; })(x));
  const array rows = numbers({4, 3});
  expect_same(vmap([&](const array& a) { return f({a})[0]; })(rows),
              vmap([&](const array& a) { return fun({a})[0]; })(rows));
}

TEST_F(Export, ConstantsAreStored) {
  random::seed(3);
  const Function noise = [](const Args& a) { return Args{a[0] + random::normal(a[0].shape())}; };
  export_function(path(), noise, {zeros({2, 3})});
  const ImportedFunction f = import_function(path());
  const array first = f({zeros({2, 3})})[0];
  expect_same(f({zeros({2, 3})})[0], first);
  random::seed(3);
  expect_same(first, random::normal({2, 3}));
}

TEST_F(Export, SeveralTraces) {
  int calls = 0;
  const array weights = arange(10'000);
  const Function fun = [&](const Args& a) {
    ++calls;
    return Args{a[0] * 2 + static_cast<int>(a[0].size()) + take(weights, a[0])};
  };
  FunctionExporter add = exporter(path(), fun, false, "two");
  add({array({1, 2})});
  const size_t size = bytes_of(path()).size();
  EXPECT_GT(size, weights.nbytes());
  add(Args{array({1, 2, 3})});
  EXPECT_LT(bytes_of(path()).size(), size + 1000) << "the weights are stored once";
  add({array({{1}, {2}})});
  add.close();
  EXPECT_THROW(add({array(1)}), std::invalid_argument);
  EXPECT_EQ(calls, 3);

  const ImportedFunction f = import_function(path());
  EXPECT_EQ(f.metadata(), "two");
  expect_same(f({array({5, 6})})[0], array({17, 20}));
  expect_same(f({array({5, 6, 7})})[0], array({18, 21, 24}));
  expect_same(f({array({{5}, {6}})})[0], array({{17}, {20}}));
  EXPECT_EQ(error_of([&] {
              f({array({1, 2, 3, 4})});
            }),
            "import_function (" + path() +
                "): expected [(2,) int32] or [(3,) int32] or [(2, 1) int32], got [(4,) int32]");
  EXPECT_EQ(calls, 3);
}

TEST_F(Export, Keywords) {
  const MixedFunction mixed = [](const Args& a, const Kwargs& k) {
    return Args{a[0] * k.at("scale") + k.at("bias")};
  };
  const array x({1.f, 2.f}), two(2.f), one(1.f);
  export_function(path(), mixed, {x}, {{"scale", two}, {"bias", one}});
  const ImportedFunction f = import_function(path());
  expect_same(f({x}, {{"bias", one}, {"scale", two}})[0], array({3.f, 5.f}));
  EXPECT_EQ(error_of([&] {
              f({x}, {{"scale", two}});
            }),
            "import_function (" + path() +
                "): expected [(2,) float32, bias=() float32, scale=() float32], got [(2,) float32, "
                "scale=() float32]");
  EXPECT_THROW(f({x, two, one}), std::invalid_argument);

  const KeywordFunction named = [](const Kwargs& k) { return Args{k.at("a") - k.at("b")}; };
  export_function(path(), named, Kwargs{{"b", one}, {"a", x}});
  expect_same(import_function(path())(Kwargs{{"a", x}, {"b", one}})[0], array({0.f, 1.f}));
}

TEST_F(Export, SameArgumentsTwice) {
  FunctionExporter add = exporter(path(), Function([](const Args& a) { return a; }));
  add({array({1, 2})});
  EXPECT_EQ(error_of([&] {
              add({array({3, 4})});
            }),
            "export_function: expected arguments that are not exported yet, got [(2,) int32]");
  expect_same(import_function(path())({array({3, 4})})[0], array({3, 4}));
}

TEST_F(Export, Shapeless) {
  const array w = numbers({6, 3}), bias = numbers({3});
  expect_reshaped([&](const Args& a) { return Args{softmax(addmm(bias, a[0], w), -1)}; },
                  {numbers({4, 6})}, {numbers({9, 6})});
  expect_reshaped(
      [&](const Args& a) {
        return Args{a[0] + a[1], sum(a[0] * a[1], 0)};
      },
      {numbers({4, 1}), numbers({3})}, {numbers({7, 1}), numbers({5})});
  expect_reshaped(
      [](const Args& a) {
        return Args{sum(a[0], 1, true), argmax(a[0], 0)};
      },
      {numbers({2, 3})}, {numbers({5, 4})});
  // Axes that are merged and told apart again.
  expect_reshaped([&](const Args& a) { return Args{tanh(matmul(a[0], w) + bias)}; },
                  {numbers({2, 5, 6})}, {numbers({3, 4, 6})});
  expect_reshaped(
      [](const Args& a) {
        return Args{flatten(a[0], 1), expand_dims(a[0], 0)};
      },
      {numbers({2, 3, 4})}, {numbers({5, 3, 4})});
  expect_reshaped([](const Args& a) { return Args{matmul(a[0], transpose(a[0]))}; },
                  {numbers({2, 3})}, {numbers({4, 5})});
  expect_reshaped(
      [](const Args& a) {
        return Args{concatenate({a[0], a[1]}, 1)};
      },
      {numbers({2, 3}), numbers({2, 1})}, {numbers({4, 5}), numbers({4, 2})});
  expect_reshaped([](const Args& a) { return Args{take(arange(10), a[0], 0)}; }, {array({1, 2})},
                  {array({3, 2, 1})});
}

TEST_F(Export, ShapesThatCannotFollow) {
  const Function slices = [](const Args& a) { return Args{slice(a[0], {1}, {3})}; };
  export_function(path(), slices, {arange(4)}, true);
  const ImportedFunction f = import_function(path());
  expect_same(f({arange(4)})[0], array({1, 2}));
  EXPECT_EQ(error_of([&] { f({arange(5)}); }),
            "import_function (" + path() + "): expected [(4,) int32], got [(5,) int32]");
  EXPECT_THROW(f({zeros({2, 2}, int32)}), std::invalid_argument) << "other numbers of dimensions";
  // The number of rows is a constant of the mean, that of columns is not.
  const Function means = [](const Args& a) { return Args{mean(a[0], 0)}; };
  export_function(path(), means, {numbers({2, 3})}, true);
  expect_close(import_function(path())({numbers({2, 5})})[0], mean(numbers({2, 5}), 0));
  EXPECT_EQ(error_of([&] {
              import_function(path())({numbers({4, 3})});
            }),
            "import_function (" + path() + "): expected [(2, *) float32], got [(4, 3) float32]");
  const Function adds = [](const Args& a) { return Args{a[0] + a[1]}; };
  export_function(path(), adds, {arange(4), arange(4)}, true);
  EXPECT_EQ(error_of([&] {
              import_function(path())({arange(4), arange(5)});
            }),
            "import_function: Add: expected shapes that broadcast, got (4,) and (5,)");
}

TEST_F(Export, Callback) {
  std::vector<ExportCallbackInput> told;
  const array two({2.f, 3.f});
  const MixedFunction fun = [&](const Args& a, const Kwargs& k) {
    return Args{softmax(a[0] * two, -1) + sum(k.at("bias"), 0, true)};
  };
  export_function([&](const ExportCallbackInput& input) { told.push_back(input); }, fun,
                  {array({1.f, 2.f})}, {{"bias", array({1.f, 1.f, 1.f})}});
  using Values = std::vector<std::tuple<std::string, Shape, Dtype>>;
  using Names = std::vector<std::pair<std::string, std::string>>;
  using Constants = std::vector<std::pair<std::string, array>>;
  ASSERT_GE(told.size(), 7u);
  EXPECT_EQ(std::get<std::string>(told[0].at("type")), "inputs");
  EXPECT_EQ(std::get<Values>(told[0].at("inputs")),
            (Values{{"A", {2}, float32}, {"B", {3}, float32}}));
  EXPECT_EQ(std::get<std::string>(told[1].at("type")), "keyword_inputs");
  EXPECT_EQ(std::get<Names>(told[1].at("keywords")), (Names{{"bias", "B"}}));
  EXPECT_EQ(std::get<Values>(told[2].at("outputs")), (Values{{"C", {2}, float32}}));
  const auto constants = std::get<Constants>(told[3].at("constants"));
  ASSERT_EQ(constants.size(), 1u);
  EXPECT_EQ(constants[0].first, "D");
  expect_same(constants[0].second, two);
  std::vector<std::string> ops;
  for (size_t i = 4; i < told.size(); ++i) {
    EXPECT_EQ(std::get<std::string>(told[i].at("type")), "primitive");
    ops.push_back(std::get<std::string>(told[i].at("name")));
    if (ops.back() != "Reduce") continue;
    const auto arguments = std::get<std::vector<StateT>>(told[i].at("arguments"));
    EXPECT_EQ(std::get<std::vector<int>>(arguments.at(1)), std::vector<int>{0});
  }
  for (const char* op : {"Multiply", "Softmax", "Reduce", "Add"}) {
    EXPECT_NE(std::find(ops.begin(), ops.end(), op), ops.end()) << op;
  }
  EXPECT_EQ(std::get<Values>(told.back().at("outputs"))[0],
            (std::tuple<std::string, Shape, Dtype>("C", {2}, float32)));
}

TEST_F(Export, FunctionsThatCannotBeStored) {
  const fast::CpuKernel kernel = fast::cpu_kernel("mine", [](const auto&, const auto&) {});
  const Function calls = [&](const Args& a) { return kernel(a, {a[0].shape()}, {float32}); };
  EXPECT_EQ(error_of([&] { export_function(path(), calls, {array(1.f)}); }),
            "export_function: expected ops that can be stored, got UserKernel, which holds a "
            "function of yours");
  EXPECT_EQ(file_count(), 0u);
}

TEST_F(Export, DamagedFiles) {
  export_function(path(), [](const Args& a) { return Args{softmax(a[0] * 3 + arange(4), -1)}; },
                  {zeros({2, 4})});
  const std::string whole = bytes_of(path());
  const auto load_bytes = [&](const std::string& bytes) {
    import_function(write_file("f.micafn", bytes));
  };
  expect_hostile_files_refused(whole, whole.size(), load_bytes);

  write_file("f.micafn", "not a function, but text that is as long as a prefix");
  EXPECT_EQ(error_of_import(), "content: expected an exported function, got text");
  std::string other = whole;
  other[8] = 2;
  write_file("f.micafn", other);
  EXPECT_EQ(error_of_import(), "version: expected 1, got 2");
  other = whole;
  other[whole.find("Softmax")] = 'X';
  write_file("f.micafn", other);
  EXPECT_EQ(error_of_import(),
            "checksum: expected that of the contents, got another: the file is "
            "damaged");
  const uint64_t sum = checksum(other);
  std::memcpy(other.data() + 16, &sum, sizeof(sum));
  write_file("f.micafn", other);
  EXPECT_EQ(error_of_import(), "step 2: expected an op of this version of mica, got 'Xoftmax'");
  EXPECT_EQ(system_error_of([&] { import_function(file("none")); }),
            "import_function: can't read '" + file("none") + "': No such file or directory");
}

}  // namespace
}  // namespace mica
