// One run of a plan: its memory is bound, its ops are at hand.
#pragma once

#include <memory>
#include <vector>

#include "mica/engine/event.h"
#include "mica/engine/plan.h"

namespace mica::engine {

class Run {
 public:
  // Allocates what the plan needs, gives the kept nodes their buffers and detaches them from the
  // graph. `done` is set when the run has ended, with its error if there was one. Call with the
  // engine's lock held, and handles on the outputs.
  Run(std::shared_ptr<const Plan> plan, const Graph& graph, std::shared_ptr<Event> done);

  // A run that never was executed, because its stream is gone, is an error of its results.
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Waits for inputs that other streams compute, then runs the steps on the calling thread. Where
  // one throws, those that need its results are left out, and only these results fail.
  void execute() noexcept;

 private:
  void bind_leaves(const Graph& graph);
  void bind_values(const Graph& graph);
  void publish(const Graph& graph);
  const Op& op_of(uint32_t graph_node) const;
  void run(const FusedStep& step);
  void run(const KernelStep& step);
  void run(const CopyStep& step);
  void reduce(const FusedStep& step);

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<Event> done_;
  struct Wait {
    std::shared_ptr<Event> event;
    uint32_t result;
    uint32_t value;  // the leaf
  };
  std::vector<Wait> waits_;
  std::vector<OpRef> ops_;          // of plan_->op_nodes
  std::vector<BufferRef> buffers_;  // of storages outside the arena
  BufferRef arena_;
  std::vector<int64_t> offsets_;  // of values, elements
  std::vector<void*> pointers_;   // of values
  std::vector<void*> operands_;   // scratch
};

}  // namespace mica::engine
