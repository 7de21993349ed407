// What a model consists of and costs, before anything is computed.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "mica/nn/call.h"
#include "mica/nn/module.h"

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

  // What is printed: as wide as the rows need, or so many columns (of 60 and more) by leaving out
  // the middle of long paths, then of outputs.
  std::string table(int columns) const;
};

// The table, to fit the terminal where os is std::cout or std::cerr on one, or 80 columns.
std::ostream& operator<<(std::ostream& os, const Summary& summary);

namespace detail {
Summary summarize(Module& model, const std::vector<array>& inputs, const ArraysFunction& call);
}

// Traces model(inputs...) without evaluating anything: parameters and inputs that have not been
// computed stay so. The model and the random generator are left as they were. Modules that don't
// call their forward hooks (a user's own, see register_forward_hook) have no output in the table.
// Training memory is that of a loss that sums the outputs, without an optimizer's state; memory is
// without what kernels use for themselves.
template <class M, class... Inputs>
requires std::derived_from<M, Module> Summary summary(M& model, const Inputs&... inputs) {
  return detail::summarize(model, {array(inputs)...}, detail::call_of<Inputs...>(model));
}

}  // namespace mica::nn
