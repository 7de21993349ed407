// The driver of the rows finds what is wrong.
#include "tests/ops/op_rows.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica::testing {
namespace {

int failures_of(void (*check)(const OpRow&), const OpRow& row) {
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    check(row);
  }
  return results.size();
}

// x^2 with the rules given.
OpRow square_row(std::optional<detail::CustomVjp> vjp, std::optional<detail::CustomJvp> jvp,
                 std::optional<detail::CustomVmap> vmap) {
  auto fun = custom_function([](const Arrays& x) { return Arrays{x[0] * x[0]}; }, std::move(vjp),
                             std::move(jvp), std::move(vmap));
  return unary_row(
      "square", [fun](const array& x) { return fun({x})[0]; }, [](double x) { return x * x; });
}

TEST(OpRowsDriver, AcceptsWhatIsRight) {
  const OpRow row = square_row(std::nullopt, std::nullopt, std::nullopt);
  for (auto* check :
       {check_forward, check_strided, check_vjp, check_jvp, check_second_order, check_vmap}) {
    EXPECT_EQ(failures_of(check, row), 0);
  }
}

TEST(OpRowsDriver, FindsWrongValues) {
  const OpRow row = unary_row(
      "off", [](const array& x) { return x * 1.01; }, [](double x) { return x; });
  EXPECT_GT(failures_of(check_forward, row), 0);
}

TEST(OpRowsDriver, FindsWrongGradients) {
  const OpRow row = square_row([](const Arrays& x, const Arrays& cotangents,
                                  const Arrays&) { return Arrays{x[0] * cotangents[0]}; },
                               std::nullopt, std::nullopt);
  EXPECT_GT(failures_of(check_vjp, row), 0);
  EXPECT_GT(failures_of(check_jvp, row), 0);
}

TEST(OpRowsDriver, FindsWrongSecondDerivatives) {
  const OpRow row =
      square_row([](const Arrays& x, const Arrays& cotangents,
                    const Arrays&) { return Arrays{2 * stop_gradient(x[0]) * cotangents[0]}; },
                 std::nullopt, std::nullopt);
  EXPECT_EQ(failures_of(check_vjp, row), 0);
  EXPECT_GT(failures_of(check_second_order, row), 0);
}

TEST(OpRowsDriver, FindsWrongTangents) {
  const OpRow row = square_row(
      std::nullopt,
      [](const Arrays& x, const Arrays& tangents, const std::vector<int>&) {
        return Arrays{x[0] * tangents[0]};
      },
      std::nullopt);
  EXPECT_EQ(failures_of(check_vjp, row), 0);
  EXPECT_GT(failures_of(check_jvp, row), 0);
}

TEST(OpRowsDriver, FindsWrongBatches) {
  const OpRow row = square_row(
      std::nullopt, std::nullopt, [](const Arrays& inputs, const std::vector<int>& axes) {
        return std::pair(Arrays{inputs[0] * inputs[0] + static_cast<float>(axes[0])}, axes);
      });
  EXPECT_GT(failures_of(check_vmap, row), 0);
}

}  // namespace
}  // namespace mica::testing
