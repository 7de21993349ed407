// What a model consists of and costs, before anything is computed.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "mica/nn/module.h"
#include "mica/transforms/tree.h"

namespace mica::nn {

struct Summary {
  struct Row {
    std::string path;  // "layers.0"; empty for the model
    std::string type;
    int depth = 0;               // 0 for the model
    std::vector<Shape> outputs;  // of the last call; empty where the module was not seen called
    int calls = 0;               // in one forward pass
    size_t parameters = 0;       // elements of its own and below
    size_t trainable_parameters = 0;
    double flops = 0;  // of all its calls: 2 for each multiplication and addition of a product, 1
                       // for each element of other results
  };

  std::vector<Row> rows;  // the model, then what it holds, in the order of declaration
  size_t parameter_bytes = 0;
  size_t forward_bytes = 0;   // the most memory that a forward pass holds, parameters included
  size_t training_bytes = 0;  // and that a forward and backward pass does; 0 where nothing trains
};

// A table of at most 80 columns.
std::ostream& operator<<(std::ostream& os, const Summary& summary);

namespace detail {
Summary summarize(Module& model, const std::vector<array>& inputs,
                  const std::function<std::vector<array>(const std::vector<array>&)>& call);
}

// Traces model(inputs...) without evaluating anything: parameters and inputs that have not been
// computed stay so. The model and the random generator are left as they were. Modules that don't
// call their forward hooks (a user's own, see register_forward_hook) have no output in the table.
// Training memory is that of a loss that sums the outputs, without an optimizer's state; memory is
// without what kernels use for themselves.
template <class M, class... Inputs>
requires std::derived_from<M, Module> Summary summary(M& model, const Inputs&... inputs) {
  return detail::summarize(model, {array(inputs)...}, [&](const std::vector<array>& traced) {
    std::vector<array> outputs;
    auto call = [&]<size_t... i>(std::index_sequence<i...>) {
      mica::detail::TreeTraits<std::decay_t<decltype(model(((void)i, traced[i])...))>>::collect(
          outputs, model(traced[i]...));
    };
    call(std::index_sequence_for<Inputs...>());
    return outputs;
  });
}

}  // namespace mica::nn
