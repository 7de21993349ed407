// Functions of ops.h along axes: reductions, cumulative functions, sorting.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;
using Axes = std::vector<int>;

// mlx computes these in several half-precision steps, mica in float32 and rounds once.
constexpr Tolerance soft{.ulps = 8, .half_ulps = 4, .absolute = 1e-30};
constexpr Tolerance running{.ulps = 4, .half_ulps = 2};
constexpr Tolerance logs{.ulps = 4, .half_ulps = 2, .absolute = 1e-6};

constexpr Case reductions[] = {
    {"all", [](In x) -> Out { return all(x[0]); }},
    {"all_keepdims", [](In x) -> Out { return all(x[0], true); }},
    {"all_axis", [](In x) -> Out { return all(x[0], -2); }},
    {"all_first", [](In x) -> Out { return all(x[0], 0); }},
    {"all_last_kept", [](In x) -> Out { return all(x[0], -1, true); }},
    {"all_axes",
     [](In x) -> Out {
       return all(x[0], Axes{0, -1});
     }},
    {"all_axes_kept",
     [](In x) -> Out {
       return all(x[0], Axes{1, 0}, true);
     }},
    {"all_no_axes", [](In x) -> Out { return all(x[0], Axes{}); }},
    {"any", [](In x) -> Out { return any(x[0]); }},
    {"any_keepdims", [](In x) -> Out { return any(x[0], true); }},
    {"any_axis", [](In x) -> Out { return any(x[0], -2); }},
    {"any_first", [](In x) -> Out { return any(x[0], 0); }},
    {"any_last_kept", [](In x) -> Out { return any(x[0], -1, true); }},
    {"any_axes",
     [](In x) -> Out {
       return any(x[0], Axes{0, -1});
     }},
    {"any_axes_kept",
     [](In x) -> Out {
       return any(x[0], Axes{1, 0}, true);
     }},
    {"any_no_axes", [](In x) -> Out { return any(x[0], Axes{}); }},
    {"sum", [](In x) -> Out { return sum(x[0]); }},
    {"sum_keepdims", [](In x) -> Out { return sum(x[0], true); }},
    {"sum_axis", [](In x) -> Out { return sum(x[0], -2); }},
    {"sum_first", [](In x) -> Out { return sum(x[0], 0); }},
    {"sum_last_kept", [](In x) -> Out { return sum(x[0], -1, true); }},
    {"sum_axes",
     [](In x) -> Out {
       return sum(x[0], Axes{0, -1});
     }},
    {"sum_axes_kept",
     [](In x) -> Out {
       return sum(x[0], Axes{1, 0}, true);
     }},
    {"sum_no_axes", [](In x) -> Out { return sum(x[0], Axes{}); }},
    {"mean", [](In x) -> Out { return mean(x[0]); }},
    {"mean_keepdims", [](In x) -> Out { return mean(x[0], true); }},
    {"mean_axis", [](In x) -> Out { return mean(x[0], -2); }},
    {"mean_first", [](In x) -> Out { return mean(x[0], 0); }},
    {"mean_last_kept", [](In x) -> Out { return mean(x[0], -1, true); }},
    {"mean_axes",
     [](In x) -> Out {
       return mean(x[0], Axes{0, -1});
     }},
    {"mean_axes_kept",
     [](In x) -> Out {
       return mean(x[0], Axes{1, 0}, true);
     }},
    {"mean_no_axes", [](In x) -> Out { return mean(x[0], Axes{}); }},
    {"prod", [](In x) -> Out { return prod(x[0]); }},
    {"prod_keepdims", [](In x) -> Out { return prod(x[0], true); }},
    {"prod_axis", [](In x) -> Out { return prod(x[0], -2); }},
    {"prod_first", [](In x) -> Out { return prod(x[0], 0); }},
    {"prod_last_kept", [](In x) -> Out { return prod(x[0], -1, true); }},
    {"prod_axes",
     [](In x) -> Out {
       return prod(x[0], Axes{0, -1});
     }},
    {"prod_axes_kept",
     [](In x) -> Out {
       return prod(x[0], Axes{1, 0}, true);
     }},
    {"prod_no_axes", [](In x) -> Out { return prod(x[0], Axes{}); }},
    {"max", [](In x) -> Out { return max(x[0]); }},
    {"max_keepdims", [](In x) -> Out { return max(x[0], true); }},
    {"max_axis", [](In x) -> Out { return max(x[0], -2); }},
    {"max_first", [](In x) -> Out { return max(x[0], 0); }},
    {"max_last_kept", [](In x) -> Out { return max(x[0], -1, true); }},
    {"max_axes",
     [](In x) -> Out {
       return max(x[0], Axes{0, -1});
     }},
    {"max_axes_kept",
     [](In x) -> Out {
       return max(x[0], Axes{1, 0}, true);
     }},
    {"max_no_axes", [](In x) -> Out { return max(x[0], Axes{}); }},
    {"min", [](In x) -> Out { return min(x[0]); }},
    {"min_keepdims", [](In x) -> Out { return min(x[0], true); }},
    {"min_axis", [](In x) -> Out { return min(x[0], -2); }},
    {"min_first", [](In x) -> Out { return min(x[0], 0); }},
    {"min_last_kept", [](In x) -> Out { return min(x[0], -1, true); }},
    {"min_axes",
     [](In x) -> Out {
       return min(x[0], Axes{0, -1});
     }},
    {"min_axes_kept",
     [](In x) -> Out {
       return min(x[0], Axes{1, 0}, true);
     }},
    {"min_no_axes", [](In x) -> Out { return min(x[0], Axes{}); }},
    {"logsumexp", [](In x) -> Out { return logsumexp(x[0]); }, logs},
    {"logsumexp_keepdims", [](In x) -> Out { return logsumexp(x[0], true); }, logs},
    {"logsumexp_axis", [](In x) -> Out { return logsumexp(x[0], -2); }, logs},
    {"logsumexp_first", [](In x) -> Out { return logsumexp(x[0], 0); }, logs},
    {"logsumexp_last_kept", [](In x) -> Out { return logsumexp(x[0], -1, true); }, logs},
    {"logsumexp_axes",
     [](In x) -> Out {
       return logsumexp(x[0], Axes{0, -1});
     },
     logs},
    {"logsumexp_axes_kept",
     [](In x) -> Out {
       return logsumexp(x[0], Axes{1, 0}, true);
     },
     logs},
    {"logsumexp_no_axes", [](In x) -> Out { return logsumexp(x[0], Axes{}); }, logs},
    {"var", [](In x) -> Out { return var(x[0]); }},
    {"var_keepdims", [](In x) -> Out { return var(x[0], true); }},
    {"var_axis", [](In x) -> Out { return var(x[0], -2); }},
    {"var_first", [](In x) -> Out { return var(x[0], 0); }},
    {"var_last_kept", [](In x) -> Out { return var(x[0], -1, true); }},
    {"var_axes",
     [](In x) -> Out {
       return var(x[0], Axes{0, -1});
     }},
    {"var_axes_kept",
     [](In x) -> Out {
       return var(x[0], Axes{1, 0}, true);
     }},
    {"var_no_axes", [](In x) -> Out { return var(x[0], Axes{}); }},
    {"var_ddof", [](In x) -> Out { return var(x[0], false, 1); }},
    {"var_axis_ddof", [](In x) -> Out { return var(x[0], 1, false, 1); }},
    {"var_axes_ddof",
     [](In x) -> Out {
       return var(x[0], Axes{0, 2}, true, 2);
     }},
    {"std", [](In x) -> Out { return std(x[0]); }},
    {"std_keepdims", [](In x) -> Out { return std(x[0], true); }},
    {"std_axis", [](In x) -> Out { return std(x[0], -2); }},
    {"std_first", [](In x) -> Out { return std(x[0], 0); }},
    {"std_last_kept", [](In x) -> Out { return std(x[0], -1, true); }},
    {"std_axes",
     [](In x) -> Out {
       return std(x[0], Axes{0, -1});
     }},
    {"std_axes_kept",
     [](In x) -> Out {
       return std(x[0], Axes{1, 0}, true);
     }},
    {"std_no_axes", [](In x) -> Out { return std(x[0], Axes{}); }},
    {"std_ddof", [](In x) -> Out { return std(x[0], false, 1); }},
    {"std_axis_ddof", [](In x) -> Out { return std(x[0], 1, false, 1); }},
    {"std_axes_ddof",
     [](In x) -> Out {
       return std(x[0], Axes{0, 2}, true, 2);
     }},
    {"minmax", [](In x) -> Out { return minmax(x[0]); }},
    {"minmax_keepdims", [](In x) -> Out { return minmax(x[0], true); }},
    {"minmax_axis", [](In x) -> Out { return minmax(x[0], -2); }},
    {"minmax_first", [](In x) -> Out { return minmax(x[0], 0); }},
    {"minmax_last_kept", [](In x) -> Out { return minmax(x[0], -1, true); }},
    {"minmax_axes",
     [](In x) -> Out {
       return minmax(x[0], Axes{0, -1});
     }},
    {"minmax_axes_kept",
     [](In x) -> Out {
       return minmax(x[0], Axes{1, 0}, true);
     }},
    {"minmax_no_axes", [](In x) -> Out { return minmax(x[0], Axes{}); }},
    {"median", [](In x) -> Out { return median(x[0]); }},
    {"median_keepdims", [](In x) -> Out { return median(x[0], true); }},
    {"median_axis", [](In x) -> Out { return median(x[0], -2); }},
    {"median_first", [](In x) -> Out { return median(x[0], 0); }},
    {"median_last_kept", [](In x) -> Out { return median(x[0], -1, true); }},
    {"median_axes",
     [](In x) -> Out {
       return median(x[0], Axes{0, -1});
     }},
    {"median_axes_kept",
     [](In x) -> Out {
       return median(x[0], Axes{1, 0}, true);
     }},
    {"argmin", [](In x) -> Out { return argmin(x[0]); }},
    {"argmin_keepdims", [](In x) -> Out { return argmin(x[0], true); }},
    {"argmin_axis", [](In x) -> Out { return argmin(x[0], -2); }},
    {"argmin_last_kept", [](In x) -> Out { return argmin(x[0], -1, true); }},
    {"argmax", [](In x) -> Out { return argmax(x[0]); }},
    {"argmax_keepdims", [](In x) -> Out { return argmax(x[0], true); }},
    {"argmax_axis", [](In x) -> Out { return argmax(x[0], -2); }},
    {"argmax_last_kept", [](In x) -> Out { return argmax(x[0], -1, true); }},
    {"count_nonzero", [](In x) -> Out { return count_nonzero(x[0]); }},
    {"count_nonzero_kept", [](In x) -> Out { return count_nonzero(x[0], true); }},
    {"count_nonzero_axis", [](In x) -> Out { return count_nonzero(x[0], -1); }},
    {"count_nonzero_axis_kept", [](In x) -> Out { return count_nonzero(x[0], -1, true); }},
    {"count_nonzero_axes",
     [](In x) -> Out {
       return count_nonzero(x[0], Axes{0, 1});
     }},
    {"count_nonzero_axes_kept",
     [](In x) -> Out {
       return count_nonzero(x[0], Axes{0, 1}, true);
     }},
    {"softmax", [](In x) -> Out { return softmax(x[0]); }, soft},
    {"softmax_axis", [](In x) -> Out { return softmax(x[0], -2); }, soft},
    {"softmax_last", [](In x) -> Out { return softmax(x[0], -1); }, soft},
    {"softmax_axes",
     [](In x) -> Out {
       return softmax(x[0], Axes{0, 1});
     },
     soft},
    {"softmax_precise", [](In x) -> Out { return softmax(x[0], true); }, soft},
    {"softmax_last_precise", [](In x) -> Out { return softmax(x[0], -1, true); }, soft},
};

constexpr Case scans[] = {
    {"cumsum", [](In x) -> Out { return cumsum(x[0]); }, running},
    {"cumsum_reverse", [](In x) -> Out { return cumsum(x[0], true); }, running},
    {"cumsum_exclusive", [](In x) -> Out { return cumsum(x[0], false, false); }, running},
    {"cumsum_axis", [](In x) -> Out { return cumsum(x[0], 1); }, running},
    {"cumsum_last", [](In x) -> Out { return cumsum(x[0], -1); }, running},
    {"cumsum_back", [](In x) -> Out { return cumsum(x[0], -1, true, false); }, running},
    {"cumsum_dtype", [](In x) -> Out { return cumsum(x[0], false, true, float32); }, running},
    {"cumsum_axis_dtype", [](In x) -> Out { return cumsum(x[0], 0, false, true, int32); }, running},
    {"cumprod", [](In x) -> Out { return cumprod(x[0]); }, running},
    {"cumprod_reverse", [](In x) -> Out { return cumprod(x[0], true); }, running},
    {"cumprod_exclusive", [](In x) -> Out { return cumprod(x[0], false, false); }, running},
    {"cumprod_axis", [](In x) -> Out { return cumprod(x[0], 1); }, running},
    {"cumprod_last", [](In x) -> Out { return cumprod(x[0], -1); }, running},
    {"cumprod_back", [](In x) -> Out { return cumprod(x[0], -1, true, false); }, running},
    {"cumprod_dtype", [](In x) -> Out { return cumprod(x[0], false, true, float32); }, running},
    {"cumprod_axis_dtype", [](In x) -> Out { return cumprod(x[0], 0, false, true, int32); },
     running},
    {"cummax", [](In x) -> Out { return cummax(x[0]); }},
    {"cummax_reverse", [](In x) -> Out { return cummax(x[0], true); }},
    {"cummax_exclusive", [](In x) -> Out { return cummax(x[0], false, false); }},
    {"cummax_axis", [](In x) -> Out { return cummax(x[0], 1); }},
    {"cummax_last", [](In x) -> Out { return cummax(x[0], -1); }},
    {"cummax_back", [](In x) -> Out { return cummax(x[0], -1, true, false); }},
    {"cummin", [](In x) -> Out { return cummin(x[0]); }},
    {"cummin_reverse", [](In x) -> Out { return cummin(x[0], true); }},
    {"cummin_exclusive", [](In x) -> Out { return cummin(x[0], false, false); }},
    {"cummin_axis", [](In x) -> Out { return cummin(x[0], 1); }},
    {"cummin_last", [](In x) -> Out { return cummin(x[0], -1); }},
    {"cummin_back", [](In x) -> Out { return cummin(x[0], -1, true, false); }},
    {"logcumsumexp", [](In x) -> Out { return logcumsumexp(x[0]); }, logs},
    {"logcumsumexp_reverse", [](In x) -> Out { return logcumsumexp(x[0], true); }, logs},
    {"logcumsumexp_exclusive", [](In x) -> Out { return logcumsumexp(x[0], false, false); }, logs},
    {"logcumsumexp_axis", [](In x) -> Out { return logcumsumexp(x[0], 1); }, logs},
    {"logcumsumexp_last", [](In x) -> Out { return logcumsumexp(x[0], -1); }, logs},
    {"logcumsumexp_back", [](In x) -> Out { return logcumsumexp(x[0], -1, true, false); }, logs},
    {"cumsum_stream", [](In x) -> Out { return cumsum(x[0], true, true, Device::cpu); }, running},
    {"cumsum_axis_stream", [](In x) -> Out { return cumsum(x[0], 0, false, false, Device::cpu); },
     running},
    {"cumprod_stream", [](In x) -> Out { return cumprod(x[0], true, true, Device::cpu); }, running},
    {"cumprod_axis_stream", [](In x) -> Out { return cumprod(x[0], 0, false, false, Device::cpu); },
     running},
    {"cumprod_zeros", [](In x) -> Out { return cumprod(x[0], -1); }, running},
};

// What is the same for every partition: the parts, sorted.
Out partitioned(const array& a, int at, int axis) {
  const int middle = at < 0 ? at + a.shape(axis) : at;
  const auto parts = split(a, Shape{middle, middle + 1}, axis);
  return std::vector<array>{sort(parts[0], axis), parts[1], sort(parts[2], axis)};
}
Out partitioned_by(const array& indices, const array& a, int at, int axis) {
  return partitioned(take_along_axis(a, indices, axis), at, axis);
}

constexpr Case sorting[] = {
    {"sort", [](In x) -> Out { return sort(x[0]); }},
    {"sort_axis", [](In x) -> Out { return sort(x[0], 1); }},
    {"sort_last", [](In x) -> Out { return sort(x[0], -1); }},
    {"argsort", [](In x) -> Out { return argsort(x[0]); }},
    {"argsort_axis", [](In x) -> Out { return argsort(x[0], 0); }},
    {"argsort_last", [](In x) -> Out { return argsort(x[0], -1); }},
    {"partition", [](In x) -> Out { return partitioned(partition(x[0], 5), 5, 0); }},
    {"partition_axis", [](In x) -> Out { return partitioned(partition(x[0], 1, -2), 1, -2); }},
    {"partition_last", [](In x) -> Out { return partitioned(partition(x[0], -2, -1), -2, -1); }},
    {"argpartition",
     [](In x) -> Out { return partitioned_by(argpartition(x[0], 5), flatten(x[0]), 5, 0); }},
    {"argpartition_axis",
     [](In x) -> Out { return partitioned_by(argpartition(x[0], 1, -2), x[0], 1, -2); }},
    {"argpartition_last",
     [](In x) -> Out { return partitioned_by(argpartition(x[0], -2, -1), x[0], -2, -1); }},
    {"topk", [](In x) -> Out { return sort(topk(x[0], 5)); }},
    {"topk_axis", [](In x) -> Out { return sort(topk(x[0], 2, -2), -2); }},
    {"topk_last", [](In x) -> Out { return sort(topk(x[0], 3, -1), -1); }},
    {"topk_all", [](In x) -> Out { return sort(topk(x[0], 4, -1), -1); }},
};

TEST(AxisGoldens, Reductions) { expect_cases("ops/reductions", reductions); }
TEST(AxisGoldens, Scans) { expect_cases("ops/scans", scans); }
TEST(AxisGoldens, Sorting) { expect_cases("ops/sorting", sorting); }

}  // namespace
}  // namespace mica::golden
