// Trees: nested dictionaries (in insertion order) and lists with a value at each leaf, as
// Module::parameters() returns them, and functions over them. Trees are values.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mica/array/array.h"

namespace mica {

namespace detail {

[[noreturn]] void throw_missing_key(std::string_view key, const std::vector<std::string>& keys);
[[noreturn]] void throw_index_out_of_range(std::ptrdiff_t index, size_t size);
[[noreturn]] void throw_wrong_kind(const char* expected, const char* got);
void print_quoted(std::ostream& os, std::string_view text);

template <class K>
concept KeyLike = std::convertible_to<const K&, std::string_view>;

}  // namespace detail

// A leaf of type T, a list or a dictionary; a default-constructed tree is an empty dictionary.
// Converts to T where it is a leaf. Leaves forward shape(), dtype() and size(); the size of a
// list or a dictionary is its number of entries.
template <class T>
class BasicTree {
 public:
  using Dict = std::vector<std::pair<std::string, BasicTree>>;
  using List = std::vector<BasicTree>;
  using Leaf = T;

  BasicTree() = default;
  template <class U>
  requires(std::convertible_to<U&&, T> && !std::same_as<std::remove_cvref_t<U>, BasicTree>)
      BasicTree(U&& leaf)
      : node_(std::in_place_index<2>, std::forward<U>(leaf)) {}
  static BasicTree dict(Dict entries = {}) {
    BasicTree tree;
    tree.node_.template emplace<0>(std::move(entries));
    return tree;
  }
  static BasicTree list(List elements = {}) {
    BasicTree tree;
    tree.node_.template emplace<1>(std::move(elements));
    return tree;
  }

  bool is_dict() const { return node_.index() == 0; }
  bool is_list() const { return node_.index() == 1; }
  bool is_leaf() const { return node_.index() == 2; }
  const char* kind() const { return is_dict() ? "a dictionary" : is_list() ? "a list" : "a leaf"; }

  // Each throws std::invalid_argument where the tree is of another kind.
  const Dict& items() const& { return get<0>("a dictionary"); }
  Dict& items() & { return const_cast<Dict&>(std::as_const(*this).items()); }
  Dict items() && { return std::move(items()); }
  const List& elements() const& { return get<1>("a list"); }
  List& elements() & { return const_cast<List&>(std::as_const(*this).elements()); }
  List elements() && { return std::move(elements()); }
  const T& leaf() const& { return get<2>("a leaf"); }
  T& leaf() & { return const_cast<T&>(std::as_const(*this).leaf()); }
  T leaf() && { return std::move(leaf()); }
  operator const T&() const& { return leaf(); }
  operator T() && { return std::move(leaf()); }
  const T* operator->() const { return &leaf(); }

  // The entry of a dictionary. Where there is none, a tree that can be changed gets one, an empty
  // dictionary; else std::invalid_argument names the key and those that exist.
  template <detail::KeyLike K>
  const BasicTree& operator[](const K& key) const& {
    if (const BasicTree* entry = find(key)) return *entry;
    detail::throw_missing_key(key, keys());
  }
  template <detail::KeyLike K>
  BasicTree& operator[](const K& key) & {
    if (BasicTree* entry = find(key)) return *entry;
    items().emplace_back(std::string(std::string_view(key)), BasicTree());
    return items().back().second;
  }
  template <detail::KeyLike K>
  BasicTree operator[](const K& key) && {
    return std::move(const_cast<BasicTree&>(std::as_const(*this)[key]));
  }

  // The element of a list; a negative index counts from the end.
  template <std::integral I>
  const BasicTree& operator[](I index) const& {
    const List& list = elements();
    const auto i = static_cast<std::ptrdiff_t>(index);
    const auto size = static_cast<std::ptrdiff_t>(list.size());
    if (i < -size || i >= size) detail::throw_index_out_of_range(i, list.size());
    return list[static_cast<size_t>(i < 0 ? i + size : i)];
  }
  template <std::integral I>
  BasicTree& operator[](I index) & {
    return const_cast<BasicTree&>(std::as_const(*this)[index]);
  }
  template <std::integral I>
  BasicTree operator[](I index) && {
    return std::move((*this)[index]);
  }

  // The entry of a dictionary, null where there is none.
  const BasicTree* find(std::string_view key) const {
    for (const auto& [name, child] : items())
      if (name == key) return &child;
    return nullptr;
  }
  BasicTree* find(std::string_view key) {
    return const_cast<BasicTree*>(std::as_const(*this).find(key));
  }
  bool contains(std::string_view key) const { return is_dict() && find(key); }
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const auto& [name, child] : items()) names.push_back(name);
    return names;
  }
  void push_back(BasicTree element) { elements().push_back(std::move(element)); }
  bool empty() const { return !is_leaf() && count() == 0; }

  decltype(auto) shape() const requires requires(const T& t) { t.shape(); }
  { return leaf().shape(); }
  auto shape(int axis) const requires requires(const T& t) { t.shape(axis); }
  { return leaf().shape(axis); }
  auto dtype() const requires requires(const T& t) { t.dtype(); }
  { return leaf().dtype(); }
  size_t size() const {
    if constexpr (requires(const T& t) { t.size(); })
      return is_leaf() ? leaf().size() : count();
    else
      return is_leaf() ? 1 : count();
  }

 private:
  size_t count() const { return is_dict() ? items().size() : elements().size(); }
  template <size_t I>
  const auto& get(const char* expected) const {
    if (node_.index() != I) detail::throw_wrong_kind(expected, kind());
    return std::get<I>(node_);
  }

  std::variant<Dict, List, T> node_;
};

using Tree = BasicTree<array>;

// For eval and the transforms: the leaves in order, and a copy with others in their place.
void collect_arrays(std::vector<array>& out, const Tree& tree);
Tree rebuild_arrays(const Tree& like, const array*& next);
// For compile: appends the kinds and keys, which set trees of equal arrays apart.
void describe_structure(std::string& key, const Tree& tree);

// Prints as Python prints nested dictionaries and lists.
template <class T>
std::ostream& operator<<(std::ostream& os, const BasicTree<T>& tree) {
  if (tree.is_leaf()) {
    if constexpr (std::convertible_to<const T&, std::string_view>)
      detail::print_quoted(os, tree.leaf());
    else
      os << tree.leaf();
    return os;
  }
  const char* separator = "";
  if (tree.is_list()) {
    os << '[';
    for (const auto& child : tree.elements()) os << std::exchange(separator, ", ") << child;
    return os << ']';
  }
  os << '{';
  for (const auto& [key, child] : tree.items()) {
    os << std::exchange(separator, ", ");
    detail::print_quoted(os, key);
    os << ": " << child;
  }
  return os << '}';
}

// Makes subtrees for which the predicate holds leaves of the functions below, which then pass
// every leaf as a BasicTree<T>: tree_map(f, IsLeaf{[](const Tree& t) { ... }}, tree).
template <class P>
struct IsLeaf {
  P predicate;
};
template <class P>
IsLeaf(P) -> IsLeaf<P>;

namespace detail {

struct NeverLeaf {
  template <class T>
  bool operator()(const BasicTree<T>&) const {
    return false;
  }
};

inline std::string join_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// Calls f at a leaf of the first tree: with the further trees' values, or with their subtrees where
// f takes those and there is more structure.
template <class F, class T, class... R>
auto call_at_leaf(F&& f, const BasicTree<T>& tree, const BasicTree<R>&... rest) {
  constexpr bool takes_values = std::is_invocable_v<F&, const T&, const R&...>;
  constexpr bool takes_trees = std::is_invocable_v<F&, const T&, const BasicTree<R>&...>;
  if constexpr (takes_values && takes_trees) {
    if (!(rest.is_leaf() && ...)) return f(tree.leaf(), rest...);
  }
  if constexpr (takes_values)
    return f(tree.leaf(), rest.leaf()...);
  else
    return f(tree.leaf(), rest...);
}

// f(path, node, rest...) at each leaf; path is kept only where it is wanted.
template <bool with_path, class F, class P, class T, class... R>
void visit_nodes(F& f, P& is_leaf, const std::string& path, const BasicTree<T>& tree,
                 const BasicTree<R>&... rest) {
  if (tree.is_leaf() || is_leaf(tree)) {
    f(path, tree, rest...);
  } else if (tree.is_list()) {
    for (size_t i = 0; i < tree.elements().size(); ++i)
      visit_nodes<with_path>(f, is_leaf, with_path ? join_path(path, std::to_string(i)) : path,
                             tree.elements()[i], rest[i]...);
  } else {
    for (const auto& [key, child] : tree.items())
      visit_nodes<with_path>(f, is_leaf, with_path ? join_path(path, key) : path, child,
                             rest[key]...);
  }
}

// The tree of the results of f(path, node, rest...).
template <bool with_path, class U, class F, class P, class T, class... R>
BasicTree<U> map_nodes_to(F& f, P& is_leaf, const std::string& path, const BasicTree<T>& tree,
                          const BasicTree<R>&... rest) {
  if (tree.is_leaf() || is_leaf(tree)) return BasicTree<U>(f(path, tree, rest...));
  BasicTree<U> out;
  if (tree.is_list()) {
    out = BasicTree<U>::list();
    for (size_t i = 0; i < tree.elements().size(); ++i)
      out.push_back(map_nodes_to<with_path, U>(
          f, is_leaf, with_path ? join_path(path, std::to_string(i)) : path, tree.elements()[i],
          rest[i]...));
  } else {
    for (const auto& [key, child] : tree.items())
      out.items().emplace_back(
          key, map_nodes_to<with_path, U>(f, is_leaf, with_path ? join_path(path, key) : path,
                                          child, rest[key]...));
  }
  return out;
}

template <bool with_path, class F, class P, class T, class... R>
auto map_nodes(F& f, P& is_leaf, const std::string& path, const BasicTree<T>& tree,
               const BasicTree<R>&... rest) {
  using Result =
      std::invoke_result_t<F&, const std::string&, const BasicTree<T>&, const BasicTree<R>&...>;
  if constexpr (std::is_void_v<Result>)
    visit_nodes<with_path>(f, is_leaf, path, tree, rest...);
  else
    return map_nodes_to<with_path, std::decay_t<Result>>(f, is_leaf, path, tree, rest...);
}

template <class F, class V, class P, class T>
void reduce_nodes(F& f, V& value, P& is_leaf, const BasicTree<T>& tree) {
  if (is_leaf(tree)) {
    if constexpr (std::is_same_v<P, NeverLeaf>)
      value = f(std::move(value), tree.leaf());
    else
      value = f(std::move(value), tree);
  } else if (tree.is_leaf()) {
    if constexpr (std::is_invocable_v<F&, V, const T&>)
      value = f(std::move(value), tree.leaf());
    else
      value = f(std::move(value), tree);
  } else if (tree.is_list()) {
    for (const auto& child : tree.elements()) reduce_nodes(f, value, is_leaf, child);
  } else {
    for (const auto& [key, child] : tree.items()) reduce_nodes(f, value, is_leaf, child);
  }
}

}  // namespace detail

// The tree of f(leaf, further leaves...), with the structure of the first tree and leaves of the
// type that f returns. Further trees must hold an entry for each of the first; f may take a
// BasicTree for those with more structure. Where f returns nothing, so does tree_map.
template <class F, class T, class... R>
auto tree_map(F&& f, const BasicTree<T>& tree, const BasicTree<R>&... rest) {
  auto at = [&](const std::string&, const auto& node, const auto&... others) {
    return detail::call_at_leaf(f, node, others...);
  };
  detail::NeverLeaf never;
  return detail::map_nodes<false>(at, never, std::string(), tree, rest...);
}
template <class F, class P, class T, class... R>
auto tree_map(F&& f, IsLeaf<P> is_leaf, const BasicTree<T>& tree, const BasicTree<R>&... rest) {
  auto at = [&](const std::string&, const auto& node, const auto&... others) {
    return f(node, others...);
  };
  return detail::map_nodes<false>(at, is_leaf.predicate, std::string(), tree, rest...);
}

// As tree_map, with the path of the leaf ("layers.0.weight") as the first argument.
template <class F, class T, class... R>
auto tree_map_with_path(F&& f, const BasicTree<T>& tree, const BasicTree<R>&... rest) {
  auto at = [&](const std::string& path, const auto& node, const auto&... others) {
    auto call = [&](const auto&... values) -> decltype(f(path, values...)) {
      return f(path, values...);
    };
    return detail::call_at_leaf(call, node, others...);
  };
  detail::NeverLeaf never;
  return detail::map_nodes<true>(at, never, std::string(), tree, rest...);
}
template <class F, class P, class T, class... R>
auto tree_map_with_path(F&& f, IsLeaf<P> is_leaf, const BasicTree<T>& tree,
                        const BasicTree<R>&... rest) {
  return detail::map_nodes<true>(f, is_leaf.predicate, std::string(), tree, rest...);
}

// Path and value of each leaf, in order.
template <class T>
std::vector<std::pair<std::string, T>> tree_flatten(const BasicTree<T>& tree,
                                                    const std::string& prefix = "") {
  std::vector<std::pair<std::string, T>> out;
  auto at = [&](const std::string& path, const BasicTree<T>& node) {
    out.emplace_back(path, node.leaf());
  };
  detail::NeverLeaf never;
  detail::visit_nodes<true>(at, never, prefix, tree);
  return out;
}
template <class P, class T>
std::vector<std::pair<std::string, BasicTree<T>>> tree_flatten(IsLeaf<P> is_leaf,
                                                               const BasicTree<T>& tree,
                                                               const std::string& prefix = "") {
  std::vector<std::pair<std::string, BasicTree<T>>> out;
  auto at = [&](const std::string& path, const BasicTree<T>& node) {
    out.emplace_back(path, node);
  };
  detail::visit_nodes<true>(at, is_leaf.predicate, prefix, tree);
  return out;
}

namespace detail {

// Where names of a tree's entries are all decimal numbers below `limit`, and different ones, each
// entry's index; else empty. Gaps of a list become empty dictionaries, so the limit bounds what a
// path from outside can make a list allocate.
std::vector<size_t> list_indices(const std::vector<std::string>& names, size_t limit = 1 << 20);

template <class T>
BasicTree<T> unflatten(std::vector<std::pair<std::string_view, const T*>> entries) {
  std::vector<std::string> names;
  std::vector<std::vector<std::pair<std::string_view, const T*>>> groups;
  for (const auto& [path, value] : entries) {
    if (path.empty()) {
      if (entries.size() == 1) return BasicTree<T>(*value);
      throw_wrong_kind("a leaf or a subtree at each path", "both at one path");
    }
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    size_t i = 0;
    if (!names.empty() && names.back() == name)
      i = names.size() - 1;
    else
      while (i < names.size() && names[i] != name) ++i;
    if (i == names.size()) {
      names.emplace_back(name);
      groups.emplace_back();
    }
    groups[i].emplace_back(dot == path.npos ? std::string_view() : path.substr(dot + 1), value);
  }
  const std::vector<size_t> indices = list_indices(names);
  if (indices.empty()) {
    BasicTree<T> out;
    for (size_t i = 0; i < names.size(); ++i)
      out.items().emplace_back(names[i], unflatten<T>(std::move(groups[i])));
    return out;
  }
  BasicTree<T> out = BasicTree<T>::list();
  for (size_t i = 0; i < names.size(); ++i) {
    if (indices[i] >= out.elements().size()) out.elements().resize(indices[i] + 1);
    out.elements()[indices[i]] = unflatten<T>(std::move(groups[i]));
  }
  return out;
}

}  // namespace detail

// The tree with these leaves. Entries named by numbers ("layers.0", "layers.2") make a list, with
// empty dictionaries in the gaps.
template <class T>
BasicTree<T> tree_unflatten(const std::vector<std::pair<std::string, T>>& leaves) {
  std::vector<std::pair<std::string_view, const T*>> entries;
  for (const auto& [path, value] : leaves) entries.emplace_back(path, &value);
  return detail::unflatten<T>(std::move(entries));
}

// f(...f(f(initial, leaf), leaf)...) over the leaves in order.
template <class F, class T, class V>
V tree_reduce(F&& f, const BasicTree<T>& tree, V initial) {
  detail::NeverLeaf never;
  detail::reduce_nodes(f, initial, never, tree);
  return initial;
}
template <class F, class P, class T, class V>
V tree_reduce(F&& f, IsLeaf<P> is_leaf, const BasicTree<T>& tree, V initial) {
  detail::reduce_nodes(f, initial, is_leaf.predicate, tree);
  return initial;
}

// Both trees' entries. Where both have a leaf, merge(a, b) decides; without it that is an error.
// An empty list or dictionary gives way to whatever the other tree has there.
template <class T, class F = std::nullptr_t>
BasicTree<T> tree_merge(const BasicTree<T>& a, const BasicTree<T>& b, F merge = nullptr) {
  if (a.empty() && b.empty() && a.is_dict() != b.is_dict())
    detail::throw_wrong_kind(a.kind(), b.kind());
  if (a.empty()) return b;
  if (b.empty()) return a;
  if (a.is_list() && b.is_list()) {
    BasicTree<T> out = a;
    for (size_t i = 0; i < b.elements().size(); ++i) {
      if (i < out.elements().size())
        out.elements()[i] = tree_merge(a.elements()[i], b.elements()[i], merge);
      else
        out.push_back(b.elements()[i]);
    }
    return out;
  }
  if (a.is_dict() && b.is_dict()) {
    BasicTree<T> out = a;
    for (const auto& [key, child] : b.items()) {
      BasicTree<T>* mine = out.find(key);
      if (mine)
        *mine = tree_merge(*mine, child, merge);
      else
        out.items().emplace_back(key, child);
    }
    return out;
  }
  if constexpr (std::is_same_v<F, std::nullptr_t>)
    detail::throw_wrong_kind("a merge function where both trees have a leaf", "none");
  else if (a.is_leaf() && b.is_leaf())
    return BasicTree<T>(merge(a.leaf(), b.leaf()));
  else
    detail::throw_wrong_kind(a.kind(), b.kind());
}

}  // namespace mica
