// Function transforms: they take functions of arrays and return functions of arrays, and compose in
// any order. This folder holds them, the graph walk they share (tape.h), and compile.
//
// A function takes and returns arrays in any of the forms of MLX C++ (one array, two, a
// std::vector of them), or trees of arrays (see tree.h) and tuples of them. Where its parameters
// are known, so not for a generic lambda, the transformed function takes the same ones, and its
// arguments may convert and be braced lists.
#pragma once

#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/transforms/callable.h"
#include "mica/transforms/custom_function.h"
#include "mica/transforms/tree.h"

namespace mica {

// Computes arrays; returns once their data can be read.
void eval(std::vector<array> outputs);
// As eval(), but returns at once; array::wait(), item() and data() of the outputs wait.
void async_eval(std::vector<array> outputs);

// The same for any number of arrays, trees and ranges of them.
template <class... Ts>
requires(sizeof...(Ts) > 0 && (HoldsArrays<Ts> && ...)) void eval(const Ts&... outputs) {
  eval(detail::held_arrays(outputs...));
}
template <class... Ts>
requires(sizeof...(Ts) > 0 && (HoldsArrays<Ts> && ...)) void async_eval(const Ts&... outputs) {
  async_eval(detail::held_arrays(outputs...));
}

namespace detail {

using ArraysPair = std::pair<std::vector<array>, std::vector<array>>;
// The core of vjp and jvp: functions from vectors to vectors.
ArraysPair vjp_arrays(const ArraysFunction& fun, const std::vector<array>& primals,
                      const std::vector<array>& cotangents);
ArraysPair jvp_arrays(const ArraysFunction& fun, const std::vector<array>& primals,
                      const std::vector<array>& tangents);

// The gradient of a scalar function in each primal.
std::vector<array> gradients(const std::function<array(const std::vector<array>&)>& loss,
                             const std::vector<array>& primals);
// argnums counted from 0, in [-count, count), each once and at least one.
std::vector<int> checked_argnums(const std::vector<int>& argnums, size_t count);
const array& first_output(const std::vector<array>& outputs);

struct MappedOutputs {
  std::vector<array> arrays;
  std::vector<int> axes;  // where the batch axis goes in each
};
using MappedFunction = std::function<MappedOutputs(const std::vector<array>&)>;
// Axes of -1 are not mapped: the function sees that input whole, and that output must not depend on
// a mapped one.
std::vector<array> vmap_arrays(const MappedFunction& fun, const std::vector<array>& inputs,
                               const std::vector<int>& in_axes);

// Axes for vmap: one for each argument or output, or the same for all.
struct MapAxes {
  std::vector<int> each;
  int all = 0;
  // One for each of count; throws, naming what they count, where there are others.
  std::vector<int> expand(size_t count, const char* what) const;
};

// A std::tuple holds the arguments of a function of several.
template <class F, class T>
decltype(auto) call_with_primals(F& fun, T& primals) {
  return fun(primals);
}
template <class F, class... Ts>
decltype(auto) call_with_primals(F& fun, std::tuple<Ts...>& primals) {
  return std::apply(fun, primals);
}

// jvp and vjp of a function of trees; core is vjp_arrays or jvp_arrays. Gives the function's result
// and the arrays of the second result.
template <class F, class P, class C>
auto differentiate(ArraysPair (*core)(const ArraysFunction&, const std::vector<array>&,
                                      const std::vector<array>&),
                   F& fun, const P& primals, const C& directions) {
  using R = std::remove_cvref_t<decltype(call_with_primals(fun, std::declval<P&>()))>;
  std::optional<R> result;
  auto arrays_fun = [&](const std::vector<array>& traced) {
    P replaced = rebuild(primals, traced);
    result.emplace(call_with_primals(fun, replaced));
    return leaves_of(*result);
  };
  auto [outputs, derivatives] = core(arrays_fun, leaves_of(primals), leaves_of(directions));
  return std::pair<R, std::vector<array>>(rebuild(*result, outputs), std::move(derivatives));
}

}  // namespace detail

// The outputs of fun at the primals, and the product of the cotangents (one for each output, of its
// shape) with its Jacobian: a gradient for each primal, of the primal's shape and dtype.
template <detail::VectorFunction F>
std::pair<std::vector<array>, std::vector<array>> vjp(F&& fun, const std::vector<array>& primals,
                                                      const std::vector<array>& cotangents) {
  return detail::vjp_arrays(fun, primals, cotangents);
}
template <detail::UnaryFunction F>
std::pair<array, array> vjp(F&& fun, const array& primal, const array& cotangent) {
  auto [result, gradients] = detail::differentiate(detail::vjp_arrays, fun, primal, cotangent);
  return {result, gradients[0]};
}
// primals: the argument, or a std::tuple of the arguments; cotangents: as the result.
template <class F, ArrayTree P, ArrayTree C>
requires(!detail::VectorFunction<F> && !detail::UnaryFunction<F>)  //
    auto vjp(F&& fun, const P& primals, const C& cotangents) {
  auto [result, gradients] = detail::differentiate(detail::vjp_arrays, fun, primals, cotangents);
  return std::pair(std::move(result), detail::rebuild(primals, gradients));
}

// The outputs of fun at the primals, and the product of its Jacobian with the tangents (one for
// each primal, of its shape): a tangent for each output.
template <detail::VectorFunction F>
std::pair<std::vector<array>, std::vector<array>> jvp(F&& fun, const std::vector<array>& primals,
                                                      const std::vector<array>& tangents) {
  return detail::jvp_arrays(fun, primals, tangents);
}
template <detail::UnaryFunction F>
std::pair<array, array> jvp(F&& fun, const array& primal, const array& tangent) {
  auto [result, tangents] = detail::differentiate(detail::jvp_arrays, fun, primal, tangent);
  return {result, tangents[0]};
}
// primals: the argument, or a std::tuple of the arguments; tangents: as the primals.
template <class F, ArrayTree P, ArrayTree T>
requires(!detail::VectorFunction<F> && !detail::UnaryFunction<F>)  //
    auto jvp(F&& fun, const P& primals, const T& tangents) {
  auto [result, derivatives] = detail::differentiate(detail::jvp_arrays, fun, primals, tangents);
  auto result_tangents = detail::rebuild(result, derivatives);
  return std::pair(std::move(result), std::move(result_tangents));
}

using ValueAndGradFn =
    std::function<std::pair<std::vector<array>, std::vector<array>>(const std::vector<array>&)>;
using SimpleValueAndGradFn =
    std::function<std::pair<array, std::vector<array>>(const std::vector<array>&)>;

namespace detail {

// The loss among the results of a function: the array, or the first of a vector, tuple or pair.
template <class R>
const array& loss_of(const R& result) {
  if constexpr (std::is_same_v<R, array>) {
    return result;
  } else if constexpr (std::is_same_v<R, std::vector<array>>) {
    return first_output(result);
  } else {
    static_assert(
        requires { std::tuple_size<R>::value; },
        "grad: expected a function that returns an array, or a tuple with one in front");
    return std::get<0>(result);
  }
}

// Place of argument i among the argnums, or -1.
template <int... argnums>
constexpr int place_of(int i) {
  int place = 0, found = -1;
  ((found = argnums == i ? place : found, ++place), ...);
  return found;
}

template <int place, class Arg, class Tuple>
auto& argument_or(Arg& arg, [[maybe_unused]] Tuple& replacements) {
  if constexpr (place < 0) {
    return arg;
  } else {
    return std::get<place>(replacements);
  }
}

// The value, and the gradient in the arguments argnums: a tuple where these are several.
template <int... argnums, size_t... I, class F, class... Args>
auto value_and_grad_at(std::index_sequence<I...>, F& fun, Args&&... args) {
  static_assert(((argnums >= 0 && argnums < static_cast<int>(sizeof...(Args))) && ...),
                "grad: argnums must be less than the number of arguments");
  static_assert((ArrayTree<std::tuple_element_t<argnums, std::tuple<Args...>>> && ...),
                "grad: the arguments of argnums must be arrays or trees of arrays");
  using R = std::remove_cvref_t<std::invoke_result_t<F&, Args...>>;
  using Given = std::tuple<std::remove_reference_t<Args>&...>;
  using Wanted = std::tuple<std::remove_cvref_t<std::tuple_element_t<argnums, Given>>...>;
  const Given given(args...);
  std::optional<R> value;
  auto loss = [&](const std::vector<array>& traced) {
    const array* next = traced.data();
    Wanted replacements{rebuild(std::get<argnums>(given), next)...};
    value.emplace(
        fun(static_cast<Args&&>(argument_or<place_of<argnums...>(I)>(args, replacements))...));
    return loss_of(*value);
  };
  const std::vector<array> found = gradients(loss, leaves_of(std::get<argnums>(given)...));
  const array* next = found.data();
  Wanted result{rebuild(std::get<argnums>(given), next)...};
  if constexpr (sizeof...(argnums) == 1) {
    return std::pair(*std::move(value), std::get<0>(std::move(result)));
  } else {
    return std::pair(*std::move(value), std::move(result));
  }
}

// The same for argnums chosen at run time among inputs of one type; call(inputs) gives the value.
template <class T, class Call>
auto value_and_grad_among(const std::vector<int>& argnums, const std::vector<T>& inputs,
                          const Call& call) {
  const std::vector<int> wanted = checked_argnums(argnums, inputs.size());
  std::optional<std::remove_cvref_t<decltype(call(inputs))>> value;
  std::vector<T> result;
  for (int i : wanted) result.push_back(inputs[static_cast<size_t>(i)]);
  auto loss = [&](const std::vector<array>& traced) {
    const array* next = traced.data();
    std::vector<T> replaced = inputs;
    for (int i : wanted) {
      replaced[static_cast<size_t>(i)] = rebuild(inputs[static_cast<size_t>(i)], next);
    }
    value.emplace(call(replaced));
    return loss_of(*value);
  };
  result = rebuild(result, gradients(loss, leaves_of(result)));
  return std::pair(*std::move(value), std::move(result));
}

template <class F>
auto value_and_grad_of_vector(F&& fun, const std::vector<int>& argnums) {
  return like<F>([fun = keep(std::forward<F>(fun)), argnums](const std::vector<array>& inputs) {
    return value_and_grad_among(
        argnums, inputs, [&](const std::vector<array>& replaced) { return (*fun)(replaced); });
  });
}

template <class F>
auto value_and_grad_of_args(F&& fun, const std::vector<int>& argnums) {
  return [fun = keep(std::forward<F>(fun)), argnums]<class T, class... Ts>(const T& first,
                                                                           const Ts&... rest) {
    static_assert((std::is_same_v<T, Ts> && ...),
                  "grad: arguments of several types need grad<argnum>(fun) or "
                  "value_and_grad<argnum>(fun)");
    return value_and_grad_among(argnums, std::vector<T>{first, rest...},
                                [&](const std::vector<T>& replaced) {
                                  return [&]<size_t... I>(std::index_sequence<I...>) {
                                    return (*fun)(replaced[I]...);
                                  }
                                  (std::make_index_sequence<1 + sizeof...(Ts)>());
                                });
  };
}

template <class F, class G>
auto second_of(G value_and_grad) {
  return like<F>([value_and_grad = std::move(value_and_grad)]<class... Args>(Args&&... args) {
    return value_and_grad(std::forward<Args>(args)...).second;
  });
}

}  // namespace detail

// A function that returns a pair: what fun returns, and the gradient of its loss in the arguments
// argnums (a tuple where these are several), which are arrays or trees. fun returns the loss, an
// array of shape (), or a tuple, pair or vector whose first element is the loss.
template <int argnum, int... argnums, class F>
auto value_and_grad(F&& fun) {
  return detail::like<F>([fun = detail::keep(std::forward<F>(fun))]<class... Args>(Args&&... args) {
    return detail::value_and_grad_at<argnum, argnums...>(std::index_sequence_for<Args...>(), *fun,
                                                         std::forward<Args>(args)...);
  });
}

// argnums known at run time: the gradient is a vector. Those of a function of one vector of arrays
// count its elements, as in MLX C++; other functions must have arguments of one type.
template <class F>
auto value_and_grad(F&& fun, const std::vector<int>& argnums) {
  if constexpr (detail::Signature<F>::from_vector) {
    return detail::value_and_grad_of_vector(std::forward<F>(fun), argnums);
  } else {
    return detail::like<F>(detail::value_and_grad_of_args(std::forward<F>(fun), argnums));
  }
}
// One argument: the gradient has its type; of a function of one vector, a vector of one array.
template <class F>
auto value_and_grad(F&& fun, int argnum) {
  const std::vector<int> argnums{argnum};
  if constexpr (detail::Signature<F>::from_vector) {
    return detail::value_and_grad_of_vector(std::forward<F>(fun), argnums);
  } else {
    return detail::like<F>([call = detail::value_and_grad_of_args(std::forward<F>(fun), argnums)](
                               const auto&... args) {
      auto [value, gradients] = call(args...);
      return std::pair(std::move(value), std::move(gradients[0]));
    });
  }
}
// The gradient in the first argument.
template <class F>
auto value_and_grad(F&& fun) {
  if constexpr (detail::Signature<F>::from_vector) {
    return value_and_grad(std::forward<F>(fun), 0);
  } else {
    return value_and_grad<0>(std::forward<F>(fun));
  }
}

// The gradient alone, in the same forms.
template <int argnum, int... argnums, class F>
auto grad(F&& fun) {
  return detail::second_of<F>(value_and_grad<argnum, argnums...>(std::forward<F>(fun)));
}
template <class F>
auto grad(F&& fun, const std::vector<int>& argnums) {
  return detail::second_of<F>(value_and_grad(std::forward<F>(fun), argnums));
}
template <class F>
auto grad(F&& fun, int argnum) {
  return detail::second_of<F>(value_and_grad(std::forward<F>(fun), argnum));
}
template <class F>
auto grad(F&& fun) {
  return detail::second_of<F>(value_and_grad(std::forward<F>(fun)));
}

namespace detail {

// The axis of each array among values, from the axes of the values.
template <class... Ts>
std::vector<int> axes_of_arrays(const std::vector<int>& axes, const Ts&... values) {
  std::vector<int> expanded;
  size_t i = 0;
  (expanded.insert(expanded.end(), leaves_of(values).size(), axes[i++]), ...);
  return expanded;
}

template <class R>
std::vector<int> axes_of_result(const MapAxes& axes, const R& result) {
  if constexpr (std::is_same_v<R, std::vector<array>>) {
    return axes.expand(result.size(), "outputs");
  } else if constexpr (requires { std::tuple_size<R>::value; }) {
    const auto each = axes.expand(std::tuple_size_v<R>, "outputs");
    return std::apply([&](const auto&... values) { return axes_of_arrays(each, values...); },
                      result);
  } else {
    return axes_of_arrays(axes.expand(1, "outputs"), result);
  }
}

template <class... Args>
std::vector<int> axes_of_arguments(const MapAxes& axes, const Args&... args) {
  if constexpr (sizeof...(Args) == 1 && (std::is_same_v<Args, std::vector<array>> && ...)) {
    return axes.expand((args.size() + ...), "inputs");
  } else {
    return axes_of_arrays(axes.expand(sizeof...(Args), "inputs"), args...);
  }
}

template <class F>
auto vmap_with(F&& fun, MapAxes in_axes, MapAxes out_axes) {
  return like<F>([fun = keep(std::forward<F>(fun)), in_axes = std::move(in_axes),
                  out_axes = std::move(out_axes)]<class... Args>(Args&&... args) {
    using R = std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, Args...>>;
    static_assert(ArrayTree<R>, "vmap: expected a function that returns arrays or trees");
    std::optional<R> result;
    auto mapped = [&](const std::vector<array>& inputs) {
      result.emplace(call_with_arrays(*fun, inputs.data(), std::forward<Args>(args)...));
      return MappedOutputs{leaves_of(*result), axes_of_result(out_axes, *result)};
    };
    auto outputs = vmap_arrays(mapped, leaves_of(args...), axes_of_arguments(in_axes, args...));
    return rebuild(*result, outputs);
  });
}

}  // namespace detail

// A function that applies fun to each element of its arguments along an axis, and stacks the
// results. An argument with axis -1 is passed to fun whole. fun must not read the values of its
// arguments.
template <detail::UnaryFunction F>
auto vmap(F&& fun, int in_axis = 0, int out_axis = 0) {
  return detail::vmap_with(std::forward<F>(fun), {{}, in_axis}, {{}, out_axis});
}
template <detail::BinaryFunction F>
auto vmap(F&& fun, int in_axis_a = 0, int in_axis_b = 0, int out_axis = 0) {
  return detail::vmap_with(std::forward<F>(fun), {{in_axis_a, in_axis_b}}, {{}, out_axis});
}
// One axis for all the arguments, and one for all the outputs.
template <detail::GenericFunction F>
auto vmap(F&& fun, int in_axis = 0, int out_axis = 0) {
  return detail::vmap_with(std::forward<F>(fun), {{}, in_axis}, {{}, out_axis});
}
// One axis for each argument (for each element of one vector of arrays) and for each element of the
// returned vector or tuple; none: 0 for all. Trees have one axis for all their arrays.
template <class F>
auto vmap(F&& fun, const std::vector<int>& in_axes, const std::vector<int>& out_axes = {}) {
  return detail::vmap_with(std::forward<F>(fun), {in_axes}, {out_axes});
}
template <detail::VectorFunction F>
auto vmap(F&& fun) {
  return detail::vmap_with(std::forward<F>(fun), {}, {});
}

}  // namespace mica
