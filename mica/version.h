// The version of mica, semantic (https://semver.org), in its only place: CMake reads it from here.
#pragma once

#if __cplusplus < 202002L
#error "mica needs C++20: compile with -std=c++20, or link mica::mica in CMake, which asks for it"
#endif

#define MICA_VERSION_MAJOR 0
#define MICA_VERSION_MINOR 1
#define MICA_VERSION_PATCH 0

namespace mica {

struct Version {
  int major;
  int minor;
  int patch;
  bool operator==(const Version&) const = default;
};

// Of the headers that a program is compiled with.
inline constexpr Version header_version{MICA_VERSION_MAJOR, MICA_VERSION_MINOR, MICA_VERSION_PATCH};

// Of the library that it runs with. (version(), as MLX has it, is that of MLX's functions.)
Version library_version();

}  // namespace mica
