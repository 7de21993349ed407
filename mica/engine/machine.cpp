#include "mica/engine/machine.h"

#include "mica/engine/cpu/targets.h"

#include <hwy/highway.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace mica::engine {
namespace {

constexpr const char* cgroup_root = "/sys/fs/cgroup";

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool lists(const std::string& controllers, const std::string& controller) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == controller) return true;
  }
  return false;
}

// Calls visit(directory) for each control group of `controller` that the process is in, up to the
// root of its hierarchy. Lines of `membership`: "4:memory:/a/b" (v1), "0::/a/b" (v2).
void visit_groups(const std::string& root, const std::string& membership,
                  const std::string& controller,
                  const std::function<void(const std::string&)>& visit) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !lists(controllers, controller)) continue;
    const std::string mount = controllers.empty() ? root : root + "/" + controllers;
    std::string path = line.substr(second + 1);
    while (!path.empty() && path != "/") {
      visit(mount + path);
      path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
    visit(mount);
  }
}

InstructionSet instruction_limit() {
  const char* const name = std::getenv("MICA_CPU_ISA");
  return name == nullptr ? InstructionSet::avx512 : parse_instruction_set(name);
}

// Takes Highway's better targets away, before any kernel is chosen. A wrong name is reported by
// machine(): nobody could catch what is thrown while a library is loaded.
bool limit_highway() noexcept try {
#if HWY_ARCH_X86
  const InstructionSet limit = instruction_limit();
  constexpr int64_t better_than_avx2 = HWY_AVX2 - 1;  // better targets have lower bits
  if (limit < InstructionSet::avx512) hwy::DisableTargets(better_than_avx2);
  if (limit < InstructionSet::avx2) hwy::DisableTargets(better_than_avx2 | HWY_AVX2);
#endif
  return true;
} catch (const std::invalid_argument&) {
  return false;
}

[[maybe_unused]] const bool highway_limited = limit_highway();

}  // namespace

InstructionSet parse_instruction_set(const std::string& name) {
  if (name == "baseline") return InstructionSet::baseline;
  if (name == "avx2") return InstructionSet::avx2;
  if (name == "avx512") return InstructionSet::avx512;
  throw std::invalid_argument("MICA_CPU_ISA: expected baseline, avx2 or avx512, got '" + name +
                              "'");
}

std::optional<size_t> cgroup_memory_limit(const std::string& root, const std::string& membership) {
  std::optional<size_t> limit;
  visit_groups(root, membership, "memory", [&](const std::string& group) {
    for (const char* file : {"/memory.max", "/memory.limit_in_bytes"}) {
      std::istringstream text(read_text(group + file));
      size_t bytes = 0;
      if (text >> bytes) limit = std::min(limit.value_or(bytes), bytes);  // "max" does not parse
    }
  });
  return limit;
}

std::optional<double> cgroup_cpu_quota(const std::string& root, const std::string& membership) {
  std::optional<double> quota;
  visit_groups(root, membership, "cpu", [&](const std::string& group) {
    double microseconds = 0;
    double period = 0;
    std::istringstream v2(read_text(group + "/cpu.max"));
    std::istringstream v1(read_text(group + "/cpu.cfs_quota_us") + " " +
                          read_text(group + "/cpu.cfs_period_us"));
    for (auto* text : {&v2, &v1}) {
      if (!(*text >> microseconds >> period) || microseconds <= 0 || period <= 0) continue;
      const double cores = microseconds / period;
      quota = std::min(quota.value_or(cores), cores);
    }
  });
  return quota;
}

const Machine& machine() {
  static const Machine instance = [] {
    const std::string membership = read_text("/proc/self/cgroup");
    Machine found{};
    found.instruction_limit = instruction_limit();
    struct sysinfo info {};
    if (sysinfo(&info) == 0) {
      found.memory = static_cast<size_t>(info.totalram) * info.mem_unit;
      found.swap = static_cast<size_t>(info.totalswap) * info.mem_unit;
    }
    if (auto limit = cgroup_memory_limit(cgroup_root, membership)) {
      found.memory = std::min(found.memory, *limit);
    }
    cpu_set_t affinity;
    CPU_ZERO(&affinity);
    found.cores = sched_getaffinity(0, sizeof(affinity), &affinity) == 0
                      ? CPU_COUNT(&affinity)
                      : static_cast<int>(std::thread::hardware_concurrency());
    if (auto quota = cgroup_cpu_quota(cgroup_root, membership)) {
      found.cores = std::min(found.cores, static_cast<int>(std::ceil(*quota)));
    }
    found.cores = std::max(found.cores, 1);
    return found;
  }();
  return instance;
}

}  // namespace mica::engine
