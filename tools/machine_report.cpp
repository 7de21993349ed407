#include "machine_report.h"

#include <cblas.h>
#include <fmt/core.h>
#include <unistd.h>
#include <zip.h>

#include <hwy/highway.h>
#include <hwy/targets.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <oneapi/dnnl/dnnl.hpp>
#include <sstream>
#include <variant>

#include "mica/device.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/machine.h"
#include "mica/ops/ops.h"
#include "mica/version.h"

namespace tools {
namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The processor's, as Linux calls them.
std::vector<std::string> instruction_sets() {
  const std::vector<std::string> known{
      "sse4_2",      "avx",         "f16c",        "fma",      "avx2",     "avx512f", "avx512bw",
      "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"};
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  while (std::getline(file, flags) && !flags.starts_with("flags")) flags.clear();
  std::vector<std::string> found;
  flags += ' ';
  for (const std::string& name : known)
    if (flags.find(' ' + name + ' ') != std::string::npos) found.push_back(name);
  return found;
}

// "always [madvise] never": the word in brackets.
std::string chosen_word(const std::string& line) {
  const size_t begin = line.find('['), end = line.find(']');
  return begin < end && end != std::string::npos ? line.substr(begin + 1, end - begin - 1)
                                                 : "unknown";
}

std::string name_of_kernels() {
  const int64_t targets = hwy::SupportedTargets();
  if (targets & (HWY_AVX3 | HWY_AVX3_DL)) return "AVX-512";
  if (targets & HWY_AVX2) return "AVX2";
  return "baseline";
}

std::string name_of(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 with VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 with bf16";
    default:
      return fmt::format("number {:#x}", static_cast<unsigned>(isa));
  }
}

std::string version_text(int major, int minor, int patch) {
  return fmt::format("{}.{}.{}", major, minor, patch);
}

// "0.3.21" of "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...".
std::string openblas_version() {
  std::istringstream words(openblas_get_config());
  std::string name, version;
  words >> name >> version;
  return version.empty() ? name : version;
}

std::vector<Library> libraries() {
  const dnnl_version_t* onednn = dnnl_version();
  return {
      {"oneDNN", version_text(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH),
       version_text(onednn->major, onednn->minor, onednn->patch)},
      {"OpenBLAS", "", openblas_version()},
      {"Highway", version_text(HWY_MAJOR, HWY_MINOR, HWY_PATCH), ""},
      {"libzip", LIBZIP_VERSION, zip_libzip_version()},
      {"fmt", version_text(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100), ""},
  };
}

}  // namespace

MachineReport machine_report() {
  mica::matmul(mica::ones({2, 2}), mica::ones({2, 2})).eval();  // oneDNN then knows its limit
  const mica::engine::Machine& machine = mica::engine::machine();
  MachineReport report;
  report.processor = std::get<std::string>(mica::device_info().at("device_name"));
  report.instruction_sets = instruction_sets();
  report.logical_cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  report.allowed_cores = machine.cores;
  report.memory = machine.memory;
  report.swap = machine.swap;
  report.huge_pages = chosen_word(first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  report.threads = mica::engine::num_threads();
  report.kernels = name_of_kernels();
  report.onednn_kernels = name_of(dnnl::get_effective_cpu_isa());
  report.openblas_kernels = openblas_get_corename();
  report.openblas_has_own_threads = openblas_get_parallel() == OPENBLAS_THREAD;
  for (const char* name : {"MICA_NUM_THREADS", "MICA_CPU_ISA", "OMP_NUM_THREADS", "OMP_WAIT_POLICY",
                           "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT",
                           "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE"})
    if (const char* value = std::getenv(name)) {
      report.environment.emplace_back(name, value);
      if (name == std::string("MICA_CPU_ISA")) report.limit = value;
    }
  report.libraries = libraries();
  report.nvidia_driver = std::filesystem::exists("/proc/driver/nvidia/version");
  return report;
}

}  // namespace tools
