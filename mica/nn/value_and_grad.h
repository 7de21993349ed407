// Gradients with respect to a model's parameters.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "mica/nn/module.h"
#include "mica/transforms/transforms.h"

namespace mica::nn {

namespace detail {

// The arrays of a model, put back when this ends unless released.
class ParametersGuard {
 public:
  explicit ParametersGuard(Module& model);
  ~ParametersGuard();
  ParametersGuard(const ParametersGuard&) = delete;
  ParametersGuard& operator=(const ParametersGuard&) = delete;

  // Puts back those of the trainable parameters that still are what was put in their place, and
  // keeps all else that has changed since: layers' state, parameters that the function assigned.
  void keep_changes(const Tree& traced);

 private:
  Module& model_;
  std::vector<array> arrays_;
  bool restore_ = true;
};

// A line of a program: std::source_location, which clang 14 lacks.
struct CallSite {
  const char* file;
  int line;
  static constexpr CallSite current(const char* file = __builtin_FILE(),
                                    int line = __builtin_LINE()) {
    return {file, line};
  }
};

// What an error in a model's call is told apart by: the line that asked for gradients, and the last
// module that was called before it, while this is the innermost watch of its thread.
class CallWatch {
 public:
  CallWatch(const Module& model, CallSite asked);
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  void note(const std::type_info& type, const std::string& path);
  // In a handler: throws a std::invalid_argument again, as a ModuleError with these at its end;
  // subclasses as they are.
  [[noreturn]] void rethrow() const;

 private:
  std::string line() const;

  const Module& model_;
  const CallSite asked_;
  CallWatch* outer_;
  const std::type_info* last_type_ = nullptr;
  std::string last_path_;
};

}  // namespace detail

// A function of fn's arguments that returns a pair: what fn returns, the loss or a tuple with the
// loss in front, and the tree of its gradients in model.trainable_parameters(). The model is used
// where it is, so it must outlive the function. While fn runs its parameters are traced; afterwards
// they are what they were, also where fn throws, and what layers changed besides, as BatchNorm's
// statistics, stays. Errors of fn name the line of this call.
template <class M, class F>
requires std::derived_from<M, Module>
auto value_and_grad(M& model, F fn, detail::CallSite asked = detail::CallSite::current()) {
  static_assert(!std::is_const_v<M>, "nn::value_and_grad: expected a model that is not const");
  return mica::detail::like<F>(
      [&model, asked, fn = mica::detail::keep(std::move(fn))]<class... Args>(Args&&... args) {
        detail::ParametersGuard guard(model);
        const Tree parameters = model.trainable_parameters();
        Tree traced;
        auto loss = [&](const Tree& tracers) {
          traced = tracers;
          model.update(tracers);
          return (*fn)(std::forward<Args>(args)...);
        };
        detail::CallWatch watch(model, asked);
        try {
          auto result = mica::value_and_grad<0>(loss)(parameters);
          guard.keep_changes(traced);
          return result;
        } catch (const std::invalid_argument&) {
          watch.rethrow();
        }
      });
}

// A temporary would be gone when the function is called.
template <class M, class F>
requires(std::derived_from<std::remove_cvref_t<M>, Module> && !std::is_lvalue_reference_v<M>)  //
    auto value_and_grad(M&& model, F fn) = delete;

}  // namespace mica::nn
