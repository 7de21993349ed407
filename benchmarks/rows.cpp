// The program of the rows: rows [--list | --outputs=FILE | --memory] [--benchmark_...] [ROW...]
// It times the rows named (none: all) with Google Benchmark. With --outputs it writes one row's
// results to a .safetensors file in place of timing it, with --memory it prints by how many MiB a
// row's first steps raise the process's peak.
#include "rows.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <unordered_map>

namespace benchmarks {

namespace {

// As benchmarks/peers/harness.py.
constexpr double warm_seconds = 0.1;
constexpr double timed_seconds = 0.4;
constexpr int memory_steps = 5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// With freeing the results, as the peers are timed.
double timed(const Step& step) {
  const auto start = std::chrono::steady_clock::now();
  step();
  return seconds_since(start);
}

// Steps until those to come have a plan (the third, as optimizers have their state then) and
// caches are warm.
void warm(const Step& step) {
  const auto start = std::chrono::steady_clock::now();
  for (int steps = 0; steps < 3 || seconds_since(start) < warm_seconds; ++steps) step();
}

// Google Benchmark calls this several times, with more steps each time; `workload` lives as long.
void time_row(benchmark::State& state, const Row& row, std::shared_ptr<Workload>& workload) {
  if (!workload) {
    workload = std::make_shared<Workload>(row.set_up());
    warm(workload->step);
  }
  mica::reset_counters();
  std::vector<double> seconds;
  for (auto _ : state) {
    seconds.push_back(timed(workload->step));
    state.SetIterationTime(seconds.back());
  }
  const mica::Counters counters = mica::counters();
  const uint64_t kernels = counters.kernels / seconds.size();
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  state.counters["median_ms"] = 1e3 * *middle;
  state.counters["kernels"] = static_cast<double>(kernels);
  if (counters.plan_misses != 0) {
    state.SkipWithError("steps were planned anew");
  } else if (workload->kernels && kernels != *workload->kernels) {
    state.SkipWithError("a step runs another number of kernels than it should");
  }
}

void time_rows(const std::vector<Row>& rows) {
  std::shared_ptr<Workload> workload;  // of one row at a time
  const Row* current = nullptr;
  for (const Row& row : rows) {
    benchmark::RegisterBenchmark(row.name.c_str(),
                                 [&row, &workload, &current](benchmark::State& state) {
                                   if (current != &row) workload.reset();
                                   current = &row;
                                   time_row(state, row, workload);
                                 })
        ->MinTime(timed_seconds)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}

void write_outputs(const Row& row, const std::string& file) {
  const Workload workload = row.set_up();
  std::unordered_map<std::string, array> outputs;
  for (int i = 0; i < workload.compared_steps; ++i)
    for (const array& output : workload.step())
      outputs.emplace(std::to_string(outputs.size()), astype(output, mica::float32));
  mica::save_safetensors(file, outputs);
}

// A figure of /proc/self/status, in KiB.
double status_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kib = 0; word == key + ":" && status >> kib) return kib;
  throw std::runtime_error("/proc/self/status: expected " + key);
}

void print_memory(const Row& row) {
  const Workload workload = row.set_up();
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts again from here
  const double held = status_kib("VmRSS");
  for (int i = 0; i < memory_steps; ++i) workload.step();
  std::cout << (status_kib("VmHWM") - held) / 1024 << '\n';
}

const Row& only(const std::vector<Row>& rows) {
  if (rows.size() != 1) throw std::invalid_argument("expected the name of one row");
  return rows[0];
}

void run(const std::vector<std::string>& arguments) {
  std::vector<Row> all = op_rows(), rows;
  for (const auto& more : {model_rows, llm_rows})
    for (Row& row : more()) all.push_back(std::move(row));
  std::string outputs;
  bool list = false, memory = false;
  for (const std::string& argument : arguments) {
    const auto row =
        std::find_if(all.begin(), all.end(), [&](const Row& row) { return row.name == argument; });
    if (argument.rfind("--outputs=", 0) == 0) {
      outputs = argument.substr(argument.find('=') + 1);
    } else if (argument == "--list") {
      list = true;
    } else if (argument == "--memory") {
      memory = true;
    } else if (row == all.end()) {
      throw std::invalid_argument("there is no row '" + argument + "'");
    } else {
      rows.push_back(*row);
    }
  }
  if (list) {
    for (const Row& row : all) std::cout << row.name << '\n';
    return;
  }
  if (!outputs.empty()) return write_outputs(only(rows), outputs);
  if (memory) return print_memory(only(rows));
  time_rows(rows.empty() ? all : rows);
}

}  // namespace

}  // namespace benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  try {
    benchmarks::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "rows: " << error.what() << '\n';
    return 1;
  }
}
