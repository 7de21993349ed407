// What the transforms know about the callables they are given.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/transforms/tree.h"

namespace mica::detail {

// The result and the parameters of a callable that has just one call operator, and no template.
template <class R, class... Parameters>
struct KnownSignature {
  static constexpr bool known = true;
  // array(array) and array(array, array)
  static constexpr bool of_arrays = std::is_same_v<std::remove_cvref_t<R>, array> &&
                                    sizeof...(Parameters) > 0 &&
                                    (std::is_same_v<std::remove_cvref_t<Parameters>, array> && ...);
  static constexpr bool unary = of_arrays && sizeof...(Parameters) == 1;
  static constexpr bool binary = of_arrays && sizeof...(Parameters) == 2;
  // takes one vector of arrays
  static constexpr bool from_vector =
      sizeof...(Parameters) == 1 &&
      (std::is_same_v<std::remove_cvref_t<Parameters>, std::vector<array>> && ...);
  static constexpr bool vector_to_vector =
      from_vector && std::is_same_v<std::remove_cvref_t<R>, std::vector<array>>;

  // G as a std::function of these parameters.
  template <class G>
  static auto as_function(G g) {
    return std::function<std::invoke_result_t<G&, Parameters...>(Parameters...)>(std::move(g));
  }
};

struct UnknownSignature {
  static constexpr bool known = false;
  static constexpr bool of_arrays = false;
  static constexpr bool unary = false;
  static constexpr bool binary = false;
  static constexpr bool from_vector = false;
  static constexpr bool vector_to_vector = false;
};

template <class F>
struct MemberSignature : UnknownSignature {};
template <class C, class R, class... P>
struct MemberSignature<R (C::*)(P...)> : KnownSignature<R, P...> {};
template <class C, class R, class... P>
struct MemberSignature<R (C::*)(P...) const> : KnownSignature<R, P...> {};
template <class C, class R, class... P>
struct MemberSignature<R (C::*)(P...) noexcept> : KnownSignature<R, P...> {};
template <class C, class R, class... P>
struct MemberSignature<R (C::*)(P...) const noexcept> : KnownSignature<R, P...> {};

template <class F>
struct SignatureOf : UnknownSignature {};
template <class F>
requires requires { &F::operator(); }
struct SignatureOf<F> : MemberSignature<decltype(&F::operator())> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...)> : KnownSignature<R, P...> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> : KnownSignature<R, P...> {};

template <class F>
using Signature = SignatureOf<std::decay_t<F>>;

template <class F>
concept UnaryFunction = Signature<F>::unary;
template <class F>
concept BinaryFunction = Signature<F>::binary;
template <class F>
concept VectorFunction = Signature<F>::vector_to_vector;
// None of the forms of MLX C++.
template <class F>
concept GenericFunction = !UnaryFunction<F> && !BinaryFunction<F> && !VectorFunction<F> &&
                          !std::is_arithmetic_v<std::decay_t<F>>;

// fun(args...) with the arrays of args replaced by next[0], next[1], ...; what holds no arrays is
// passed on.
template <class T>
using Replaced = std::conditional_t<ArrayTree<T>, std::remove_cvref_t<T>, T&>;
template <class T>
Replaced<T> replaced(T& value, [[maybe_unused]] const array*& next) {
  if constexpr (ArrayTree<T>) {
    return rebuild(value, next);
  } else {
    return value;
  }
}
template <class F, class... Args>
decltype(auto) call_with_arrays(F& fun, [[maybe_unused]] const array* next, Args&&... args) {
  // Braces: from left to right.
  std::tuple<Replaced<std::remove_reference_t<Args>>...> values{
      replaced<std::remove_reference_t<Args>>(args, next)...};
  return std::apply(
      [&](auto&... value) -> decltype(auto) { return fun(static_cast<Args&&>(value)...); }, values);
}

// Keeps a callable, movable only or not, for the function objects that the transforms return.
template <class F>
std::shared_ptr<std::decay_t<F>> keep(F&& fun) {
  return std::make_shared<std::decay_t<F>>(std::forward<F>(fun));
}

// What a transform of F returns: g, as a std::function where F's parameters are known, so that its
// arguments may convert and be braced lists.
template <class F, class G>
auto like(G g) {
  if constexpr (Signature<F>::known) {
    return Signature<F>::as_function(std::move(g));
  } else {
    return g;
  }
}

}  // namespace mica::detail
