// The format: magic, version, a checksum of what follows; whether shapeless, metadata, the dtypes
// and shapes of the constants, the traces; then, each at a multiple of 64 bytes, the constants'
// elements. Little-endian; text and lists with their lengths before them. Ops go by their names, so
// that a file outlives changes of their numbers; their attributes are the fields in order.

#include "mica/transforms/function_file.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <map>

#include "mica/engine/op_fields.h"
#include "mica/io/content.h"
#include "mica/io/cursor.h"
#include "mica/io/input.h"
#include "mica/ops/op_names.h"
#include "mica/ops/ops.h"

namespace mica::detail {

namespace {

using engine::OutputSpec;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::string_view magic("mica fun", 8);
constexpr uint32_t version = 1;
constexpr size_t alignment = 64;
constexpr size_t prefix_size = magic.size() + sizeof(version) + sizeof(uint32_t) + sizeof(uint64_t);

size_t padding_of(size_t size) { return (alignment - size % alignment) % alignment; }

// Of words: the size of what is added must be a multiple of theirs.
class Checksum {
 public:
  void add(const void* data, size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, bytes + i, sizeof(word));
      sum_ = (std::rotl(sum_, 23) ^ word) * 0x9e3779b97f4a7c15ull;
    }
  }
  uint64_t value() const { return sum_ ^ sum_ >> 32; }

 private:
  uint64_t sum_ = 0x2545f4914f6cdd1dull;
};

class Writer {
 public:
  explicit Writer(const StoredFunction& function) {
    number(static_cast<uint8_t>(function.shapeless));
    text(function.metadata);
    for (const StoredTrace& trace : function.traces) {
      for (const array& a : trace.program.captured) add_constant(a);
    }
    number(static_cast<uint64_t>(constants_.size()));
    for (const array& a : constants_) spec({a.shape(), a.dtype()});
    number(static_cast<uint64_t>(function.traces.size()));
    for (const StoredTrace& trace : function.traces) add_trace(trace);
    bytes_.append(padding_of(prefix_size + bytes_.size()), '\0');
  }

  void write(io::Output& output) const {
    // The file's length is a multiple of the alignment, as is that of each part used.
    Checksum checksum;
    const auto each_part = [&](auto&& use) {
      use(bytes_.data(), bytes_.size());
      for (const array& a : constants_) {
        const size_t rest = a.nbytes() % alignment, whole = a.nbytes() - rest;
        use(a.data<char>(), whole);
        if (rest == 0) continue;
        char last[alignment] = {};
        std::memcpy(last, a.data<char>() + whole, rest);
        use(last, alignment);
      }
    };
    each_part([&](const char* data, size_t size) { checksum.add(data, size); });
    const uint64_t sum = checksum.value();
    const uint32_t reserved = 0;
    output.write(magic.data(), magic.size());
    output.write(&version, sizeof(version));
    output.write(&reserved, sizeof(reserved));
    output.write(&sum, sizeof(sum));
    each_part([&](const char* data, size_t size) { output.write(data, size); });
    output.commit();
  }

 private:
  template <class T>
  void number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(const std::string& value) {
    number(static_cast<uint64_t>(value.size()));
    bytes_ += value;
  }
  void spec(const OutputSpec& spec) {
    number(static_cast<uint8_t>(spec.dtype.val()));
    number(static_cast<uint32_t>(spec.shape.size()));
    for (const ShapeElem dim : spec.shape) number(static_cast<uint64_t>(dim));
  }
  void specs(const std::vector<OutputSpec>& list) {
    number(static_cast<uint64_t>(list.size()));
    for (const OutputSpec& one : list) spec(one);
  }
  void indices(const std::vector<uint32_t>& list) {
    number(static_cast<uint64_t>(list.size()));
    for (const uint32_t index : list) number(index);
  }

  void add_constant(const array& a) {
    if (!numbers_.try_emplace(a.id(), static_cast<uint32_t>(constants_.size())).second) return;
    constants_.push_back(contiguous(a));
    constants_.back().eval();
  }

  void add_trace(const StoredTrace& trace) {
    specs(trace.inputs);
    number(static_cast<uint64_t>(trace.keywords.size()));
    for (const std::string& keyword : trace.keywords) text(keyword);
    number(static_cast<uint64_t>(trace.flexible.size()));
    for (const uint8_t axis : trace.flexible) number(axis);
    std::vector<uint32_t> captured;
    for (const array& a : trace.program.captured) captured.push_back(numbers_.at(a.id()));
    indices(captured);
    number(static_cast<uint64_t>(trace.program.steps.size()));
    for (const Program::Step& step : trace.program.steps) {
      text(std::string(op_name(step.op->id)));
      text(engine::write_attributes(*step.op));
      indices(step.inputs);
      specs(step.outputs);
    }
    indices(trace.program.outputs);
  }

  std::string bytes_;
  std::vector<array> constants_;
  std::map<std::uintptr_t, uint32_t> numbers_;  // of constants, by id
};

class Reader {
 public:
  explicit Reader(io::Input& input) : cursor_(input) {}

  StoredFunction read() {
    const std::string start = raw_text("magic", magic.size());
    if (start != magic)
      cursor_.fail("content", "an exported function",
                   io::kind_of_content(std::as_bytes(std::span(start))));
    const auto file_version = cursor_.number<uint32_t>("version");
    if (file_version != version) {
      cursor_.fail("version", std::to_string(version), std::to_string(file_version));
    }
    cursor_.number<uint32_t>("version");
    const auto sum = cursor_.number<uint64_t>("checksum");
    Checksum checksum;
    const bool whole = cursor_.remaining() % sizeof(uint64_t) == 0;
    if (whole) checksum.add(cursor_.rest().data(), cursor_.remaining());
    if (!whole || checksum.value() != sum) {
      cursor_.fail("checksum", "that of the contents", "another: the file is damaged");
    }

    StoredFunction function;
    function.shapeless = cursor_.number<uint8_t>("shapeless") != 0;
    function.metadata = cursor_.string("metadata");
    std::vector<OutputSpec> constants = specs("constants");
    std::vector<std::vector<uint32_t>> captured;
    const uint64_t count = cursor_.count("number of traces", 6 * sizeof(uint64_t));
    for (uint64_t i = 0; i < count; ++i) {
      function.traces.push_back(trace(constants.size(), captured));
    }
    const std::vector<array> values = read_constants(constants);
    for (uint64_t i = 0; i < count; ++i) {
      for (const uint32_t index : captured[i]) {
        function.traces[i].program.captured.push_back(values[index]);
      }
    }
    return function;
  }

 private:
  std::string raw_text(const std::string& field, size_t size) {
    const io::Bytes bytes = cursor_.take(field, size);
    return {reinterpret_cast<const char*>(bytes.data.data()), size};
  }

  OutputSpec spec(const std::string& field) {
    constexpr std::array<Dtype, dtype_count> dtypes{bool_,   uint8,   uint16,   uint32,   uint64,
                                                    int8,    int16,   int32,    int64,    float16,
                                                    float32, float64, bfloat16, complex64};
    const auto val = cursor_.number<uint8_t>(field);
    if (val >= dtypes.size()) cursor_.fail(field, "a dtype", std::to_string(val));
    const auto rank = cursor_.number<uint32_t>(field);
    if (rank > cursor_.remaining() / sizeof(uint64_t)) {
      cursor_.fail(field, "a number of dimensions", std::to_string(rank));
    }
    std::vector<uint64_t> dims(rank);
    for (uint64_t& dim : dims) dim = cursor_.number<uint64_t>(field);
    OutputSpec spec{io::checked_shape(cursor_.input(), field, dims), dtypes[val]};
    io::checked_bytes(cursor_.input(), field, spec.shape, spec.dtype.size());
    return spec;
  }
  std::vector<OutputSpec> specs(const std::string& field) {
    std::vector<OutputSpec> list;
    const uint64_t count = cursor_.count(field, sizeof(uint8_t) + sizeof(uint32_t));
    for (uint64_t i = 0; i < count; ++i) list.push_back(spec(field));
    return list;
  }
  // Each below `limit`.
  std::vector<uint32_t> indices(const std::string& field, size_t limit) {
    std::vector<uint32_t> list(cursor_.count(field, sizeof(uint32_t)));
    for (uint32_t& index : list) {
      index = cursor_.number<uint32_t>(field);
      if (index >= limit) {
        cursor_.fail(field, fmt::format("a number below {}", limit), std::to_string(index));
      }
    }
    return list;
  }

  StoredTrace trace(size_t constant_count, std::vector<std::vector<uint32_t>>& captured) {
    StoredTrace trace;
    trace.inputs = specs("inputs");
    const uint64_t keywords = cursor_.count("keywords", sizeof(uint64_t));
    if (keywords > trace.inputs.size()) {
      cursor_.fail("keywords", "no more than inputs", std::to_string(keywords));
    }
    for (uint64_t i = 0; i < keywords; ++i) trace.keywords.push_back(cursor_.string("keywords"));
    size_t axes = 0;
    for (const OutputSpec& input : trace.inputs) axes += input.shape.size();
    trace.flexible.resize(cursor_.count("flexible axes", 1));
    for (uint8_t& axis : trace.flexible) axis = cursor_.number<uint8_t>("flexible axes");
    if (!trace.flexible.empty() && trace.flexible.size() != axes) {
      cursor_.fail("flexible axes", std::to_string(axes), std::to_string(trace.flexible.size()));
    }
    captured.push_back(indices("constants", constant_count));
    Program& program = trace.program;
    program.input_count = trace.inputs.size();
    size_t values = trace.inputs.size() + captured.back().size();
    const uint64_t steps = cursor_.count("number of steps", 4 * sizeof(uint64_t));
    for (uint64_t i = 0; i < steps; ++i) {
      program.steps.push_back(step(fmt::format("step {}", i), values));
      values += program.steps.back().outputs.size();
    }
    program.outputs = indices("outputs", values);
    return trace;
  }

  Program::Step step(const std::string& field, size_t values) {
    const std::string name = cursor_.string(field);
    const std::optional<OpId> id = find_op(name);
    if (!id) cursor_.fail(field, "an op of this version of mica", "'" + name + "'");
    const size_t size = cursor_.number<uint64_t>(field);
    engine::OpRef op = engine::read_attributes(*id, cursor_.take(field, size).data);
    if (!op) cursor_.fail(field, "the attributes of " + name, "others");
    Program::Step step{std::move(op), indices(field, values), specs(field), to_stream({})};
    if (step.outputs.empty()) cursor_.fail(field, "outputs", "none");
    return step;
  }

  std::vector<array> read_constants(const std::vector<OutputSpec>& specs) {
    std::vector<array> constants;
    if (specs.empty()) return constants;
    cursor_.take("padding", padding_of(cursor_.position()));
    for (const OutputSpec& spec : specs) {
      const size_t size =
          io::checked_bytes(cursor_.input(), "constants", spec.shape, spec.dtype.size());
      constants.push_back(io::array_of(cursor_.take("constants", size), spec.shape, spec.dtype));
      cursor_.take("padding", padding_of(size));
    }
    return constants;
  }

  io::Cursor cursor_;
};

}  // namespace

void write_function(const StoredFunction& function) {
  const Writer writer(function);
  writer.write(*io::open_output("export_function", function.file));
}

StoredFunction read_function(const std::string& file) {
  StoredFunction function = Reader(*io::open_input("import_function", file)).read();
  function.file = file;
  return function;
}

}  // namespace mica::detail
