// compile: functions that are traced once, and replayed after that.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/compile_mode.h"
#include "mica/transforms/callable.h"
#include "mica/transforms/random_state.h"
#include "mica/transforms/tree.h"

namespace mica {

// While disabled, compiled functions run as if they were not compiled. The setting is the
// process's.
void disable_compile();
void enable_compile();
void set_compile_mode(CompileMode mode);

namespace detail {

// The graphs that one compiled function has traced: at most 32, the least recently used one is
// forgotten. Safe from many threads.
class TraceCache;
std::shared_ptr<TraceCache> make_trace_cache(bool shapeless);

struct Traced {
  std::vector<array> outputs;
  std::shared_ptr<const void> result;  // kept with the trace
};
using TraceFunction = std::function<Traced(const std::vector<array>&)>;
// The outputs for these inputs, from a trace made with inputs of the same shapes and dtypes and the
// same structure, or from a new one.
Traced run_compiled(TraceCache& cache, const TraceFunction& fun, const std::vector<array>& inputs,
                    const std::string& structure);
// Arrays of the same shapes and dtypes without values, to stand in a result that is kept.
std::vector<array> without_values(const std::vector<array>& arrays);
bool compile_enabled();

// How often the default sequence of random keys has been drawn from between two of its states; none
// where the second does not come from the first.
std::optional<size_t> draws_between(const array& first, const array& second);
void skip_random_draws(size_t count);

// Puts a function's state back when its trace ends.
template <class Set, class S>
struct RestoreState {
  const Set& set;
  const S& state;
  ~RestoreState() { set(state); }
};

// Sets apart the types and the structures of arguments of equal arrays.
template <class... Ts>
inline constexpr char type_tag = 0;

// What a trace depends on besides the shapes and dtypes of the arrays in value.
template <class T>
void add_structure(std::string& key, const T& value) {
  if constexpr (std::is_same_v<T, array>) {
    key += 'a';
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
  } else if constexpr (std::is_convertible_v<const T&, std::string>) {
    const std::string text = value;
    key.append(std::to_string(text.size())).append(":").append(text);
  } else if constexpr (requires { describe_structure(key, value); }) {
    describe_structure(key, value);
  } else if constexpr (requires { typename T::mapped_type; }) {
    key += '{';
    for (const auto& [name, element] : value) {
      add_structure(key, name);
      add_structure(key, element);
    }
    key += '}';
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    std::apply([&](const auto&... elements) { (add_structure(key, elements), ...); }, value);
  } else if constexpr (requires { value.has_value(); }) {
    key += value ? '+' : '-';
    if (value) add_structure(key, *value);
  } else if constexpr (requires { value.begin(); }) {
    key.append(std::to_string(value.size())).append("[");
    if constexpr (!std::is_same_v<T, std::vector<array>>) {
      for (const auto& element : value) add_structure(key, element);
    }
  } else {
    static_assert(ArrayTree<T>,
                  "compile: expected arguments that are arrays, trees, numbers, enums or strings; "
                  "capture others by reference");
  }
}

template <class... Ts>
std::string structure_of(const Ts&... values) {
  std::string key;
  const char* tag = &type_tag<Ts...>;
  key.append(reinterpret_cast<const char*>(&tag), sizeof tag);
  (add_structure(key, values), ...);
  return key;
}

}  // namespace detail

// A function that behaves as fun, and calls it only where the shapes or dtypes of the arrays it is
// given are new (with shapeless, the last shapes only are kept), or their structure, or the numbers
// and strings among its arguments; after that it builds the same graph without fun. So fun must not
// read the values of its arguments, and has no side effects; what it captures is a constant, random
// numbers too. Evaluating is not faster for it: every evaluation is planned and fused. compile()
// saves the time that fun takes.
//
// A type of tree of one's own (see tree.h) needs a function
//   void describe_structure(std::string& key, const T& value)
// in its namespace, which appends what distinguishes two values besides their arrays, if it can
// vary.
template <class F>
auto compile(F&& fun, bool shapeless = false) {
  return detail::like<F>(
      [fun = detail::keep(std::forward<F>(fun)),
       cache = detail::make_trace_cache(shapeless)]<class... Args>(Args&&... args) {
        using R = std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, Args...>>;
        static_assert(ArrayTree<R>, "compile: expected a function that returns arrays or trees");
        if (!detail::compile_enabled()) return R((*fun)(std::forward<Args>(args)...));
        auto trace = [&](const std::vector<array>& inputs) {
          R result = detail::call_with_arrays(*fun, inputs.data(), std::forward<Args>(args)...);
          std::vector<array> outputs = detail::leaves_of(result);
          auto kept =
              std::make_shared<const R>(detail::rebuild(result, detail::without_values(outputs)));
          return detail::Traced{std::move(outputs), std::move(kept)};
        };
        const detail::Traced done = detail::run_compiled(*cache, trace, detail::leaves_of(args...),
                                                         detail::structure_of(args...));
        return detail::rebuild(*static_cast<const R*>(done.result.get()), done.outputs);
      });
}

namespace detail {

// compile() for a function whose state lives elsewhere, as the parameters of a model: get() returns
// all of it, an array tree that fun may also make larger (an optimizer's state at its first step),
// and set(state) puts one in its place. The random numbers that fun draws from the default sequence
// are new in each call, the ones that fun alone would draw.
template <class F, class Get, class Set>
auto compile_stateful(F&& fun, Get&& get, Set&& set, bool shapeless = false) {
  return like<F>([fun = keep(std::forward<F>(fun)), get = keep(std::forward<Get>(get)),
                  set = keep(std::forward<Set>(set)),
                  cache = make_trace_cache(shapeless)]<class... Args>(Args&&... args) {
    using R = std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, Args...>>;
    using S = std::remove_cvref_t<std::invoke_result_t<std::decay_t<Get>&>>;
    static_assert(ArrayTree<R>, "compile: expected a function that returns arrays or trees");
    if (!compile_enabled()) return R((*fun)(std::forward<Args>(args)...));
    struct Kept {
      R result;
      S state;
      std::optional<size_t> draws;
      std::optional<array> seeded;  // the state of the random numbers where fun has seeded them
    };
    const S before = (*get)();
    auto trace = [&](const std::vector<array>& inputs) {
      const array* next = inputs.data() + leaves_of(args...).size();
      const S traced_state = rebuild(before, next);
      const array key = *next;
      const RestoreState<std::decay_t<Set>, S> restore{*set, before};
      const RandomStateScope random(key);
      (*set)(traced_state);
      R result = call_with_arrays(*fun, inputs.data(), std::forward<Args>(args)...);
      const S after = (*get)();
      const std::optional<size_t> draws = draws_between(key, random_state());
      std::vector<array> outputs = leaves_of(result, after);
      const std::vector<array> blank = without_values(outputs);
      next = blank.data();
      R kept_result = rebuild(result, next);
      S kept_state = rebuild(after, next);
      auto kept = std::make_shared<const Kept>(
          Kept{std::move(kept_result), std::move(kept_state), draws,
               draws ? std::nullopt : std::optional<array>(random_state())});
      return Traced{std::move(outputs), std::move(kept)};
    };
    std::vector<array> inputs = leaves_of(args..., before);
    inputs.push_back(random_state());
    const Traced done = run_compiled(*cache, trace, inputs, structure_of(args..., before));
    const Kept& kept = *static_cast<const Kept*>(done.result.get());
    const array* next = done.outputs.data();
    R result = rebuild(kept.result, next);
    (*set)(rebuild(kept.state, next));
    if (kept.draws) {
      skip_random_draws(*kept.draws);
    } else {
      set_random_state(*kept.seeded);
    }
    return result;
  });
}

}  // namespace detail
}  // namespace mica
