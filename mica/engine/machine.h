// What the process may use of the machine it runs on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace mica::engine {

struct Machine {
  size_t memory;  // bytes of RAM, within the limits of the process's control groups
  size_t swap;    // bytes of swap space
  int cores;      // logical processors in the affinity mask, within the control groups' quota
};

// Read once, at the first call.
const Machine& machine();

// Limits of the control groups (v1 and v2) mounted at `root` that a process belongs to, whose
// /proc/self/cgroup reads `membership`; parents' limits count too. Empty: no limit.
std::optional<size_t> cgroup_memory_limit(const std::string& root, const std::string& membership);
std::optional<double> cgroup_cpu_quota(const std::string& root, const std::string& membership);

}  // namespace mica::engine
