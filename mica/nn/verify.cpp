#include "mica/nn/verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <ostream>
#include <unordered_set>

#include "mica/engine/node.h"
#include "mica/nn/value_and_grad.h"
#include "mica/nn/walk.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/compile.h"
#include "mica/transforms/random_state.h"

namespace mica::nn {

namespace {

using Arrays = std::vector<array>;
using ArraysFn = std::function<Arrays(const Arrays&)>;

bool is_floating(const array& a) { return issubdtype(a.dtype(), floating); }

double largest(const array& a) {
  return a.size() == 0 ? 0 : max(abs(astype(a, float64))).item<double>();
}

double dot(const Arrays& a, const Arrays& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i)
    total += sum(astype(a[i], float64) * astype(b[i], float64)).item<double>();
  return total;
}

Arrays normal_like(const Arrays& arrays, uint64_t seed) {
  Arrays out;
  array key = random::key(seed);
  for (const array& a : arrays) {
    auto [next, own] = random::split(key);
    key = next;
    out.push_back(random::normal(a.shape(), a.dtype() == float64 ? float32 : a.dtype(), own));
    out.back() = astype(out.back(), a.dtype());
  }
  return out;
}

Arrays floating_only(const Arrays& arrays) {
  Arrays out;
  std::copy_if(arrays.begin(), arrays.end(), std::back_inserter(out), is_floating);
  return out;
}

// Other inputs of the same shapes.
Arrays variant(const Arrays& inputs, double scale) {
  Arrays out;
  for (const array& x : inputs) out.push_back(is_floating(x) ? x * array(scale, x.dtype()) : x);
  return out;
}

// The largest difference of the arrays relative to the largest element.
double difference(const Arrays& actual, const Arrays& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (actual[i].shape() != expected[i].shape()) return INFINITY;
    const double error = largest(astype(actual[i], float64) - astype(expected[i], float64));
    worst = std::max(worst, error / std::max(largest(expected[i]), 1e-30));
    if (std::isnan(error)) return INFINITY;
  }
  return worst;
}

// One module, how it is called, and what it was called with.
struct Subject {
  Module& module;
  std::string path;
  ArraysFn call;
  Arrays inputs;
};

class ModeScope {
 public:
  explicit ModeScope(Module& model) : model_(model) {
    model.apply_to_modules([&](const std::string&, Module& m) { modes_.push_back(m.training()); });
  }
  ~ModeScope() {
    size_t i = 0;
    // Parents come before their children, so the last to set a module's mode is itself.
    model_.apply_to_modules([&](const std::string&, Module& m) { m.train(modes_[i++]); });
  }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  Module& model_;
  std::vector<bool> modes_;
};

// A problem that has been reported.
struct Shown {
  std::string path, check;
};

class Checks {
 public:
  Checks(const Subject& subject, Verification& result, std::vector<Shown>& shown)
      : subject_(subject), result_(result), shown_(shown) {}

  void run() {
    guarded("gradient", [&] { check_derivatives(); });
    const ModeScope mode(subject_.module);
    guarded("state", [&] { check_training_state(); });
    subject_.module.eval();
    guarded("state", [&] { check_state(); });
    guarded("vmap", [&] { check_vmap(); });
    guarded("compile", [&] { check_compile(); });
  }

  void report(const std::string& check, const std::string& detail) {
    // What a module below shows, this one shows because of it.
    for (const Shown& shown : shown_) {
      const bool below =
          subject_.path.empty() ? !shown.path.empty() : shown.path.starts_with(subject_.path + ".");
      if (below && shown.check == check) return;
    }
    shown_.push_back({subject_.path, check});
    result_.problems.push_back({subject_.module.where(), check, detail});
  }

 private:
  template <class F>
  void guarded(const char* check, F&& f) {
    const ParametersGuard guard(subject_.module);
    const mica::detail::RandomStateScope random(random::key(0));
    try {
      f();
    } catch (const std::exception& error) {
      report(check, std::string("expected to run, got: ") + error.what());
    }
  }
  using ParametersGuard = detail::ParametersGuard;

  // The module's outputs as a function of its inputs, leaving no trace in the module.
  Arrays outputs(const Arrays& inputs) {
    const ParametersGuard guard(subject_.module);
    const mica::detail::RandomStateScope random(random::key(1));
    return subject_.call(inputs);
  }

  void check_derivatives() {
    Module& module = subject_.module;
    Arrays inputs = subject_.inputs;
    bool doubles = true;
    {
      // In float64, unless something in the module can't compute in it.
      const ParametersGuard guard(module);
      module.set_dtype(float64);
      for (array& x : inputs) x = is_floating(x) ? astype(x, float64) : x;
      try {
        for (const array& y : outputs(inputs))
          doubles = doubles && (!is_floating(y) || y.dtype() == float64);
        eval(outputs(inputs));
      } catch (const std::exception&) {
        doubles = false;
      }
      if (doubles) differentiate(inputs, {1e-5, 1e-4, 1e-7});
    }
    if (!doubles) differentiate(subject_.inputs, {2e-2, 5e-2, 2e-2});
  }

  struct Precision {
    double step, relative, absolute;
  };

  void differentiate(const Arrays& inputs, const Precision& precision) {
    Module& module = subject_.module;
    std::vector<std::pair<std::string, array>> trained;
    for (auto& [path, parameter] : tree_flatten(module.trainable_parameters()))
      if (is_floating(parameter)) trained.emplace_back(path, parameter);
    Arrays values;
    std::vector<std::string> names;
    for (const auto& [path, parameter] : trained) {
      values.push_back(parameter);
      names.push_back(path);
    }
    std::vector<size_t> moved;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!is_floating(inputs[i])) continue;
      moved.push_back(i);
      values.push_back(inputs[i]);
      names.push_back("input " + std::to_string(i));
    }
    eval(values);
    if (values.empty()) return;
    auto function = [&](const Arrays& at) {
      const ParametersGuard guard(module);
      const mica::detail::RandomStateScope random(random::key(1));
      for (size_t i = 0; i < trained.size(); ++i) trained[i].second = at[i];
      module.update(tree_unflatten(trained));
      Arrays x = inputs;
      for (size_t i = 0; i < moved.size(); ++i) x[moved[i]] = at[trained.size() + i];
      return floating_only(subject_.call(x));
    };
    const Arrays cotangents = normal_like(function(values), 2);
    if (cotangents.empty()) return;
    const Arrays directions = normal_like(values, 3);
    const auto [y, gradients] = vjp(function, values, cotangents);
    double scale = 0;
    std::vector<double> analytic;
    for (size_t i = 0; i < values.size(); ++i) {
      analytic.push_back(dot({gradients[i]}, {directions[i]}));
      scale = std::max(scale, std::abs(analytic.back()));
    }
    double whole = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      whole += analytic[i];
      auto at = [&](double step) {
        Arrays shifted = values;
        shifted[i] = values[i] + directions[i] * array(step, values[i].dtype());
        return dot(function(shifted), cotangents);
      };
      const double numeric = (at(precision.step) - at(-precision.step)) / (2 * precision.step);
      const double allowed =
          precision.relative * std::max(std::abs(numeric), std::abs(analytic[i])) +
          precision.absolute * std::max(scale, 1.0);
      if (!(std::abs(numeric - analytic[i]) <= allowed))
        report("gradient", fmt::format("{}: expected {:.6g} from differences, got {:.6g}", names[i],
                                       numeric, analytic[i]));
    }
    const double forward = dot(jvp(function, values, directions).second, cotangents);
    if (!(std::abs(forward - whole) <=
          precision.relative * std::max(std::abs(whole), scale) + precision.absolute))
      report("jvp", fmt::format("expected {:.6g} as from vjp, got {:.6g}", whole, forward));
  }

  using Named = std::vector<std::pair<std::string, array>>;

  void report_changes(const Named& before, const Named& after, const std::string& expected) {
    for (size_t i = 0; i < std::min(before.size(), after.size()); ++i)
      if (before[i].second.id() != after[i].second.id())
        report("state", before[i].first + ": expected " + expected + ", got a new value");
  }

  void check_training_state() {
    const Named before = tree_flatten(subject_.module.trainable_parameters());
    subject_.module.train();
    subject_.call(subject_.inputs);
    report_changes(before, tree_flatten(subject_.module.trainable_parameters()),
                   "a trained parameter to stay");
  }

  void check_state() {
    const Named before = tree_flatten(subject_.module.state());
    const Arrays first = subject_.call(subject_.inputs);
    report_changes(before, tree_flatten(subject_.module.state()), "no change while not training");
    eval(first);
    const double error = difference(subject_.call(subject_.inputs), first);
    if (error > 0)
      report("state", fmt::format("expected equal outputs from equal inputs while not training, "
                                  "got a relative difference of {:.3g}",
                                  error));
  }

  void check_vmap() {
    const std::vector<Arrays> each{subject_.inputs, variant(subject_.inputs, 0.5),
                                   variant(subject_.inputs, -0.75)};
    Arrays stacked;
    for (size_t i = 0; i < subject_.inputs.size(); ++i)
      stacked.push_back(stack({each[0][i], each[1][i], each[2][i]}));
    const Arrays mapped = vmap([&](const Arrays& x) { return outputs(x); })(stacked);
    Arrays expected;
    std::vector<Arrays> loop;
    for (const Arrays& x : each) loop.push_back(outputs(x));
    for (size_t o = 0; o < loop[0].size(); ++o)
      expected.push_back(stack({loop[0][o], loop[1][o], loop[2][o]}));
    const double error = difference(mapped, expected);
    if (error > 1e-4)
      report("vmap",
             fmt::format("expected what a loop gives, got a relative difference of {:.3g}", error));
  }

  void check_compile() {
    auto compiled = compile([&](const Arrays& x) { return outputs(x); });
    eval(compiled(subject_.inputs));
    const Arrays other = variant(subject_.inputs, 0.5);
    const double error = difference(compiled(other), outputs(other));
    if (error > 1e-5)
      report("compile", fmt::format("expected what the module gives uncompiled, got a relative "
                                    "difference of {:.3g}",
                                    error));
  }

  const Subject& subject_;
  Verification& result_;
  std::vector<Shown>& shown_;
};

// What a module was called with and returned, in each of two calls of the model.
struct Calls {
  ModuleRef module;
  std::string path;
  std::vector<Arrays> inputs, outputs;
};

// Calls f with each array between what a module was given and what it returned, where known nodes
// are not entered, and those below it where f is true.
template <class F>
void walk_between(const Arrays& inputs, const Arrays& outputs,
                  std::unordered_set<engine::Node*> known, const F& f) {
  for (const array& x : inputs) known.insert(&x.node());
  Arrays stack;
  auto enter = [&](const array& a) {
    if (known.insert(&a.node()).second && f(a)) stack.push_back(a);
  };
  for (const array& y : outputs) enter(y);
  while (!stack.empty()) {
    const array a = stack.back();
    stack.pop_back();
    for (const array& input : a.node().inputs()) enter(input);
  }
}

// An array that two calls used and that the model does not list: it was there before them.
void check_listed(const Calls& calls, Module& model, Checks& checks) {
  std::unordered_set<engine::Node*> known, first;
  for (const array* a : ModuleWalk::arrays(model)) known.insert(&a->node());
  walk_between(calls.inputs[0], calls.outputs[0], known,
               [&](const array& a) { return first.insert(&a.node()).second; });
  walk_between(calls.inputs[1], calls.outputs[1], known, [&](const array& a) {
    const bool kept = first.contains(&a.node());
    if (kept && a.size() > 1 && is_floating(a))
      checks.report("parameters",
                    fmt::format("expected each array that it keeps in MICA_MODULE, got one of "
                                "shape {} that is not",
                                to_string(a.shape())));
    return !kept;
  });
}

void check_saving(const detail::VerifiedModel& subject, Checks& checks) {
  if (!subject.copy || tree_flatten(subject.model.parameters()).empty()) return;
  const auto file = std::filesystem::temp_directory_path() /
                    fmt::format("mica_verify_{}_{}.safetensors", getpid(),
                                reinterpret_cast<std::uintptr_t>(&checks));
  try {
    const ModeScope mode(subject.model);
    subject.model.eval();
    subject.copy->eval();
    subject.model.save_weights(file);
    subject.copy->apply([](const array& a) { return zeros_like(a); });
    subject.copy->load_weights(file);
    const double error =
        difference(subject.call_copy(subject.inputs), subject.call(subject.inputs));
    if (error > 0)
      checks.report("save", fmt::format("expected a copy with loaded weights to compute the same, "
                                        "got a relative difference of {:.3g}",
                                        error));
  } catch (const std::exception& error) {
    checks.report("save", std::string("expected to save and load, got: ") + error.what());
  }
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
}

}  // namespace

namespace detail {

Verification verify(const VerifiedModel& subject) {
  Verification result;
  const mica::detail::RandomStateScope random(random::key(0));
  const ParametersGuard guard(subject.model);
  eval(subject.inputs);
  eval(subject.model.state());

  std::vector<Calls> calls;
  for (const auto& [path, module] : subject.model.named_modules())
    calls.push_back({module, path, {}, {}});
  {
    std::vector<ForwardHookHandle> hooks;
    size_t pass = 0;
    for (size_t i = 1; i < calls.size(); ++i)
      hooks.push_back(calls[i].module->register_forward_hook([&calls, &pass, i](const auto& call) {
        if (calls[i].inputs.size() > pass) return;
        calls[i].inputs.push_back(call.inputs);
        calls[i].outputs.push_back(call.outputs);
      }));
    for (; pass < 2; ++pass) {
      calls[0].inputs.push_back(subject.inputs);
      calls[0].outputs.push_back(subject.call(subject.inputs));
    }
  }

  std::vector<Shown> shown;
  // Inner modules first.
  std::reverse(calls.begin(), calls.end());
  for (const Calls& call : calls) {
    if (call.inputs.size() < 2) continue;
    const bool whole = call.path.empty();
    const ModuleType* type = call.module.type();
    const bool callable = whole || (type && type->call && call.inputs[0].size() == 1);
    Subject one{*call.module, call.path, subject.call, call.inputs[0]};
    if (!whole)
      one.call = [&call, type](const Arrays& x) { return Arrays{type->call(*call.module, x[0])}; };
    Checks checks(one, result, shown);
    check_listed(call, subject.model, checks);
    if (!callable) continue;
    ++result.modules;
    eval(one.inputs);
    checks.run();
    if (whole) check_saving(subject, checks);
  }
  return result;
}

}  // namespace detail

std::ostream& operator<<(std::ostream& os, const Verification& verification) {
  if (verification.ok())
    return os << "no problems in " << verification.modules
              << (verification.modules == 1 ? " module\n" : " modules\n");
  for (const auto& problem : verification.problems)
    os << problem.where << ": " << problem.check << ": " << problem.detail << '\n';
  return os;
}

}  // namespace mica::nn
