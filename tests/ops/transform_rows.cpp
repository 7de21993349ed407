// Rows of the op of custom functions.
#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {

std::vector<OpRow> transform_rows() {
  OpRow custom{"custom_function",
               [](const Arrays& x) {
                 return custom_vjp(
                     [](const Arrays& v) {
                       return Arrays{v[0] * v[1], exp(v[0])};
                     },
                     [](const Arrays& primals, const Arrays& cotangents, const Arrays& outputs) {
                       return Arrays{cotangents[0] * primals[1] + cotangents[1] * outputs[1],
                                     cotangents[0] * primals[0]};
                     })(x);
               },
               {}};
  for (const Shape& shape : usual_shapes()) custom.cases.push_back({{shape}, {shape}});
  custom.dtypes = {float32};
  return {custom};
}

}  // namespace mica::testing
