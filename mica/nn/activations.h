// Activations, each as a function and as a layer. Results have x's dtype (integers become float32
// where the function is not defined on them).
#pragma once

#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

array sigmoid(const array& x);                                   // 1 / (1 + exp(-x))
array relu(const array& x);                                      // max(x, 0)
array relu2(const array& x);                                     // max(x, 0)²
array relu6(const array& x);                                     // min(max(x, 0), 6)
array leaky_relu(const array& x, double negative_slope = 0.01);  // max(negative_slope * x, x)
array log_softmax(const array& x, int axis = -1);                // x - logsumexp(x)
array elu(const array& x, double alpha = 1.0);  // x, alpha * (exp(x) - 1) where x <= 0
array softmax(const array& x, int axis = -1);
array softmin(const array& x, int axis = -1);          // softmax(-x)
array softplus(const array& x);                        // log(1 + exp(x))
array softsign(const array& x);                        // x / (1 + |x|)
array softshrink(const array& x, double lambd = 0.5);  // x -+ lambd, 0 where |x| <= lambd
array celu(const array& x, double alpha = 1.0);  // max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)
array silu(const array& x);                      // x * sigmoid(x)
array log_sigmoid(const array& x);               // -softplus(-x)
array gelu(const array& x);                      // x * (1 + erf(x / sqrt(2))) / 2
array gelu_approx(const array& x);               // with tanh in place of erf
array gelu_fast_approx(const array& x);          // x * sigmoid(1.702 * x)
array glu(const array& x, int axis = -1);        // a * sigmoid(b), the halves of x
array step(const array& x, double threshold = 0.0);  // 1 where x >= threshold, else 0; int32
array selu(const array& x);                          // elu(x, 1.67326) * 1.0507
array prelu(const array& x, const array& alpha);     // max(0, x) + alpha * min(0, x)
array mish(const array& x);                          // x * tanh(softplus(x))
array hardswish(const array& x);                     // x * min(max(x + 3, 0), 6) / 6
array hard_tanh(const array& x, double min_val = -1.0, double max_val = 1.0);
array hard_shrink(const array& x, double lambd = 0.5);  // 0 where |x| <= lambd
array tanh(const array& x);

// A layer that applies a function without parameters.
template <array (*function)(const array&)>
struct Activation : Module {
  MICA_MODULE(Activation)
  virtual array operator()(const array& x) const {
    return hooked([&] { return function(x); }, x);
  }
};
template <array (*function)(const array&, int)>
struct LastAxisActivation : Module {
  MICA_MODULE(LastAxisActivation)
  virtual array operator()(const array& x) const {
    return hooked([&] { return function(x, -1); }, x);
  }
};

struct Sigmoid : Activation<sigmoid> {};
struct Mish : Activation<mish> {};
struct ReLU : Activation<relu> {};
struct ReLU2 : Activation<relu2> {};
struct ReLU6 : Activation<relu6> {};
struct Softplus : Activation<softplus> {};
struct Softsign : Activation<softsign> {};
struct SiLU : Activation<silu> {};
struct LogSigmoid : Activation<log_sigmoid> {};
struct Tanh : Activation<tanh> {};
struct Hardswish : Activation<hardswish> {};
using HardSwish = Hardswish;
struct SELU : Activation<selu> {};
struct Softmax : LastAxisActivation<softmax> {};
struct Softmin : LastAxisActivation<softmin> {};
struct LogSoftmax : LastAxisActivation<log_softmax> {};

struct HardTanh : Module {
  MICA_MODULE(HardTanh)
  virtual array operator()(const array& x) const {
    return hooked([&] { return hard_tanh(x); }, x);
  }
};

// A layer with a number as its option.
template <array (*function)(const array&, double)>
struct ScalarActivation : Module {
  MICA_MODULE(ScalarActivation)
  explicit ScalarActivation(double value) : value_(value) {}
  virtual array operator()(const array& x) const {
    return hooked([&] { return function(x, value_); }, x);
  }

 private:
  double value_;
};

struct LeakyReLU : ScalarActivation<leaky_relu> {
  explicit LeakyReLU(double negative_slope = 0.01) : ScalarActivation(negative_slope) {}
};
struct ELU : ScalarActivation<elu> {
  explicit ELU(double alpha = 1.0) : ScalarActivation(alpha) {}
};
struct CELU : ScalarActivation<celu> {
  explicit CELU(double alpha = 1.0) : ScalarActivation(alpha) {}
};
struct Softshrink : ScalarActivation<softshrink> {
  explicit Softshrink(double lambd = 0.5) : ScalarActivation(lambd) {}
};
struct HardShrink : ScalarActivation<hard_shrink> {
  explicit HardShrink(double lambd = 0.5) : ScalarActivation(lambd) {}
};
struct Step : ScalarActivation<step> {
  explicit Step(double threshold = 0.0) : ScalarActivation(threshold) {}
};

struct GLU : Module {
  MICA_MODULE(GLU)
  explicit GLU(int axis = -1) : axis(axis) {}
  virtual array operator()(const array& x) const {
    return hooked([&] { return glu(x, axis); }, x);
  }
  int axis;
};

struct PReLUOptions {
  double init = 0.25;
};

struct PReLU : Module {
  using Options = PReLUOptions;
  array weight;  // (num_parameters,), 1 or the size of the last axis
  MICA_MODULE(PReLU, weight)

  explicit PReLU(int num_parameters = 1, const Options& options = {});
  virtual array operator()(const array& x) const {
    return hooked([&] { return prelu(x, weight); }, x);
  }
};

struct GELU : Module {
  enum class Approx { none, precise, tanh, fast };  // precise and tanh: gelu_approx
  MICA_MODULE(GELU)
  explicit GELU(Approx approx = Approx::none) : approx(approx) {}
  virtual array operator()(const array& x) const;
  Approx approx;
};

}  // namespace mica::nn
