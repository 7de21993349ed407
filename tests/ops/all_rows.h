// The rows of all ops: the op tests run each, and test that every primitive is in one.
#pragma once

#include <vector>

#include "tests/ops/op_rows.h"

namespace mica::testing {

std::vector<OpRow> elementwise_rows();
std::vector<OpRow> fast_rows();
std::vector<OpRow> indexing_rows();
std::vector<OpRow> layer_rows();
std::vector<OpRow> linalg_rows();
std::vector<OpRow> moving_rows();
std::vector<OpRow> product_rows();
std::vector<OpRow> quantized_rows();
std::vector<OpRow> reduction_rows();
std::vector<OpRow> signal_rows();
std::vector<OpRow> transform_rows();

inline std::vector<OpRow> all_rows() {
  std::vector<OpRow> rows;
  for (auto* family :
       {elementwise_rows, fast_rows, indexing_rows, layer_rows, linalg_rows, moving_rows,
        product_rows, quantized_rows, reduction_rows, signal_rows, transform_rows}) {
    for (OpRow& row : family()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace mica::testing
