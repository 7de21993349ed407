#include "mica/ops/op_names.h"

#include <algorithm>
#include <array>

#include "mica/ops/op_list.h"

namespace mica {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(OpId::count)> names = {
#define MICA_ELEMENTWISE(Type) #Type,
#define MICA_OP(Type) #Type,
#include "mica/ops/ops.def"
};

}  // namespace

std::string_view op_name(OpId id) { return names[static_cast<size_t>(id)]; }

std::optional<OpId> find_op(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<OpId>(found - names.begin());
}

}  // namespace mica
