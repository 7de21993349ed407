#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "machine_report.h"
#include "mica/version.h"
#include "program.h"
#include "weights.h"

namespace tools {
namespace {

bool has(const MachineReport& report, const char* instruction_set) {
  const auto& all = report.instruction_sets;
  return std::find(all.begin(), all.end(), instruction_set) != all.end();
}

const std::string* setting(const MachineReport& report, const std::string& name) {
  for (const auto& [variable, value] : report.environment)
    if (variable == name) return &value;
  return nullptr;
}

// The words of a text, in lines that end at 80 columns; all but the first are indented.
void wrapped(std::ostream& output, const std::string& start, const std::string& text,
             size_t indent) {
  constexpr size_t columns = 80;
  std::string line = start;
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word; first = false) {
    if (!first && line.size() + 1 + word.size() > columns) {
      output << line << "\n";
      line = std::string(indent, ' ');
      first = true;
    }
    line += (first ? "" : " ") + word;
  }
  output << line << "\n";
}

void line(std::ostream& output, const std::string& name, const std::string& value) {
  wrapped(output, fmt::format("  {:<18}", name), value, 20);
}

std::string huge_pages_text(const std::string& setting) {
  if (setting == "madvise") return "madvise: for those who ask, as mica does for large arrays";
  return setting;
}

}  // namespace

std::optional<std::string> reason_for_kernels(const MachineReport& report) {
  if (report.kernels == "AVX-512") return std::nullopt;
  if (!report.limit.empty()) return "MICA_CPU_ISA=" + report.limit + " allows no better ones";
  if (report.kernels == "AVX2")
    return std::string("AVX-512 is not used: the processor has no ") +
           (has(report, "avx512f") ? "AVX-512 of the kind that kernels need" : "avx512f");
  return std::string("AVX2 is not used: the processor has no ") + (!has(report, "avx2") ? "avx2"
                                                                   : has(report, "fma") ? "f16c"
                                                                                        : "fma");
}

std::vector<std::string> warnings(const MachineReport& report) {
  std::vector<std::string> found;
  if (report.allowed_cores < report.logical_cores)
    found.push_back(fmt::format(
        "{} of {} cores are allowed to this process (taskset, cgroups or a container's limit)",
        report.allowed_cores, report.logical_cores));
  if (report.threads < report.allowed_cores)
    found.push_back(
        fmt::format("{} of {} cores are used: MICA_NUM_THREADS or OMP_NUM_THREADS says so",
                    report.threads, report.allowed_cores));
  if (report.threads > report.allowed_cores)
    found.push_back(fmt::format("{} threads share {} cores: set MICA_NUM_THREADS to at most that",
                                report.threads, report.allowed_cores));
  if (report.openblas_has_own_threads)
    found.push_back(
        "OpenBLAS uses its own threads beside OpenMP's: install libopenblas0-openmp, or choose it "
        "with update-alternatives");
  if (const std::string* type = setting(report, "OPENBLAS_CORETYPE"))
    found.push_back("OPENBLAS_CORETYPE=" + *type +
                    " chooses OpenBLAS's kernels, not the processor");
  if (report.huge_pages == "never")
    found.push_back(
        "huge pages are off, large arrays are slower: write madvise to "
        "/sys/kernel/mm/transparent_hugepage/enabled");
  if (const std::string* binding = setting(report, "OMP_PROC_BIND");
      binding && (*binding == "true" || *binding == "close" || *binding == "master"))
    found.push_back("OMP_PROC_BIND=" + *binding +
                    " pins threads: two programs at once share the same cores");
  if (const std::string* policy = setting(report, "OMP_WAIT_POLICY");
      policy && *policy == "passive")
    found.push_back("OMP_WAIT_POLICY=passive lets threads sleep: small operations take longer");
  if (const auto reason = reason_for_kernels(report)) found.push_back(*reason);
  return found;
}

void print(std::ostream& output, const MachineReport& report) {
  const mica::Version version = mica::library_version();
  output << fmt::format("mica {}.{}.{}\n\nmachine\n", version.major, version.minor, version.patch);
  line(output, "processor", report.processor);
  line(output, "instruction sets", fmt::format("{}", fmt::join(report.instruction_sets, " ")));
  line(output, "cores",
       fmt::format("{} of {} allowed", report.allowed_cores, report.logical_cores));
  line(output, "memory",
       fmt::format("{}, {} of swap space", readable_bytes(report.memory),
                   readable_bytes(report.swap)));
  line(output, "huge pages", huge_pages_text(report.huge_pages));
  output << "\nkernels\n";
  const auto reason = reason_for_kernels(report);
  line(output, "mica's own", reason ? report.kernels + " (" + *reason + ")" : report.kernels);
  line(output, "oneDNN's", report.onednn_kernels + " (matrix products, convolutions)");
  line(output, "OpenBLAS's", report.openblas_kernels + " (decompositions, some products)");
  line(output, "threads",
       fmt::format("{}, {}", report.threads,
                   setting(report, "OMP_PROC_BIND") || setting(report, "GOMP_CPU_AFFINITY")
                       ? "pinned as the environment says"
                       : "not pinned"));
  line(output, "CUDA",
       report.nvidia_driver ? "no: this version of mica has no CUDA backend (there is a GPU)"
                            : "no: this version of mica has no CUDA backend");
  output << "\nlibraries\n";
  for (const Library& library : report.libraries) {
    if (library.built.empty() || library.running.empty() || library.built == library.running)
      line(output, library.name, library.running.empty() ? library.built : library.running);
    else
      line(output, library.name, fmt::format("{}, built with {}", library.running, library.built));
  }
  if (!report.environment.empty()) output << "\nenvironment\n";
  for (const auto& [name, value] : report.environment)
    output << fmt::format("  {}={}\n", name, value);
  const std::vector<std::string> found = warnings(report);
  output << (found.empty() ? "\nnothing to improve\n" : "\nto look at\n");
  for (const std::string& warning : found) wrapped(output, "  - ", warning, 4);
}

void doctor(std::ostream& output) { print(output, machine_report()); }

}  // namespace tools
