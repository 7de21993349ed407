// Pickles written by hand, in PyTorch's older form: a magic number, a version and facts, then the
// pickle at hand and no storages.
#include <memory>
#include <string>

#include "mica/io/pytorch.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using namespace std::string_literals;
using Kind = PickledValue::Kind;

constexpr const char* storage_keys = "].";

std::string file_of(const std::string& pickle, const std::string& rest = storage_keys) {
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.}."s + pickle +
         rest;
}

PickledValue load(const std::string& pickle) {
  return load_pytorch_file(std::make_shared<StringReader>(file_of(pickle)));
}

std::string error_of(const std::string& pickle, const std::string& rest = storage_keys) {
  return file_error_of("load_pytorch_file", "a string", [&] {
    load_pytorch_file(std::make_shared<StringReader>(file_of(pickle, rest)));
  });
}

TEST(Pickle, ReadsProtocol0) {
  const PickledValue value =
      load("(dp0\nVa\\u00e9\np1\nI7\nsS'it\\'s\\x21'\np2\nL-90L\nsVt\nI01\nsVf\nF-2.5\nsVn\nNs.");
  EXPECT_EQ(value["a\u00e9"].integer(), 7);
  EXPECT_EQ(value["it's!"].integer(), -90);
  EXPECT_TRUE(value["t"].boolean());
  EXPECT_EQ(value["f"].real(), -2.5);
  EXPECT_TRUE(value["n"].is(Kind::none));
}

TEST(Pickle, ReadsNumbersOfAllWidths) {
  const PickledValue value = load(
      "(K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x00\x8a\x01\x80\x8a\x02\xff\x00\x8b\x01\x00\x00"
      "\x00\x7fG\x3f\xf0\x00\x00\x00\x00\x00\x00\x88\x89t."s);
  const int64_t integers[] = {255, 65535, -1, 0, -128, 255, 127};
  for (size_t i = 0; i < std::size(integers); ++i) {
    EXPECT_EQ(value.items().at(i).integer(), integers[i]);
  }
  EXPECT_EQ(value.items().at(7).real(), 1.0);
  EXPECT_TRUE(value.items().at(8).boolean());
}

TEST(Pickle, KeepsWhatIsShared) {
  const PickledValue value = load(
      "(]q\x01h\x01h\x01K\x05"
      "at.");
  ASSERT_EQ(value.items().size(), 3);
  for (const PickledValue& item : value.items()) EXPECT_EQ(item.items().at(0).integer(), 5);
}

TEST(Pickle, RefusesWhatIsNoPlainValue) {
  const std::string refused =
      ": expected a plain value, a container or a tensor of one, got something else, which is "
      "refused (torch.save(model.state_dict(), file) writes weights alone)";
  EXPECT_EQ(error_of("cos\nsystem\n(S'ls'\ntR."), "os.system" + refused);
  EXPECT_EQ(error_of("\x80\x04\x8c\x08"
                     "builtins\x8c\x04"
                     "eval\x93."),
            "builtins.eval" + refused);
  EXPECT_EQ(error_of("c__builtin__\ngetattr\n."), "__builtin__.getattr" + refused);
  EXPECT_EQ(error_of("(S'ls'\nios\nsystem\n."),
            "pickle: expected an instruction that builds plain values, got 'i'");
  EXPECT_EQ(error_of("(c__torch__\nX\no."),
            "pickle: expected an instruction that builds plain values, got 'o'");
  EXPECT_EQ(error_of("\x82\x01."),
            "pickle: expected an instruction that builds plain values, got 0x82");
  EXPECT_EQ(error_of("K\x01)R."),
            "call: expected a function that makes a value, got another value");
  EXPECT_EQ(error_of("ctorch\nSize\n."),
            "pickle: expected plain values, containers and tensors, got a function or a class");
}

TEST(Pickle, RefusesWhatIsMalformed) {
  EXPECT_EQ(error_of("\x80\x06."), "pickle: expected protocol 0 to 5, got 6");
  EXPECT_EQ(error_of("."), "pickle: expected a value on the stack, got none");
  EXPECT_EQ(error_of("t."), "pickle: expected a mark on the stack, got none");
  EXPECT_EQ(error_of("K\x01K\x02s."), "pickle: expected a dict, got nothing on the stack");
  EXPECT_EQ(error_of("]K\x01K\x02s."), "pickle: expected a dict, got another value");
  EXPECT_EQ(error_of("}(K\x01u."), "pickle: expected a value for each key, got a key without one");
  EXPECT_EQ(error_of("h\x07."), "pickle: expected a value that was remembered, got number 7");
  EXPECT_EQ(error_of("X\xff\xff\xff\xff."), "pickle: expected at most 3 bytes, got 4294967295");
  EXPECT_EQ(error_of("Ifive\n."), "pickle: expected an integer, got 'five'");
  EXPECT_EQ(error_of("Fx\n."), "pickle: expected a number, got 'x'");
  EXPECT_EQ(error_of("V\\u12\n."), "pickle: expected text with \\u escapes, got others");
  EXPECT_EQ(error_of("Sx\n."), "pickle: expected a quoted string, got something else");
  EXPECT_EQ(error_of("]", ""), "pickle: expected 1 bytes, got 0 in the file");
}

TEST(Pickle, RefusesValuesThatHoldThemselves) {
  EXPECT_EQ(error_of("]q\x01h\x01"
                     "a."),
            "pickle: expected at most 500 levels of nesting, got more");
}

TEST(Pickle, BearsAnyDepth) {
  EXPECT_EQ(error_of(std::string(300'000, '(') + std::string(300'000, 't') + "."),
            "pickle: expected at most 500 levels of nesting, got more");
  std::string shared = "]";
  for (int i = 0; i < 200; ++i) shared += "q\x01(h\x01h\x01l";
  const PickledValue value = load(shared + ".");
  EXPECT_EQ(value.items().size(), 2);
  EXPECT_THROW(value.tensors(), std::invalid_argument);
}

// A long key above many tensors would be in all their names.
TEST(Pickle, BearsLongNames) {
  const std::string key(100'000, 'k');
  std::string lists = "}X\xa0\x86\x01\x00"s + key + "(";
  lists += std::string(10'000, ']') + "ls.";
  EXPECT_THROW(load(lists).tensors(), std::invalid_argument);
}

TEST(Pickle, BearsManyValues) {
  EXPECT_EQ(error_of("(" + std::string(9'000'000, 'N') + "t."),
            "pickle: expected at most 8388608 values, got more");
  // The same list copied into many sets.
  std::string sets = "](" + std::string(100'000, 'N') + "eq\x01";
  for (int i = 0; i < 1000; ++i) sets += "cbuiltins\nset\nh\x01\x85R";
  EXPECT_EQ(error_of(sets + "."), "pickle: expected at most 8388608 values, got more");
}

// (storage, 0, (2,), strides) of 2 elements of float32, and the storage behind.
std::string tensor_of(const std::string& size, const std::string& stride,
                      const std::string& offset = "K\x00"s, const std::string& count = "K\x02") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01"
         "\x00\x00\x00"
         "0X\x03\x00\x00\x00"
         "cpu"s +
         count + "NtQ" + offset + size + stride + "\x89NtR.";
}
const std::string storage =
    "(X\x01\x00\x00\x00"
    "0l.\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00"
    "\x00\x00@"s;

TEST(Pickle, ChecksTensors) {
  const auto load_tensor = [&](const std::string& pickle) {
    return load_pytorch_file(std::make_shared<StringReader>(file_of(pickle, storage))).tensor();
  };
  const array values = load_tensor(tensor_of("K\x02\x85", "K\x01\x85"));
  EXPECT_EQ(values.data<float>()[1], 2.0f);
  const array last = load_tensor(tensor_of(")", ")", "K\x01"));
  EXPECT_EQ(array(last).item<float>(), 2.0f);

  const auto error = [&](const std::string& pickle) { return error_of(pickle, storage); };
  EXPECT_EQ(error(tensor_of("K\x03\x85", "K\x01\x85")),
            "tensor of storage 0: expected elements within its 2, got shape (3,) from 0");
  EXPECT_EQ(error(tensor_of("K\x02\x85", "K\x01\x85", "K\x01")),
            "tensor of storage 0: expected elements within its 2, got shape (2,) from 1");
  EXPECT_EQ(error(tensor_of("K\x02\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")),
            "tensor of storage 0: expected elements within its 2, got shape (2,) from 0");
  EXPECT_EQ(error(tensor_of("K\x02\x85", ")")), "stride: expected 1 of them, got 0");
  EXPECT_EQ(error(tensor_of("K\x02\x85", "J\xff\xff\xff\xff\x85")),
            "stride: expected an integer from 0, got -1");
  EXPECT_EQ(error(tensor_of("J\xff\xff\xff\x7f\x85", "K\x00\x85"s)),
            "tensor of storage 0: expected tensors that don't take many times the file's size "
            "together, got such");
  EXPECT_EQ(error(tensor_of("J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
                            "K\x00K\x00K\x00\x87"s))
                .substr(0, 63),
            "tensor of storage 0: expected a shape that fits in memory, got ");
  EXPECT_EQ(error(tensor_of("K\x02\x85", "K\x01\x85", "K\x00"s, "J\xff\xff\xff\x7f")),
            "storage 0: expected 8589934588 bytes, got 8");
}

TEST(Pickle, ChecksStorages) {
  const std::string tensor = tensor_of("K\x02\x85", "K\x01\x85");
  EXPECT_EQ(error_of(tensor), "storage 0: expected it in the file, got none");
  EXPECT_EQ(error_of(tensor, "K\x01."), "storage keys: expected a list, got another value");
  EXPECT_EQ(error_of(tensor,
                     "(X\x01\x00\x00\x00"
                     "1l."s),
            "storage 1: expected it in a tensor, got none");
  EXPECT_EQ(error_of(tensor,
                     "(X\x01\x00\x00\x00"
                     "0l.\xff\xff\xff\xff\x00\x00\x00\x00"s),
            "storage 0: expected at most 0 elements, got 4294967295");
}

}  // namespace
}  // namespace mica
