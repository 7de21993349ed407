// Graphs as text: one op a line, or a drawing for Graphviz. What has been evaluated is a leaf.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica {

namespace detail {
// 1 is A, 26 is Z, 27 is AA.
std::string letters_of(size_t number);
}  // namespace detail

// Names arrays A, B, ..., Z, AA, ... in the order in which they are asked for.
struct NodeNamer {
  std::unordered_map<std::uintptr_t, std::string> names;  // by array::id()

  const std::string& get_name(const array& x);
  void set_name(const array& x, std::string n);
};

// Inputs: A [(2), float32]
// Outputs: B [(2), float32]
// Exp A [(2), float32] -> B [(2), float32]
void print_graph(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs);

void print_graph(std::ostream& os, const std::vector<array>& outputs);
template <class... Arrays, class = enable_for_arrays_t<Arrays...>>
void print_graph(std::ostream& os, Arrays&&... outputs) {
  print_graph(os, NodeNamer{}, std::vector<array>{std::forward<Arrays>(outputs)...});
}
template <class... Arrays, class = enable_for_arrays_t<Arrays...>>
void print_graph(std::ostream& os, NodeNamer namer, Arrays&&... outputs) {
  print_graph(os, std::move(namer), std::vector<array>{std::forward<Arrays>(outputs)...});
}

// In Graphviz's DOT language, ops as rectangles.
void export_to_dot(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs);

void export_to_dot(std::ostream& os, const std::vector<array>& outputs);
template <class... Arrays, class = enable_for_arrays_t<Arrays...>>
void export_to_dot(std::ostream& os, Arrays&&... outputs) {
  export_to_dot(os, NodeNamer{}, std::vector<array>{std::forward<Arrays>(outputs)...});
}
template <class... Arrays, class = enable_for_arrays_t<Arrays...>>
void export_to_dot(std::ostream& os, NodeNamer namer, Arrays&&... outputs) {
  export_to_dot(os, std::move(namer), std::vector<array>{std::forward<Arrays>(outputs)...});
}

}  // namespace mica
