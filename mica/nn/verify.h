// Whether a module does what training, transforming and saving it rely on.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "mica/nn/call.h"
#include "mica/nn/module.h"

namespace mica::nn {

struct Verification {
  struct Problem {
    std::string where;   // "Linear (layers.1)": the innermost module that shows the problem
    std::string check;   // "gradient", "jvp", "vmap", "compile", "state", "parameters", "save"
    std::string detail;  // what was expected and what was found
  };
  std::vector<Problem> problems;
  int modules = 0;  // that were checked

  bool ok() const { return problems.empty(); }
};

// A line for each problem, or one that says that there are none.
std::ostream& operator<<(std::ostream& os, const Verification& verification);

namespace detail {
struct VerifiedModel {
  Module& model;
  std::vector<array> inputs;
  ArraysFunction call;
  // A copy of the model, and how it is called; null where the model can't be copied.
  std::shared_ptr<Module> copy;
  ArraysFunction call_copy;
};
Verification verify(const VerifiedModel& subject);
}  // namespace detail

// Calls the model with the inputs and checks, for it and for each module below it that maps an
// array to an array,
//   gradient    of parameters and inputs against differences,
//   jvp         against vjp,
//   vmap        over three inputs against a loop,
//   compile     against eager,
//   state       that nothing changes while the model is not training, and that no trained
//               parameter does while it is,
//   parameters  that each array it holds and uses is listed in MICA_MODULE,
// and for the whole model, where it can be copied,
//   save        that a copy that loads the saved weights computes the same.
// Gradients are taken in float64 where the model can compute in it. The model and the random
// generator are left as they were. Small inputs suffice.
template <class M, class... Inputs>
requires std::derived_from<M, Module> Verification verify(M& model, const Inputs&... inputs) {
  detail::VerifiedModel subject{
      model, {array(inputs)...}, detail::call_of<Inputs...>(model), nullptr, nullptr};
  if constexpr (std::copy_constructible<M>) {
    auto copy = std::make_shared<M>(model);
    subject.copy = copy;
    subject.call_copy = detail::call_of<Inputs...>(*copy);
  }
  return detail::verify(subject);
}

}  // namespace mica::nn
