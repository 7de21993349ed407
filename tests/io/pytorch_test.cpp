#include "mica/io/pytorch.h"

#include <filesystem>
#include <memory>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;
using Kind = PickledValue::Kind;

const std::string folder = MICA_SOURCE_DIR "/tests/golden/pytorch/";

void expect_all_same(const Arrays& actual, const Arrays& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  for (const auto& [name, value] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(actual.contains(name));
    expect_same(actual.at(name), value);
  }
}

Arrays expected(const std::string& name) {
  return load_safetensors(folder + name + ".safetensors").first;
}

std::string error_of(const std::string& name, const std::string& entry = "") {
  return file_error_of("load_pytorch_file", folder + name + entry,
                       [&] { load_pytorch_file(folder + name); });
}

TEST(PyTorchFile, HoldsTensorsOfAllDtypesAndLayouts) {
  expect_all_same(load_pytorch_file(folder + "zip.pt").tensors(), expected("all_tensors"));
  expect_all_same(load_pytorch_file(folder + "old.pt").tensors(), expected("tensors"));
}

TEST(PyTorchFile, ComesFromAStream) {
  const auto stream = std::make_shared<StringReader>(bytes_of(folder + "zip.pt"));
  expect_all_same(load_pytorch_file(stream).tensors(), expected("all_tensors"));
}

TEST(PyTorchFile, IsReadInPlaceWhereItCan) {
  const Arrays arrays = load_pytorch_file(folder + "zip.pt").tensors();
  // `shared` holds 24 numbers, of which `offset` begins at the seventh.
  EXPECT_EQ(arrays.at("offset").data<float>(), arrays.at("shared").data<float>() + 6);
}

TEST(PyTorchFile, IsOfAnyProtocol) {
  for (const char* name :
       {"protocol1.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt", "deflated.pt"}) {
    SCOPED_TRACE(name);
    const PickledValue value = load_pytorch_file(folder + name);
    expect_same(value["x"].tensor(), array({1.0f, 2.0f}));
    EXPECT_EQ(value["bytes"].text(), std::string("\0\xff", 2));
    EXPECT_EQ(value["set"].items().at(0).integer(), 7);
    EXPECT_EQ(value["n"].integer(), -70000);
  }
}

TEST(PyTorchFile, IsOfEitherByteOrder) {
  const PickledValue value = load_pytorch_file(folder + "big_endian.pt");
  expect_same(value["x"].tensor(), array({1.0f, -2.5f}));
  expect_same(value["n"].tensor(), array({int64_t{1}, int64_t{1} << 40}));
  expect_same(value["b"].tensor(), array({true, false}));
}

TEST(PyTorchFile, HoldsValuesOfAllKinds) {
  for (const char* name : {"nested.pt", "nested_old.pt"}) {
    SCOPED_TRACE(name);
    const PickledValue value = load_pytorch_file(folder + name);
    expect_same(value["model"]["weight"].tensor(), ones({2, 2}));
    const PickledValue& state = value["optimizer"]["state"];
    EXPECT_EQ(state.entries().at(0).first.integer(), 0);
    expect_same(state.entries().at(0).second["step"].tensor(), array(3.0f));
    const PickledValue& group = value["optimizer"]["param_groups"].items().at(0);
    EXPECT_EQ(group["lr"].real(), 1e-3);
    EXPECT_TRUE(group["betas"].is(Kind::tuple));
    EXPECT_EQ(group["betas"].items().at(1).real(), 0.999);
    EXPECT_EQ(group["params"].items().size(), 2);
    EXPECT_EQ(value["epoch"].integer(), 3);
    EXPECT_EQ(value["epoch"].real(), 3.0);
    EXPECT_EQ(value["big"].real(), 0x1p70);
    EXPECT_EQ(value["negative"].integer(), -(int64_t{1} << 62));
    EXPECT_EQ(value["name"].text(), "caf\u00e9 \U0001f600");
    EXPECT_FALSE(value["done"].boolean());
    EXPECT_TRUE(value["none"].is(Kind::none));
    EXPECT_TRUE(value["bytes"].is(Kind::bytes));
    EXPECT_EQ(value["bytes"].text(), std::string("a\0\xff", 3));
    EXPECT_TRUE(value["set"].is(Kind::set));
    EXPECT_EQ(value["size"].items().at(1).integer(), 4);
    EXPECT_EQ(value["dtype"].text(), "torch.float16");
    EXPECT_EQ(value["device"].text(), "cuda:1");
    expect_same(value["storage"].tensor(), array({1, 0, 2, 0}, uint8));
    const PickledValue* deep = &value["deep"];
    int depth = 0;
    for (; !deep->items().empty(); deep = &deep->items()[0]) ++depth;
    EXPECT_EQ(depth, 100);

    const Arrays tensors = value.tensors();
    EXPECT_TRUE(tensors.contains("optimizer.state.0.exp_avg"));
    EXPECT_TRUE(tensors.contains("model.bias"));
    EXPECT_EQ(pytorch_state_dict(value).size(), 2);
  }
}

TEST(PyTorchFile, HoldsTheAttributesOfAScriptedModule) {
  const PickledValue value = load_pytorch_file(folder + "script.pt");
  EXPECT_TRUE(value["training"].boolean());
  expect_all_same(value.tensors(), expected("script"));
}

TEST(PyTorchFile, CallsNothing) {
  const std::string refused =
      ": expected a plain value, a container or a tensor of one, got something else, which is "
      "refused (torch.save(model.state_dict(), file) writes weights alone)";
  EXPECT_EQ(error_of("calls.pt", ": calls/data.pkl"), "posix.system" + refused);
  EXPECT_EQ(error_of("calls_old.pt"), "posix.system" + refused);
  EXPECT_EQ(error_of("module.pt", ": module/data.pkl"), "torch.nn.modules.linear.Linear" + refused);
  EXPECT_EQ(error_of("sparse.pt", ": sparse/data.pkl"),
            "torch._utils._rebuild_sparse_tensor" + refused);
  EXPECT_FALSE(std::filesystem::exists("/tmp/never"));
}

TEST(PyTorchFile, RefusesDtypesThatMicaLacks) {
  EXPECT_EQ(error_of("complex128.pt", ": complex128/data.pkl"),
            "storage 0: expected a dtype that mica has, got torch.complex128");
  EXPECT_EQ(error_of("float8.pt", ": float8/data.pkl"),
            "tensor of storage 0: expected a dtype that mica has, got torch.float8_e4m3fn");
  EXPECT_EQ(error_of("pickle.pt"), "magic: expected that of a PyTorch file, got something else");
}

TEST(PyTorchFile, SaysWhatAValueIs) {
  const PickledValue value = load_pytorch_file(folder + "nested.pt");
  const auto error = [&](auto&& f) {
    try {
      f();
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error([&] { value.integer(); }), "PickledValue: expected an integer, got a dict");
  EXPECT_EQ(error([&] { value["epoch"].tensor(); }),
            "PickledValue: expected a tensor, got an integer");
  EXPECT_EQ(error([&] { value["model"]["w"]; }),
            "PickledValue: expected one of the keys weight, bias, got 'w'");
  EXPECT_EQ(error([&] { pytorch_state_dict(value["epoch"]); }),
            "pytorch_state_dict: expected a dict of tensors, got an integer");
  EXPECT_EQ(error([&] { pytorch_state_dict(value["optimizer"]["param_groups"].items()[0]); }),
            "pytorch_state_dict: expected a dict of tensors, got none of them");
}

}  // namespace
}  // namespace mica
