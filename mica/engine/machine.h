// What the process may use of the machine it runs on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace mica::engine {

// What kernels are compiled for, each including those before it.
enum class InstructionSet { baseline, avx2, avx512 };

struct Machine {
  size_t memory;  // bytes of RAM, within the limits of the process's control groups
  size_t swap;    // bytes of swap space
  int cores;      // logical processors in the affinity mask, within the control groups' quota

  // The best instruction set that kernels may choose where the processor has it: MICA_CPU_ISA, or
  // avx512. Highway's dispatch is under it from the moment the library is loaded; a kernel that
  // chooses by itself must ask for it.
  InstructionSet instruction_limit;
};

// Read once, at the first call. std::invalid_argument where MICA_CPU_ISA is wrong.
const Machine& machine();

// "baseline", "avx2" or "avx512", as MICA_CPU_ISA; std::invalid_argument for anything else.
InstructionSet parse_instruction_set(const std::string& name);

// Limits of the control groups (v1 and v2) mounted at `root` that a process belongs to, whose
// /proc/self/cgroup reads `membership`; parents' limits count too. Empty: no limit.
std::optional<size_t> cgroup_memory_limit(const std::string& root, const std::string& membership);
std::optional<double> cgroup_cpu_quota(const std::string& root, const std::string& membership);

}  // namespace mica::engine
