#include "mica/device.h"

#include <sys/utsname.h>

#include <atomic>
#include <fstream>
#include <ostream>

#include "mica/engine/machine.h"
#include "mica/engine/stream_worker.h"

namespace mica {
namespace {

using DeviceInfo = std::unordered_map<std::string, std::variant<std::string, size_t>>;

const Device& cpu_device() {
  static const Device device(Device::cpu, 0);
  return device;
}

std::atomic<const Device*>& default_device_slot() {
  static std::atomic<const Device*> slot = &cpu_device();
  return slot;
}

// "unknown" where the system does not tell.
std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

DeviceInfo read_cpu_info() {
  utsname system{};
  uname(&system);
  return {{"device_name", cpu_name()},
          {"architecture", std::string(system.machine)},
          {"total_memory", engine::machine().memory}};
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Device& device) {
  return os << "Device(" << (device.type == Device::cpu ? "cpu" : "gpu") << ", " << device.index
            << ")";
}

const Device& default_device() { return *default_device_slot().load(std::memory_order_acquire); }

void set_default_device(const Device& device) {
  engine::check_device("set_default_device", device);
  default_device_slot().store(&cpu_device(), std::memory_order_release);
}

bool is_available(const Device& device) {
  return device.index >= 0 && device.index < device_count(device.type);
}

int device_count(Device::DeviceType type) { return type == Device::cpu ? 1 : 0; }

const DeviceInfo& device_info(const Device& device) {
  static const DeviceInfo none;
  if (!is_available(device)) return none;
  static const DeviceInfo cpu = read_cpu_info();
  return cpu;
}

}  // namespace mica
