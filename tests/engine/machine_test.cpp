#include "mica/engine/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "mica/mica.h"

namespace mica::engine {
namespace {

// A tree of control groups in a folder of its own.
class MachineTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_ = std::filesystem::temp_directory_path() /
                                ("mica_cgroup_" + std::to_string(::getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(MachineTest, UnifiedGroupsTakeTheTightestLimitOnTheWayUp) {
  write("a/b/memory.max", "max\n");
  write("a/memory.max", "1000000\n");
  write("memory.max", "2000000\n");
  write("a/b/cpu.max", "150000 100000\n");
  write("a/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/a/b\n"), 1000000u);
  EXPECT_EQ(cgroup_cpu_quota(root(), "0::/a/b\n"), 1.5);
}

TEST_F(MachineTest, SeparateHierarchies) {
  write("memory/job/memory.limit_in_bytes", "3000000\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cpu,cpuacct/job/cpu.cfs_quota_us", "50000\n");
  write("cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  write("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const std::string membership = "5:cpu,cpuacct:/job\n4:memory:/job\n3:cpuset:/\n";
  EXPECT_EQ(cgroup_memory_limit(root(), membership), 3000000u);
  EXPECT_EQ(cgroup_cpu_quota(root(), membership), 0.5);
}

TEST_F(MachineTest, NoLimits) {
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/\n"), std::nullopt);
  EXPECT_EQ(cgroup_cpu_quota(root(), "nonsense\n0::relative\n"), std::nullopt);
}

TEST_F(MachineTest, ThisMachine) {
  EXPECT_GT(machine().memory, size_t{1} << 20);
  EXPECT_GE(machine().cores, 1);
}

TEST(InstructionSets, AreNamed) {
  EXPECT_EQ(parse_instruction_set("baseline"), InstructionSet::baseline);
  EXPECT_EQ(parse_instruction_set("avx2"), InstructionSet::avx2);
  EXPECT_EQ(parse_instruction_set("avx512"), InstructionSet::avx512);
}

// What a program says that is started with MICA_CPU_ISA=name.
void evaluate_under_limit() {
  try {
    const array product = matmul(ones({3, 2}), ones({2, 3}));
    std::cerr << "limit " << static_cast<int>(machine().instruction_limit) << ", sum "
              << sum(product).item<float>();
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what();
  }
  std::exit(0);
}

class InstructionLimitTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }  // starts afresh
  void TearDown() override {
    previous_ ? ::setenv("MICA_CPU_ISA", previous_->c_str(), 1) : ::unsetenv("MICA_CPU_ISA");
  }

 private:
  static std::optional<std::string> current() {
    const char* name = std::getenv("MICA_CPU_ISA");
    return name ? std::optional<std::string>(name) : std::nullopt;
  }
  std::optional<std::string> previous_ = current();
};

TEST_F(InstructionLimitTest, ComesFromTheEnvironment) {
  ::setenv("MICA_CPU_ISA", "baseline", 1);
  EXPECT_EXIT(evaluate_under_limit(), testing::ExitedWithCode(0), "limit 0, sum 18");
  ::setenv("MICA_CPU_ISA", "avx2", 1);
  EXPECT_EXIT(evaluate_under_limit(), testing::ExitedWithCode(0), "limit 1, sum 18");
  ::unsetenv("MICA_CPU_ISA");
  EXPECT_EXIT(evaluate_under_limit(), testing::ExitedWithCode(0), "limit 2, sum 18");
}

TEST_F(InstructionLimitTest, RefusesOtherNames) {
  ::setenv("MICA_CPU_ISA", "sse9", 1);
  EXPECT_EXIT(evaluate_under_limit(), testing::ExitedWithCode(0),
              "MICA_CPU_ISA: expected baseline, avx2 or avx512, got 'sse9'");
}

}  // namespace
}  // namespace mica::engine
