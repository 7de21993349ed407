// A user's own kernel as an op.
#pragma once

#include <memory>
#include <vector>

#include "mica/engine/op.h"
#include "mica/fast/fast.h"

namespace mica {

struct fast::CpuKernel::Definition {
  std::string name;
  KernelFunction kernel;
  CpuKernelOptions options;
  uint64_t id;  // of this definition alone
};

namespace ops {

// Inputs and outputs as the definition's kernel wants them.
struct UserKernel {
  std::shared_ptr<const fast::CpuKernel::Definition> definition;
  std::vector<engine::OutputSpec> outputs;

  static constexpr const char* name = "cpu_kernel";
  static constexpr bool strided_inputs = true;
  bool operator==(const UserKernel& other) const { return definition == other.definition; }
  void add_to_key(engine::Key& key) const { key.add_field(definition->id); }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace ops
}  // namespace mica
