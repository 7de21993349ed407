// Tables of kernels, filled for the best instruction set when they are first asked for.
#pragma once

namespace mica::cpu {

// The table that fill(table) makes of an empty one:
// static const Table table = filled<Table>(HWY_DYNAMIC_DISPATCH(fill_table));
template <class Table>
Table filled(void (&fill)(Table&)) {
  Table table{};
  fill(table);
  return table;
}

}  // namespace mica::cpu
