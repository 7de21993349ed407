// The npy format: magic and version, the size of the header, the header (a Python dictionary that
// says dtype, order and shape), the elements.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include "mica/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "mica/io/content.h"
#include "mica/io/io.h"
#include "mica/ops/ops.h"

namespace mica::io {

namespace {

static_assert(std::endian::native == std::endian::little, "little-endian data is read in place");

constexpr std::string_view magic = "\x93NUMPY";
constexpr size_t largest_header = 1 << 20;
constexpr size_t header_alignment = 64;  // NumPy's

struct Header {
  std::optional<Dtype> dtype;
  bool big_endian = false;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

// bfloat16 has no letter of its own: as the ml_dtypes package and MLX write it, it is "two bytes".
std::optional<Dtype> dtype_of_descr(std::string_view kind_and_size) {
  constexpr Dtype dtypes[] = {bool_, uint8, uint16,  uint32,  uint64,  int8,     int16,
                              int32, int64, float16, float32, float64, bfloat16, complex64};
  for (const Dtype& dtype : dtypes) {
    if (kind_and_size == fmt::format("{}{}", "buifcV"[static_cast<int>(kindof(dtype))],
                                     static_cast<int>(dtype.size()))) {
      return dtype;
    }
  }
  return std::nullopt;
}

std::string descr_of(Dtype dtype) {
  return fmt::format("{}{}{}", dtype.size() == 1 ? '|' : '<',
                     "buifcV"[static_cast<int>(kindof(dtype))], static_cast<int>(dtype.size()));
}

// Reads the literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(const Input& input, std::string_view text) : input_(input), rest_(text) {}

  Header parse() {
    expect('{');
    while (!next_is('}')) {
      read_item();
      if (!next_is('}')) expect(',');
    }
    expect('}');
    skip_space();
    if (!rest_.empty()) input_.fail("header", "its end behind '}'", std::string(rest_));
    if (!header_.dtype) input_.fail("descr", "it", "nothing");
    if (!header_.fortran_order) input_.fail("fortran_order", "it", "nothing");
    if (!header_.shape) input_.fail("shape", "it", "nothing");
    return header_;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool next_is(char c) {
    skip_space();
    return !rest_.empty() && rest_[0] == c;
  }
  void expect(char c) {
    if (!next_is(c)) input_.fail("header", fmt::format("'{}'", c), text_here());
    rest_.remove_prefix(1);
  }
  bool accept(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::string text_here() const { return rest_.empty() ? "its end" : std::string(rest_); }

  std::string_view quoted(const std::string& field) {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_[0];
    const size_t end = rest_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) {
      input_.fail(field, "a string", text_here());
    }
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  void read_item() {
    const std::string key(quoted("header"));
    expect(':');
    const auto is_new = [&](bool known) {
      if (known) input_.fail("header", "each name once", "'" + key + "' twice");
    };
    if (key == "descr") {
      is_new(header_.dtype.has_value());
      read_descr();
    } else if (key == "fortran_order") {
      is_new(header_.fortran_order.has_value());
      header_.fortran_order = accept("True");
      if (!*header_.fortran_order && !accept("False")) {
        input_.fail(key, "True or False", text_here());
      }
    } else if (key == "shape") {
      is_new(header_.shape.has_value());
      header_.shape = read_shape();
    } else {
      input_.fail("header", "descr, fortran_order and shape", "'" + key + "'");
    }
  }

  void read_descr() {
    const char* const expected = "b1, u1 ... u8, i1 ... i8, f2, f4, f8, c8 or V2 (bfloat16)";
    if (next_is('[')) input_.fail("descr", expected, "a structured type");
    const std::string_view text = quoted("descr");
    const bool has_order = !text.empty() && std::string_view("<>|=").find(text[0]) < 4;
    header_.big_endian = has_order && text[0] == '>';
    header_.dtype = dtype_of_descr(text.substr(has_order ? 1 : 0));
    if (!header_.dtype) input_.fail("descr", expected, "'" + std::string(text) + "'");
  }

  Shape read_shape() {
    std::vector<uint64_t> dims;
    expect('(');
    while (!next_is(')')) {
      uint64_t dim = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dim);
      if (error != std::errc{}) {
        input_.fail("shape", "integers from 0 to 2147483647", text_here());
      }
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      accept("L");  // Python 2's long integers
      dims.push_back(dim);
      if (!next_is(')')) expect(',');
    }
    expect(')');
    return checked_shape(input_, "shape", dims);
  }

  const Input& input_;
  std::string_view rest_;
  Header header_;
};

size_t read_header_size(Input& input) {
  const Bytes prefix = input.take("magic", magic.size() + 2);
  if (std::memcmp(prefix.data.data(), magic.data(), magic.size()) != 0) {
    input.fail("content", "an npy file", io::kind_of_content(prefix.data));
  }
  const int major = static_cast<int>(prefix.data[magic.size()]);
  if (major < 1 || major > 3) input.fail("version", "1, 2 or 3", std::to_string(major));
  const size_t width = major == 1 ? sizeof(uint16_t) : sizeof(uint32_t);
  uint32_t size = 0;
  std::memcpy(&size, input.take("header size", width).data.data(), width);
  if (size > largest_header) {
    input.fail("header size", fmt::format("at most {}", largest_header), std::to_string(size));
  }
  return size;
}

}  // namespace

array read_npy(Input& input, const StreamOrDevice& s) {
  const Bytes text = input.take("header", read_header_size(input));
  const Header header = HeaderParser(input, text.text()).parse();
  const Dtype dtype = *header.dtype;
  Shape shape = *header.shape;
  if (*header.fortran_order) std::reverse(shape.begin(), shape.end());
  const Bytes data = input.take("data", checked_bytes(input, "shape", shape, dtype.size()));
  if (header.big_endian) swap_bytes(data.data, dtype);
  const array values = array_of(data, shape, dtype);
  return *header.fortran_order && shape.size() > 1 ? transpose(values, s) : values;
}

NpyFile::NpyFile(const array& a) : values(contiguous(a, /*allow_col_major=*/true)) {
  values.eval();
  const array::Flags flags = values.flags();
  std::string shape;
  for (const ShapeElem dim : values.shape()) shape += fmt::format("{}, ", dim);
  if (values.ndim() > 1) shape.resize(shape.size() - 2);
  if (values.ndim() == 1) shape.pop_back();
  const std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}",
                  descr_of(values.dtype()), flags.row_contiguous ? "False" : "True", shape);
  // Version 1 has room for 65535 bytes.
  for (const size_t width : {sizeof(uint16_t), sizeof(uint32_t)}) {
    const size_t prefix = magic.size() + 2 + width;
    const size_t used = prefix + text.size() + 1;
    const size_t padding = (header_alignment - used % header_alignment) % header_alignment;
    const size_t size = text.size() + padding + 1;
    if (width == sizeof(uint16_t) && size > std::numeric_limits<uint16_t>::max()) continue;
    header = std::string(magic) + (width == sizeof(uint16_t) ? '\1' : '\2') + '\0';
    for (size_t byte = 0; byte < width; ++byte) header += static_cast<char>(size >> (8 * byte));
    header += text + std::string(padding, ' ') + '\n';
    return;
  }
}

void NpyFile::write(Output& output) const {
  output.write(header.data(), header.size());
  output.write(values.data<std::byte>(), values.nbytes());
}

}  // namespace mica::io

namespace mica {

array load(std::string file, StreamOrDevice s) {
  return io::read_npy(*io::open_input("load", file), s);
}

array load(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s) {
  return io::read_npy(*io::open_input("load", std::move(in_stream)), s);
}

void save(std::string file, array a) {
  if (!file.ends_with(".npy")) file += ".npy";
  const io::NpyFile contents(a);
  const auto output = io::open_output("save", file);
  contents.write(*output);
  output->commit();
}

void save(std::shared_ptr<io::Writer> out_stream, array a) {
  const io::NpyFile contents(a);
  const auto output = io::open_output("save", std::move(out_stream));
  contents.write(*output);
  output->commit();
}

}  // namespace mica
