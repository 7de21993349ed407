// Devices: where arrays are computed. This build has one, the CPU.
#pragma once

#include <iosfwd>
#include <string>
#include <unordered_map>
#include <variant>

namespace mica {

struct Device {
  enum class DeviceType {
    cpu,
    gpu,
  };
  static constexpr DeviceType cpu = DeviceType::cpu;
  static constexpr DeviceType gpu = DeviceType::gpu;

  Device(DeviceType type, int index = 0) : type(type), index(index) {}

  DeviceType type;
  int index;

  bool operator==(const Device&) const = default;
  bool operator<(const Device& other) const {
    return type != other.type ? type < other.type : index < other.index;
  }
};

inline bool operator==(const Device& device, Device::DeviceType type) {
  return device.type == type;
}

// "Device(cpu, 0)"
std::ostream& operator<<(std::ostream& os, const Device& device);

// The device of streams that are not named, one for the whole process.
const Device& default_device();

// Throws std::invalid_argument where `device` is not available.
void set_default_device(const Device& device);

bool is_available(const Device& device);

int device_count(Device::DeviceType type);

// CPU: "device_name" and "architecture" (strings), "total_memory" (bytes). Empty for a device that
// is not available.
const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    const Device& device = default_device());

}  // namespace mica
