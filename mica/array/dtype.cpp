#include "mica/array/dtype.h"

#include <array>
#include <ostream>

namespace mica {

namespace {

using Category = Dtype::Category;

struct Traits {
  Dtype::Kind kind;
  Category category;
  const char* name;
};

// In the order of Dtype::Val.
constexpr std::array<Traits, dtype_count> traits = {{
    {Dtype::Kind::b, generic, "bool"},
    {Dtype::Kind::u, unsignedinteger, "uint8"},
    {Dtype::Kind::u, unsignedinteger, "uint16"},
    {Dtype::Kind::u, unsignedinteger, "uint32"},
    {Dtype::Kind::u, unsignedinteger, "uint64"},
    {Dtype::Kind::i, signedinteger, "int8"},
    {Dtype::Kind::i, signedinteger, "int16"},
    {Dtype::Kind::i, signedinteger, "int32"},
    {Dtype::Kind::i, signedinteger, "int64"},
    {Dtype::Kind::f, floating, "float16"},
    {Dtype::Kind::f, floating, "float32"},
    {Dtype::Kind::f, floating, "float64"},
    {Dtype::Kind::V, floating, "bfloat16"},
    {Dtype::Kind::c, complexfloating, "complex64"},
}};

const Traits& traits_of(const Dtype& t) { return traits[static_cast<size_t>(t.val())]; }

// The category that `c` belongs to; generic, the root, is its own parent.
Category parent(Category c) {
  switch (c) {
    case complexfloating:
    case floating:
      return inexact;
    case signedinteger:
    case unsignedinteger:
      return integer;
    case inexact:
    case integer:
      return number;
    case number:
    case generic:
      break;
  }
  return generic;
}

// The smallest signed integer that holds both, or float32 for uint64 with a signed integer.
Dtype promote_mixed_signs(const Dtype& unsigned_type, const Dtype& signed_type) {
  if (signed_type.size() > unsigned_type.size()) return signed_type;
  switch (unsigned_type.size()) {
    case 1:
      return int16;
    case 2:
      return int32;
    case 4:
      return int64;
    default:
      return float32;
  }
}

}  // namespace

bool issubdtype(const Category& a, const Category& b) {
  for (Category c = a; c != generic; c = parent(c)) {
    if (c == b) return true;
  }
  return b == generic;
}

bool issubdtype(const Dtype& a, const Category& b) { return issubdtype(traits_of(a).category, b); }
bool issubdtype(const Category&, const Dtype&) { return false; }
bool issubdtype(const Dtype& a, const Dtype& b) { return a == b; }

Dtype promote_types(const Dtype& a, const Dtype& b) {
  if (a == b) return a;
  if (a == complex64 || b == complex64) return complex64;

  const bool a_floats = issubdtype(a, floating);
  const bool b_floats = issubdtype(b, floating);
  if (a_floats && b_floats) {
    if (a.size() == b.size()) return float32;  // float16 with bfloat16
    return a.size() > b.size() ? a : b;
  }
  if (a_floats) return a;
  if (b_floats) return b;

  if (a == bool_) return b;
  if (b == bool_) return a;
  const bool a_signed = issubdtype(a, signedinteger);
  const bool b_signed = issubdtype(b, signedinteger);
  if (a_signed == b_signed) return a.size() > b.size() ? a : b;
  return a_signed ? promote_mixed_signs(b, a) : promote_mixed_signs(a, b);
}

Dtype::Kind kindof(const Dtype& t) { return traits_of(t).kind; }
const char* dtype_name(const Dtype& t) { return traits_of(t).name; }

std::ostream& operator<<(std::ostream& os, const Dtype& t) { return os << dtype_name(t); }

std::ostream& operator<<(std::ostream& os, const Dtype::Kind& k) {
  constexpr char letters[] = "buifcV";
  return os << letters[static_cast<size_t>(k)];
}

}  // namespace mica
