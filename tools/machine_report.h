// What `mica doctor` finds out about the machine, the process's share of it, and the libraries.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tools {

struct Library {
  std::string name;
  std::string built;    // version or settings when mica was built
  std::string running;  // now; empty where it does not tell
};

struct MachineReport {
  std::string processor;
  std::vector<std::string> instruction_sets;  // of those that kernels know
  int logical_cores = 0;                      // of the machine
  int allowed_cores = 0;                      // of them, to this process
  size_t memory = 0, swap = 0;                // bytes, within control groups
  std::string huge_pages;                     // "always", "madvise", "never" or "unknown"

  int threads = 0;             // that one computation uses
  std::string kernels;         // that mica's own kernels use: "AVX-512", "AVX2", "baseline"
  std::string limit;           // MICA_CPU_ISA, where it is set
  std::string onednn_kernels;  // oneDNN's name for its own
  std::string openblas_kernels;
  bool openblas_has_own_threads = false;
  std::vector<std::pair<std::string, std::string>> environment;  // variables that matter, where set
  std::vector<Library> libraries;

  bool nvidia_driver = false;
};

MachineReport machine_report();

// Why kernels for better instruction sets are not used, in one line; none where the best are.
std::optional<std::string> reason_for_kernels(const MachineReport& report);

// What makes mica slower than it could be here, each with what helps.
std::vector<std::string> warnings(const MachineReport& report);

void print(std::ostream& output, const MachineReport& report);

}  // namespace tools
