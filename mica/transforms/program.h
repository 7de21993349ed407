// The graph of a traced function, to be built again from other arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mica/engine/op.h"
#include "mica/stream.h"

namespace mica::detail {

// Values are numbered, first the inputs, then the captured arrays, then the outputs of each step.
struct Program {
  struct Step {
    engine::OpRef op;
    std::vector<uint32_t> inputs;
    std::vector<engine::OutputSpec> outputs;
    Stream stream;
  };
  size_t input_count = 0;
  std::vector<array> captured;
  std::vector<Step> steps;
  std::vector<uint32_t> outputs;
  bool captures_tracer = false;

  // On `stream`, or where there is none, on those that were recorded.
  std::vector<array> replay(const std::vector<array>& inputs,
                            const std::optional<Stream>& stream = std::nullopt) const;
};

// What computes the outputs from the arguments, placeholders of a trace that has ended. Steps that
// compute the same are recorded once, unless compile's mode says not to.
Program record_program(const std::vector<array>& arguments, const std::vector<array>& outputs);

}  // namespace mica::detail
