// Values that hold arrays, as the transforms see them: an array, or a std::vector, std::map,
// std::unordered_map (of strings), std::optional, std::pair or std::tuple of such values. Other
// types take part through two functions in their own namespace:
//   void collect_arrays(std::vector<array>& out, const T& value);
//       appends the arrays that value holds, in a fixed order; enough for eval()
//   T rebuild_arrays(const T& like, const array*& next);
//       a copy of `like` that holds next[0], next[1], ... in that order, and moves next past them
#pragma once

#include <concepts>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica {

namespace detail {

// Not for scalars, which convert to arrays, and so to trees that convert from those.
template <class T>
concept CollectsArrays = !Scalar<T> && requires(std::vector<array> & out, const T& value) {
  collect_arrays(out, value);
};
template <class T>
concept RebuildsArrays = CollectsArrays<T> && requires(const T& like, const array*& next) {
  { rebuild_arrays(like, next) } -> std::convertible_to<T>;
};

// is_tree: holds arrays, and can be rebuilt with others in their place.
template <class T>
struct TreeTraits {
  static constexpr bool is_tree = RebuildsArrays<T>;
  static void collect(std::vector<array>& out, const T& value) { collect_arrays(out, value); }
  static T rebuild(const T& like, const array*& next) { return rebuild_arrays(like, next); }
};

template <>
struct TreeTraits<array> {
  static constexpr bool is_tree = true;
  static void collect(std::vector<array>& out, const array& value) { out.push_back(value); }
  static array rebuild(const array&, const array*& next) { return *next++; }
};

template <class X>
struct TreeTraits<std::vector<X>> {
  static constexpr bool is_tree = TreeTraits<X>::is_tree;
  static void collect(std::vector<array>& out, const std::vector<X>& values) {
    for (const X& value : values) TreeTraits<X>::collect(out, value);
  }
  static std::vector<X> rebuild(const std::vector<X>& like, const array*& next) {
    std::vector<X> rebuilt;
    rebuilt.reserve(like.size());
    for (const X& value : like) rebuilt.push_back(TreeTraits<X>::rebuild(value, next));
    return rebuilt;
  }
};

template <class Map>
struct MapTraits {
  using X = typename Map::mapped_type;
  static constexpr bool is_tree = TreeTraits<X>::is_tree;
  static void collect(std::vector<array>& out, const Map& map) {
    for (const auto& [key, value] : map) TreeTraits<X>::collect(out, value);
  }
  static Map rebuild(const Map& like, const array*& next) {
    Map rebuilt = like;  // keeps the order of an unordered_map
    for (auto& [key, value] : rebuilt) value = TreeTraits<X>::rebuild(like.find(key)->second, next);
    return rebuilt;
  }
};
template <class K, class X>
struct TreeTraits<std::map<K, X>> : MapTraits<std::map<K, X>> {};

// In the order of the keys: two equal maps may iterate in different orders.
template <class X>
struct TreeTraits<std::unordered_map<std::string, X>> {
  using Map = std::unordered_map<std::string, X>;
  static constexpr bool is_tree = TreeTraits<X>::is_tree;
  static std::map<std::string, const X*> sorted(const Map& map) {
    std::map<std::string, const X*> entries;
    for (const auto& [key, value] : map) entries.emplace(key, &value);
    return entries;
  }
  static void collect(std::vector<array>& out, const Map& map) {
    for (const auto& [key, value] : sorted(map)) TreeTraits<X>::collect(out, *value);
  }
  static Map rebuild(const Map& like, const array*& next) {
    Map rebuilt;
    for (const auto& [key, value] : sorted(like)) {
      rebuilt.emplace(key, TreeTraits<X>::rebuild(*value, next));
    }
    return rebuilt;
  }
};

template <class X>
struct TreeTraits<std::optional<X>> {
  static constexpr bool is_tree = TreeTraits<X>::is_tree;
  static void collect(std::vector<array>& out, const std::optional<X>& value) {
    if (value) TreeTraits<X>::collect(out, *value);
  }
  static std::optional<X> rebuild(const std::optional<X>& like, const array*& next) {
    return like ? std::optional<X>(TreeTraits<X>::rebuild(*like, next)) : std::nullopt;
  }
};

// Elements that hold no arrays are left out, and copied by rebuild.
template <class Tuple, class... Xs>
struct TupleTraits {
  static constexpr bool is_tree = (TreeTraits<Xs>::is_tree || ...);
  template <class X>
  static void collect_element(std::vector<array>& out, const X& value) {
    if constexpr (TreeTraits<X>::is_tree) TreeTraits<X>::collect(out, value);
  }
  template <class X>
  static X rebuild_element(const X& like, [[maybe_unused]] const array*& next) {
    if constexpr (TreeTraits<X>::is_tree) {
      return TreeTraits<X>::rebuild(like, next);
    } else {
      return like;
    }
  }
  static void collect(std::vector<array>& out, const Tuple& tuple) {
    std::apply([&](const Xs&... values) { (collect_element(out, values), ...); }, tuple);
  }
  static Tuple rebuild(const Tuple& like, const array*& next) {
    // Braces: from left to right.
    return std::apply([&](const Xs&... values) { return Tuple{rebuild_element(values, next)...}; },
                      like);
  }
};
template <class A, class B>
struct TreeTraits<std::pair<A, B>> : TupleTraits<std::pair<A, B>, A, B> {};
template <class... Xs>
struct TreeTraits<std::tuple<Xs...>> : TupleTraits<std::tuple<Xs...>, Xs...> {};

// Any other range of trees, as a view of a map's values.
template <class T>
concept TreeRange = requires(const T& range) {
  std::end(range);
  requires TreeTraits<std::remove_cvref_t<decltype(*std::begin(range))>>::is_tree;
};

}  // namespace detail

// A value whose arrays a transform can take out and replace.
template <class T>
concept ArrayTree = detail::TreeTraits<std::remove_cvref_t<T>>::is_tree;

// A value whose arrays eval() can find.
template <class T>
concept HoldsArrays = ArrayTree<T> || detail::CollectsArrays<T> || detail::TreeRange<T>;

namespace detail {

// All arrays of the values.
template <class T>
void collect_held(std::vector<array>& out, const T& value) {
  if constexpr (ArrayTree<T>) {
    TreeTraits<T>::collect(out, value);
  } else if constexpr (CollectsArrays<T>) {
    collect_arrays(out, value);
  } else {
    for (const auto& element : value) collect_held(out, element);
  }
}
template <class... Ts>
std::vector<array> held_arrays(const Ts&... values) {
  std::vector<array> arrays;
  (collect_held(arrays, values), ...);
  return arrays;
}

// The arrays of those of the values that can be rebuilt.
template <class... Ts>
std::vector<array> leaves_of(const Ts&... values) {
  std::vector<array> leaves;
  [[maybe_unused]] auto add = [&]<class T>(const T& value) {
    if constexpr (ArrayTree<T>) TreeTraits<T>::collect(leaves, value);
  };
  (add(values), ...);
  return leaves;
}

template <class T>
std::remove_cvref_t<T> rebuild(const T& like, const array*& next) {
  return TreeTraits<std::remove_cvref_t<T>>::rebuild(like, next);
}
template <class T>
std::remove_cvref_t<T> rebuild(const T& like, const std::vector<array>& leaves) {
  const array* next = leaves.data();
  return rebuild(like, next);
}

}  // namespace detail
}  // namespace mica
