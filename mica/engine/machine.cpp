#include "mica/engine/machine.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
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

}  // namespace

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
