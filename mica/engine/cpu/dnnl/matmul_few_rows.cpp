#include "mica/engine/cpu/dnnl/matmul_few_rows.h"

#include "mica/engine/cpu/dnnl/few_rows.h"

namespace mica::cpu {

template <class T>
std::optional<FewRowsProduct<T>> FewRowsProduct<T>::make(const MatmulProblem& problem, Operand a,
                                                         Operand b, const T* bias, T* out) {
  FewRowsProduct result(problem, bias, out);
  MatmulProblem& p = result.product_;
  if (p.n == 1 && p.m > 1) {  // the transposed product: its result looks the same in memory
    std::swap(p.m, p.n);
    std::swap(a, b);
    std::swap(a.row, a.col);
    std::swap(b.row, b.col);
  }
  if (p.m > 2 * most_rows || !find_layout(p.k, p.n, b.row, b.col, result.layout_)) return {};
  // Sums over rows of b pass through memory, and oneDNN's bfloat16 products multiply pairs: these
  // overtake sooner.
  const int64_t limit = result.layout_.transposed       ? 2 * most_rows
                        : std::is_same_v<T, bfloat16_t> ? most_rows / 2
                                                        : most_rows;
  if (p.m > limit) return {};
  result.a_ = a;
  result.b_ = b;
  return result;
}

template <class T>
void FewRowsProduct<T>::prepare() {
  const MatmulProblem& p = product_;
  Layout layout;
  const bool in_place = std::is_same_v<T, float> && find_layout(p.m, p.k, a_.row, a_.col, layout) &&
                        !layout.transposed && layout.leading == p.k;
  if (!in_place) {
    wide_ = engine::allocate_scratch(materialised_size(p, a_, p.m, p.k) * sizeof(float));
    a_ = materialise<T>(p, a_, p.m, p.k, false, static_cast<float*>(wide_.data()));
  }
  const bool direct = std::is_same_v<T, float> && p.epilogue != Epilogue::accumulate;
  if (!direct) copy_ = engine::allocate_scratch(batch_count(p) * p.m * p.n * sizeof(float));
  sums_ = direct ? reinterpret_cast<float*>(out_) : static_cast<float*>(copy_.data());
}

template <class T>
void FewRowsProduct<T>::multiply(int64_t begin, int64_t end) const {
  const MatmulProblem& p = product_;
  const FewRowsKernels<T>& kernels = std::get<FewRowsKernels<T>>(few_rows_table());
  const FewRowsKernel<T> kernel = layout_.transposed ? kernels.columns : kernels.rows;
  while (begin < end) {
    const int64_t matrix = begin / steps(), next = std::min(end, (matrix + 1) * steps());
    const int64_t first = begin % steps() * step;
    kernel(static_cast<const float*>(a_.data) + batch_offset(p, a_.batch, matrix), p.m, p.k,
           static_cast<const T*>(b_.data) + batch_offset(p, b_.batch, matrix), layout_.leading,
           first, std::min(p.n, first + (next - begin) * step), sums_ + matrix * p.m * p.n, p.n);
    begin = next;
  }
}

template <class T>
void FewRowsProduct<T>::finish_sums() const {
  const MatmulProblem& p = problem_;
  if (copy_ || bias_ || p.alpha != 1 || p.epilogue != Epilogue::none) {
    finish<T>(p, p.alpha, sums_, bias_, out_);
  }
}

template <class T>
void FewRowsProduct<T>::run(std::span<FewRowsProduct> products) {
  std::vector<engine::Work> work;
  work.reserve(products.size());
  for (FewRowsProduct& product : products) {
    product.prepare();
    work.push_back(product.work());
  }
  engine::parallel_works(work, worth_a_thread, [&](size_t product, int64_t begin, int64_t end) {
    products[product].multiply(begin, end);
  });
  for (const FewRowsProduct& product : products) product.finish_sums();
}

template class FewRowsProduct<float>;
template class FewRowsProduct<bfloat16_t>;
template class FewRowsProduct<float16_t>;

}  // namespace mica::cpu
