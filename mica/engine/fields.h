// The fields of an op's attributes: what enters the structural key of a graph.
#pragma once

#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/dtype.h"
#include "mica/array/shape.h"

namespace mica::engine {

// An attribute that changes from step to step (a slice's start): an argument of a plan, never part
// of its key.
template <class T>
struct Runtime {
  T value;
  friend bool operator==(const Runtime&, const Runtime&) { return true; }
};

inline uint64_t hash_words(std::span<const uint64_t> words) {
  uint64_t h = 0x9e3779b97f4a7c15ull ^ words.size();
  for (uint64_t word : words) {
    h = (h ^ word) * 0xff51afd7ed558ccdull;
    h ^= h >> 32;
  }
  return h;
}

// Words that are equal exactly where two graphs have the same structure.
class Key {
 public:
  void add(uint64_t word) { words_.push_back(word); }
  void clear() { words_.clear(); }
  const std::vector<uint64_t>& words() const { return words_; }
  uint64_t hash() const { return hash_words(words_); }
  // Whether a Runtime field was left out: then equal keys don't mean equal values.
  bool has_runtime_fields() const { return runtime_fields_; }
  void forget_runtime_fields() { runtime_fields_ = false; }
  friend bool operator==(const Key& a, const Key& b) { return a.words_ == b.words_; }

  template <class T>
  void add_field(const T& field) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      add(static_cast<uint64_t>(field));
    } else if constexpr (std::is_same_v<T, float>) {
      add(std::bit_cast<uint32_t>(field));
    } else if constexpr (std::is_same_v<T, double>) {
      add(std::bit_cast<uint64_t>(field));
    } else if constexpr (std::is_same_v<T, Dtype>) {
      add(static_cast<uint64_t>(field.val()));
    } else if constexpr (std::is_same_v<T, std::string>) {
      add(field.size());
      for (char c : field) add(static_cast<unsigned char>(c));
    } else {
      add_compound(field);
    }
  }

 private:
  template <class T>
  void add_compound(const Runtime<T>&) {
    runtime_fields_ = true;
  }
  template <class T>
  void add_compound(const std::optional<T>& field) {
    add(field.has_value());
    if (field) add_field(*field);
  }
  template <class A, class B>
  void add_compound(const std::pair<A, B>& field) {
    add_field(field.first);
    add_field(field.second);
  }
  template <class T>
  requires requires(const T& t) { t.begin(), t.end(), t.size(); }
  void add_compound(const T& field) {
    add(field.size());
    for (const auto& element : field) add_field(element);
  }

  std::vector<uint64_t> words_;
  bool runtime_fields_ = false;
};

inline constexpr size_t most_fields = 8;

namespace detail {
struct AnyField {
  template <class T>
  operator T() const;
};
template <class T, size_t... I>
consteval bool has_fields(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField{})...}; };
}
// From the most downwards: fewer are no initializer where a field has no default.
template <class T, size_t n = most_fields + 1>
consteval size_t count_fields() {
  if constexpr (n == 0 || has_fields<T>(std::make_index_sequence<n>())) {
    return n;
  } else {
    return count_fields<T, n - 1>();
  }
}
}  // namespace detail

// References to the fields of an aggregate of up to eight, in order.
template <class T>
auto tie_fields(const T& t) {
  constexpr size_t n = detail::count_fields<T>();
  static_assert(n <= most_fields, "an op has at most eight attributes");
  if constexpr (n == 0) {
    return std::tie();
  } else if constexpr (n == 1) {
    const auto& [a] = t;
    return std::tie(a);
  } else if constexpr (n == 2) {
    const auto& [a, b] = t;
    return std::tie(a, b);
  } else if constexpr (n == 3) {
    const auto& [a, b, c] = t;
    return std::tie(a, b, c);
  } else if constexpr (n == 4) {
    const auto& [a, b, c, d] = t;
    return std::tie(a, b, c, d);
  } else if constexpr (n == 5) {
    const auto& [a, b, c, d, e] = t;
    return std::tie(a, b, c, d, e);
  } else if constexpr (n == 6) {
    const auto& [a, b, c, d, e, g] = t;
    return std::tie(a, b, c, d, e, g);
  } else if constexpr (n == 7) {
    const auto& [a, b, c, d, e, g, h] = t;
    return std::tie(a, b, c, d, e, g, h);
  } else {
    const auto& [a, b, c, d, e, g, h, i] = t;
    return std::tie(a, b, c, d, e, g, h, i);
  }
}

// Calls f with each field.
template <class T, class F>
void for_each_field(const T& t, F&& f) {
  std::apply([&](const auto&... fields) { (f(fields), ...); }, tie_fields(t));
}

template <class T>
void add_attributes(const T& attributes, Key& key) {
  if constexpr (requires { attributes.add_to_key(key); }) {
    attributes.add_to_key(key);
  } else {
    for_each_field(attributes, [&](const auto& field) { key.add_field(field); });
  }
}

}  // namespace mica::engine
