// A part of the graph about to be evaluated: its nodes in order, and the key of its structure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/fields.h"
#include "mica/engine/node.h"

namespace mica::engine {

// Values are numbered: leaves and nodes' outputs, in the order they are met.
struct Graph {
  struct ValueRef {
    Node* node;
    uint32_t output;
  };

  std::vector<ValueRef> values;
  std::vector<uint32_t> leaves;        // values that have data already
  std::vector<bool> donatable;         // for each leaf: nobody else will read its buffer again
  std::vector<Node*> nodes;            // to be computed, inputs first
  std::vector<uint32_t> first_value;   // of each node: its output 0; the others follow
  std::vector<bool> kept;              // for each node: its outputs are wanted after the evaluation
  std::vector<Node*> held;             // those kept that are no outputs: someone else holds them
  bool computes_all = true;            // no output had data before
  std::vector<uint32_t> input_values;  // of all nodes, one after the other
  std::vector<uint32_t> input_begin;   // into input_values, for each node, and its end
  Key key;

  std::span<const uint32_t> inputs_of(size_t node) const {
    return {input_values.data() + input_begin[node], input_begin[node + 1] - input_begin[node]};
  }
};

// The unscheduled nodes that outputs need. Kept are the outputs and what someone else holds.
// Call with the engine's lock held. A placeholder is a leaf, or throws std::invalid_argument.
enum class Placeholders { refused, leaves };
Graph collect(std::span<const array> outputs, Placeholders placeholders = Placeholders::refused);

}  // namespace mica::engine
