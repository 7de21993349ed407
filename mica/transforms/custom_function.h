// Functions with rules of their own in place of those that the transforms derive.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/transforms/callable.h"
#include "mica/transforms/tree.h"

namespace mica {

namespace detail {

using ArraysFunction = std::function<std::vector<array>(const std::vector<array>&)>;
// (primals, cotangents, outputs) -> a gradient for each primal
using CustomVjp = std::function<std::vector<array>(
    const std::vector<array>&, const std::vector<array>&, const std::vector<array>&)>;
// (primals, tangents of the argnums, argnums) -> a tangent for each output
using CustomJvp = std::function<std::vector<array>(
    const std::vector<array>&, const std::vector<array>&, const std::vector<int>&)>;
// (inputs, their batch axes or -1) -> outputs, and their batch axes or -1
using CustomVmap = std::function<std::pair<std::vector<array>, std::vector<int>>(
    const std::vector<array>&, const std::vector<int>&)>;

// Empty functions where the derived rule applies.
struct CustomRules {
  CustomVjp vjp;
  CustomJvp jvp;
  CustomVmap vmap;
};

// Marks outputs, computed from inputs, so that transforms find the rules.
std::vector<array> with_rules(std::vector<array> outputs, const std::vector<array>& inputs,
                              std::shared_ptr<const CustomRules> rules);
// What forward() returns; its gradient runs recompute(inputs), which draws the same random numbers.
std::vector<array> checkpointed(const std::function<std::vector<array>()>& forward,
                                ArraysFunction recompute, const std::vector<array>& inputs);

// The arguments as a custom rule sees them: one alone, several as a std::tuple.
template <class Arg>
Arg as_primals(std::tuple<Arg> args) {
  return std::get<0>(std::move(args));
}
template <class... Args>
std::tuple<Args...> as_primals(std::tuple<Args...> args) {
  return args;
}

}  // namespace detail

// A function that behaves as fun, but is differentiated and mapped by the rules given. A rule that
// is left out is derived from fun, and that of a mapped function from the rule of fun.
//   fun_vjp(primals, cotangents, outputs): a gradient for each primal
//   fun_jvp(primals, tangents, argnums): the tangents are those of the primals argnums; one tangent
//       for each output
//   fun_vmap(inputs, axes): the outputs and their batch axes; -1 for none
std::function<std::vector<array>(const std::vector<array>&)> custom_function(
    std::function<std::vector<array>(const std::vector<array>&)> fun,
    std::optional<detail::CustomVjp> fun_vjp = std::nullopt,
    std::optional<detail::CustomJvp> fun_jvp = std::nullopt,
    std::optional<detail::CustomVmap> fun_vmap = std::nullopt);

// A function that behaves as fun, but whose gradient is fun_vjp's.
template <detail::VectorFunction F>
std::function<std::vector<array>(const std::vector<array>&)> custom_vjp(F&& fun,
                                                                        detail::CustomVjp fun_vjp) {
  return custom_function(std::forward<F>(fun), std::move(fun_vjp));
}
// For functions of arrays and trees, fun_vjp(primals, cotangents, outputs) takes the argument of
// fun, or a std::tuple of its arguments, and twice what fun returns; it returns the gradients in
// the form of the primals. All arguments are arrays or trees.
template <class F, class Vjp>
requires(!detail::VectorFunction<F>) auto custom_vjp(F&& fun, Vjp&& fun_vjp) {
  return detail::like<F>(
      [fun = detail::keep(std::forward<F>(fun)),
       fun_vjp = detail::keep(std::forward<Vjp>(fun_vjp))]<class... Args>(const Args&... args) {
        static_assert((ArrayTree<Args> && ...),
                      "custom_vjp: expected arguments that are arrays or trees of arrays");
        auto result = (*fun)(args...);
        auto rule = [fun_vjp, result, like_args = std::tuple<Args...>(args...)](
                        const std::vector<array>& primals, const std::vector<array>& cotangents,
                        const std::vector<array>& outputs) {
          return detail::leaves_of(
              (*fun_vjp)(detail::as_primals(detail::rebuild(like_args, primals)),
                         detail::rebuild(result, cotangents), detail::rebuild(result, outputs)));
        };
        auto rules = std::make_shared<detail::CustomRules>(detail::CustomRules{rule, {}, {}});
        return detail::rebuild(
            result, detail::with_rules(detail::leaves_of(result), detail::leaves_of(args...),
                                       std::move(rules)));
      });
}

// A function that behaves as fun, but keeps nothing of what it computes for its gradient: that is
// computed again, with the same random numbers. All arguments are arrays or trees; what else fun
// uses is not differentiated.
template <class F>
auto checkpoint(F&& fun) {
  return detail::like<F>(
      [fun = detail::keep(std::forward<F>(fun))]<class... Args>(const Args&... args) {
        using R = std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, const Args&...>>;
        std::optional<R> result;
        auto forward = [&] {
          result.emplace((*fun)(args...));
          return detail::leaves_of(*result);
        };
        auto recompute = [fun, like_args =
                                   std::tuple<Args...>(args...)](const std::vector<array>& inputs) {
          const auto replaced = detail::rebuild(like_args, inputs);
          return detail::leaves_of(std::apply(*fun, replaced));
        };
        const auto outputs = detail::checkpointed(forward, recompute, detail::leaves_of(args...));
        return detail::rebuild(*result, outputs);
      });
}

}  // namespace mica
