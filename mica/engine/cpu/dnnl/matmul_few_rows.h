// Products that are bound by reading one of their matrices. Internal to this folder.
#pragma once

#include <optional>
#include <span>

#include "mica/engine/buffer.h"
#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/joined_work.h"

namespace mica::cpu {

// A product of few rows, for T of float32, bfloat16 and float16.
template <class T>
class FewRowsProduct {
 public:
  // Nothing where it has too many rows, or operands that would have to be copied.
  static std::optional<FewRowsProduct> make(const MatmulProblem& problem, Operand a, Operand b,
                                            const T* bias, T* out);

  // Runs products in one parallel region.
  static void run(std::span<FewRowsProduct> products);

 private:
  static constexpr int64_t step = 16;  // columns

  FewRowsProduct(const MatmulProblem& problem, const T* bias, T* out)
      : problem_(problem), product_(problem), bias_(bias), out_(out) {}

  engine::Work work() const { return {batch_count(product_) * steps(), step * product_.k}; }
  int64_t steps() const { return (product_.n + step - 1) / step; }  // of each matrix
  void prepare();
  void multiply(int64_t begin, int64_t end) const;  // steps of all matrices
  void finish_sums() const;

  MatmulProblem problem_;
  MatmulProblem product_;  // transposed where `a` is the matrix that is large
  Operand a_{}, b_{};
  Layout layout_{};  // of b
  const T* bias_;
  T* out_;
  engine::BufferRef wide_;  // `a` in float32
  engine::BufferRef copy_;  // sums that are not results yet
  float* sums_ = nullptr;
};

}  // namespace mica::cpu
