// A picture of a model: its layers as boxes, what flows between them as arrows.
#pragma once

#include <concepts>
#include <string>
#include <vector>

#include "mica/nn/call.h"
#include "mica/nn/module.h"

namespace mica::nn {

// The graph of one call of a model. Boxes are in an order in which they can be computed, groups are
// the modules around them, edges point from boxes to later ones.
struct Drawing {
  enum class Kind {
    input,      // an argument of the call
    layer,      // a call of a module whose modules were not seen called
    operation,  // what is computed outside of layers: "add", "relu", "multiply, exp"
    view,       // what only rearranges elements: "reshape, transpose"
    output,     // a result of the call
  };
  struct Box {
    Kind kind = Kind::operation;
    std::string title;           // a layer's type, an operation's name
    std::string path;            // a layer's, and that of what an operation reads: "wte.weight"
    std::vector<Shape> outputs;  // those of an input or output: the array's
    size_t parameters = 0;       // elements that a layer holds
    int group = -1;              // the innermost group that it is in, -1 for none
  };
  // A module whose modules were seen called.
  struct Group {
    std::string type;
    std::string path;  // empty for the model
    size_t parameters = 0;
    int parent = -1;  // its group, before it in the list; -1 for the model
  };
  struct Edge {
    int from = 0, to = 0;  // boxes
    Shape shape;
    bool operator==(const Edge&) const = default;
  };

  std::vector<Box> boxes;
  std::vector<Group> groups;
  std::vector<Edge> edges;

  // The same with each group that is `depth` modules below the model as one box: 1 draws the
  // model's own modules. Throws std::invalid_argument where depth is less than 1.
  Drawing collapsed(int depth) const;

  // For Graphviz: groups are its clusters.
  std::string dot() const;
  // From the top to the bottom, in light or dark colours as the reader's system asks. The text
  // depends on nothing but the drawing.
  std::string svg() const;
  // Writes one of these, as the name ends in .dot, .gv or .svg; the file is replaced at once.
  // Throws std::invalid_argument for another ending, std::system_error where it can't write.
  void save(const std::string& file) const;
};

namespace detail {
Drawing draw(Module& model, const std::vector<array>& inputs, const ArraysFunction& call);
}

// Traces model(inputs...) as nn::summary does: nothing is evaluated, the model and the random
// generator are left as they were. Layers that return what they were given, such as Dropout in
// evaluation mode, are left out. What a user's module computes itself is drawn inside its group,
// and a module without modules as a box, where its call operator returns through `hooked` (see
// Module::register_forward_hook); else it is drawn inside the next module that does, or the model.
template <class M, class... Inputs>
requires std::derived_from<M, Module> Drawing draw(M& model, const Inputs&... inputs) {
  return detail::draw(model, {array(inputs)...}, detail::call_of<Inputs...>(model));
}

}  // namespace mica::nn
