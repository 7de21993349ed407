#include <bit>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "mica/engine/cpu/dnnl/matmul_few_rows.h"
#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/dnnl/primitive.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

using onednn::Primitive;

// One product of a batch, with operands that oneDNN can read in place.
struct Gemm {
  MatmulProblem problem;  // m, n, k, dtype, epilogue, alpha and beta count
  Layout a, b;
  bool bias;
};

dnnl::memory::desc describe(int64_t rows, int64_t cols, Layout layout, Dtype::Val dtype) {
  const dnnl::memory::dims strides = layout.transposed ? dnnl::memory::dims{1, layout.leading}
                                                       : dnnl::memory::dims{layout.leading, 1};
  return {{rows, cols}, onednn::data_type(dtype), strides};
}

// The product with its right operand as `b` describes it.
dnnl::matmul::primitive_desc describe_product(const Gemm& gemm, const dnnl::memory::desc& b) {
  const MatmulProblem& p = gemm.problem;
  const auto a = describe(p.m, p.k, gemm.a, p.dtype);
  const auto out = describe(p.m, p.n, {false, p.n}, p.dtype);
  const auto bias = gemm.bias ? describe(1, p.n, {false, p.n}, p.dtype) : dnnl::memory::desc();
  const auto attr = onednn::attributes(p.epilogue, p.alpha, p.beta);
#if DNNL_VERSION_MAJOR >= 3
  return {onednn::engine(), a, b, bias, out, attr};
#else
  return {dnnl::matmul::desc(a, b, bias, out), attr, onednn::engine()};
#endif
}

std::unique_ptr<Primitive> make_primitive(const Gemm& gemm,
                                          const dnnl::matmul::primitive_desc& pd) {
  std::vector<Primitive::Argument> arguments{{DNNL_ARG_SRC, pd.src_desc()},
                                             {DNNL_ARG_WEIGHTS, pd.weights_desc()},
                                             {DNNL_ARG_DST, pd.dst_desc()}};
  if (gemm.bias) arguments.push_back({DNNL_ARG_BIAS, pd.bias_desc()});
  return std::make_unique<Primitive>(dnnl::matmul(pd), arguments, pd.scratchpad_desc());
}

// Null where oneDNN has no optimized implementation.
std::unique_ptr<Primitive> make_primitive(const Gemm& gemm) {
  const MatmulProblem& p = gemm.problem;
  try {
    const auto pd = describe_product(gemm, describe(p.k, p.n, gemm.b, p.dtype));
    if (onednn::is_reference(pd.impl_info_str())) return nullptr;
    return make_primitive(gemm, pd);
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return nullptr;
    throw;
  }
}

onednn::Key key_of(const Gemm& gemm) {
  const MatmulProblem& p = gemm.problem;
  return {p.m,
          p.n,
          p.k,
          gemm.a.leading,
          gemm.b.leading,
          static_cast<int64_t>(p.dtype) << 16 | static_cast<int64_t>(p.epilogue) << 8 |
              gemm.a.transposed << 2 | gemm.b.transposed << 1 | gemm.bias,
          std::bit_cast<int64_t>(p.alpha),
          std::bit_cast<int64_t>(p.beta),
          onednn::thread_count()};
}

Primitive* find_primitive(const Gemm& gemm) {
  thread_local onednn::Cache<std::unique_ptr<Primitive>> cache;
  return cache.get(key_of(gemm), [&] { return make_primitive(gemm); }).get();
}

// A product whose right operand is first copied into the layout that oneDNN likes best.
struct PackedGemm {
  size_t bytes;
  std::unique_ptr<Primitive> pack, product;
};

// Bytes of 0 where oneDNN has no optimized implementation.
PackedGemm make_packed(const Gemm& gemm) {
  const MatmulProblem& p = gemm.problem;
  const auto b = describe(p.k, p.n, gemm.b, p.dtype);
  try {
    const dnnl::memory::desc any({p.k, p.n}, onednn::data_type(p.dtype),
                                 dnnl::memory::format_tag::any);
    const auto pd = describe_product(gemm, any);
    if (onednn::is_reference(pd.impl_info_str())) return {};
    const auto packed = pd.weights_desc();
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc reorder(onednn::engine(), b, onednn::engine(), packed,
                                                attr);
    auto pack = std::make_unique<Primitive>(
        dnnl::reorder(reorder),
        std::vector<Primitive::Argument>{{DNNL_ARG_FROM, b}, {DNNL_ARG_TO, packed}},
        reorder.scratchpad_desc());
    return {packed.get_size(), std::move(pack), make_primitive(gemm, pd)};
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return {};
    throw;
  }
}

// bfloat16 products multiply pairs of rows of the right operand, which oneDNN gathers again and
// again from where it lies: at 2048 cubed packing takes 0.8 ms and saves 2.5.
bool prefer_packed(const Gemm& gemm) {
  const MatmulProblem& p = gemm.problem;
  return p.dtype == Dtype::Val::bfloat16 && !gemm.b.transposed && batch_count(p) == 1 &&
         std::min({p.m, p.n, p.k}) >= 1024;
}

// False where oneDNN has no optimized implementation.
bool run_packed(const Gemm& gemm, const void* a, const void* b, const void* bias, void* out) {
  thread_local onednn::Cache<PackedGemm> cache;
  const PackedGemm& packed = cache.get(key_of(gemm), [&] { return make_packed(gemm); });
  if (packed.bytes == 0) return false;
  const Scratch weights(packed.bytes);
  packed.pack->run({b, weights.data()});
  if (bias) {
    packed.product->run({a, weights.data(), out, bias});
  } else {
    packed.product->run({a, weights.data(), out});
  }
  return true;
}

// dnnl_sgemm beats the matmul primitive for large cubes (38 against 42 ms at 2048), and has no
// epilogue.
bool prefer_sgemm(const Gemm& gemm) {
  const MatmulProblem& p = gemm.problem;
  if (p.dtype != Dtype::Val::float32 || gemm.bias) return false;
  if (p.epilogue != Epilogue::none && p.epilogue != Epilogue::accumulate) return false;
  return std::min({p.m, p.n, p.k}) >= 1024;
}

void run_sgemm(const Gemm& gemm, const void* a, const void* b, void* out) {
  const MatmulProblem& p = gemm.problem;
  const float beta = p.epilogue == Epilogue::accumulate ? static_cast<float>(p.beta) : 0.0f;
  onednn::engine();  // sgemm itself takes none
  const dnnl_status_t status =
      dnnl_sgemm(gemm.a.transposed ? 'T' : 'N', gemm.b.transposed ? 'T' : 'N', p.m, p.n, p.k,
                 static_cast<float>(p.alpha), static_cast<const float*>(a), gemm.a.leading,
                 static_cast<const float*>(b), gemm.b.leading, beta, static_cast<float*>(out), p.n);
  if (status != dnnl_success) throw std::runtime_error("oneDNN: sgemm failed");
}

// Drops batch axes of extent 1, merges those that both operands step through evenly, and turns
// into rows what repeats b.
MatmulProblem fold_batch(MatmulProblem p) {
  std::array<int64_t, 3> batch{}, a{}, b{};
  int count = 0;
  for (int axis = 0; axis < 3; ++axis) {
    if (p.batch[axis] == 1) continue;
    const int64_t extent = p.batch[axis];
    if (count > 0 && a[count - 1] == p.a_batch[axis] * extent &&
        b[count - 1] == p.b_batch[axis] * extent) {
      --count;
      batch[count] *= extent;
    } else {
      batch[count] = extent;
    }
    a[count] = p.a_batch[axis];
    b[count] = p.b_batch[axis];
    ++count;
  }
  while (count > 0 && b[count - 1] == 0 && (p.m == 1 || a[count - 1] == p.m * p.a_row)) {
    --count;
    if (p.m == 1) p.a_row = a[count];
    p.m *= batch[count];
  }
  p.batch = {1, 1, 1};
  p.a_batch = p.b_batch = {0, 0, 0};
  for (int axis = 0; axis < count; ++axis) {
    p.batch[3 - count + axis] = batch[axis];
    p.a_batch[3 - count + axis] = a[axis];
    p.b_batch[3 - count + axis] = b[axis];
  }
  return p;
}

// Runs `body` for every matrix of the batch: each on one thread where that divides the work well,
// one after another on all threads otherwise.
template <class Body>
void for_each_matrix(const MatmulProblem& p, Body&& body) {
  const int64_t count = batch_count(p);
  const int64_t threads = onednn::thread_count();
  const int64_t work = p.m * p.n * p.k;
  const bool divides = count % threads == 0 || count >= 4 * threads || work < 32 * 32 * 32;
  const int64_t each = divides ? rows_each(work) : count;
  engine::parallel_for(count, each, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
  });
}

// False where oneDNN has no optimized implementation; `out` is then untouched.
template <class T>
bool matmul_onednn(const MatmulProblem& p, Operand a, Operand b, const void* bias, T* out) {
  Gemm gemm{p, {}, {}, bias != nullptr};
  const bool copy_a = !find_layout(p.m, p.k, a.row, a.col, gemm.a);
  const bool copy_b = !find_layout(p.k, p.n, b.row, b.col, gemm.b);
  const Scratch a_copy(copy_a ? materialised_size(p, a, p.m, p.k) * sizeof(T) : 0);
  const Scratch b_copy(copy_b ? materialised_size(p, b, p.k, p.n) * sizeof(T) : 0);
  if (copy_a) {
    a = materialise<T>(p, a, p.m, p.k, by_columns(a), a_copy.as<T>());
    find_layout(p.m, p.k, a.row, a.col, gemm.a);
  }
  if (copy_b) {
    b = materialise<T>(p, b, p.k, p.n, by_columns(b), b_copy.as<T>());
    find_layout(p.k, p.n, b.row, b.col, gemm.b);
  }
  if (prefer_packed(gemm) && run_packed(gemm, a.data, b.data, bias, out)) return true;
  Primitive* const here = prefer_sgemm(gemm) ? nullptr : find_primitive(gemm);
  if (here == nullptr) {
    if (!std::is_same_v<T, float>) return false;
    if (gemm.bias || p.epilogue != Epilogue::none) return false;
  }
  const bool was_parallel = engine::in_parallel();
  for_each_matrix(p, [&](int64_t i) {
    const T* ai = static_cast<const T*>(a.data) + batch_offset(p, a.batch, i);
    const T* bi = static_cast<const T*>(b.data) + batch_offset(p, b.batch, i);
    T* target = out + i * p.m * p.n;
    if (here == nullptr) return run_sgemm(gemm, ai, bi, target);
    // Within a chunk of the batch a primitive of this thread, made for one thread, is wanted.
    Primitive* primitive = engine::in_parallel() == was_parallel ? here : find_primitive(gemm);
    if (primitive == nullptr) throw std::runtime_error("oneDNN: no matmul for one thread");
    if (bias) {
      primitive->run({ai, bi, target, bias});
    } else {
      primitive->run({ai, bi, target});
    }
  });
  return true;
}

// Multiplies in float32, and does the rest in one more pass over the result.
template <class T>
void matmul_widened(const MatmulProblem& p, Operand a, Operand b, const T* bias, T* out) {
  constexpr bool widen = !std::is_same_v<T, float>;
  const Scratch a_wide(widen ? materialised_size(p, a, p.m, p.k) * sizeof(float) : 0);
  const Scratch b_wide(widen ? materialised_size(p, b, p.k, p.n) * sizeof(float) : 0);
  if constexpr (widen) {
    a = materialise<T>(p, a, p.m, p.k, by_columns(a), a_wide.as<float>());
    b = materialise<T>(p, b, p.k, p.n, by_columns(b), b_wide.as<float>());
  }
  MatmulProblem product = p;
  product.dtype = Dtype::Val::float32;
  product.epilogue = Epilogue::none;
  product.alpha = 1;
  const Scratch sums(batch_count(p) * p.m * p.n * sizeof(float));
  matmul_onednn<float>(product, a, b, nullptr, sums.as<float>());
  finish<T>(p, p.alpha, sums.as<float>(), bias, out);
}

template <class T>
void matmul_float(const MatmulProblem& p, const Operand& a, const Operand& b, const void* bias,
                  void* out) {
  T* const target = static_cast<T*>(out);
  const T* const row = static_cast<const T*>(bias);
  if (auto product = FewRowsProduct<T>::make(p, a, b, row, target)) {
    return FewRowsProduct<T>::run({&*product, 1});
  }
  // oneDNN scales the sum of product and bias, and scales before it accumulates.
  const bool fused = p.alpha == 1 || (!bias && p.epilogue != Epilogue::accumulate);
  if (fused && !std::is_same_v<T, float16_t> && matmul_onednn<T>(p, a, b, bias, target)) return;
  matmul_widened<T>(p, a, b, row, target);
}

template <class T>
void fill_empty_sum(const MatmulProblem& p, const void* bias, void* out) {
  using Sum = std::conditional_t<sizeof(T) == 2 && !std::is_integral_v<T>, float, T>;
  finish<T, Sum>(p, 1, nullptr, static_cast<const T*>(bias), static_cast<T*>(out));
}

void check(const MatmulProblem& p) {
  const bool complex = p.dtype == Dtype::Val::complex64;
  const bool floating = p.dtype == Dtype::Val::float16 || p.dtype == Dtype::Val::bfloat16 ||
                        p.dtype == Dtype::Val::float32 || p.dtype == Dtype::Val::float64;
  const bool gelu = p.epilogue == Epilogue::gelu_erf || p.epilogue == Epilogue::gelu_tanh;
  if (p.dtype == Dtype::Val::bool_) {
    throw std::invalid_argument("matmul: expected a numeric dtype, got bool; convert it first");
  }
  if ((complex && p.epilogue == Epilogue::relu) || (gelu && !floating)) {
    throw std::invalid_argument("matmul: this epilogue needs a floating dtype");
  }
  if (std::min({p.m, p.n, p.k, p.batch[0], p.batch[1], p.batch[2]}) < 0) {
    throw std::invalid_argument("matmul: expected extents of at least 0, got a negative one");
  }
}

// A call as the routines take it.
struct Product {
  explicit Product(const MatmulCall& call)
      : problem(fold_batch(call.problem)),
        a{call.a, problem.a_row, problem.a_col, problem.a_batch},
        b{call.b, problem.b_row, problem.b_col, problem.b_batch},
        bias(call.bias),
        out(call.out) {}

  template <class T>
  std::optional<FewRowsProduct<T>> few_rows() const {
    if (problem.k == 0) return {};
    return FewRowsProduct<T>::make(problem, a, b, static_cast<const T*>(bias),
                                   static_cast<T*>(out));
  }

  void run() const;

  MatmulProblem problem;
  Operand a, b;
  const void* bias;
  void* out;
};

void Product::run() const {
  const auto call = [&]<class T>(T, auto&& product) {
    if (problem.k == 0) return fill_empty_sum<T>(problem, bias, out);
    product(problem, a, b, bias, out);
  };
  switch (problem.dtype) {
    case Dtype::Val::float32:
      return call(float{}, matmul_float<float>);
    case Dtype::Val::bfloat16:
      return call(bfloat16_t{}, matmul_float<bfloat16_t>);
    case Dtype::Val::float16:
      return call(float16_t{}, matmul_float<float16_t>);
    case Dtype::Val::float64:
      return call(double{}, matmul_blas);
    case Dtype::Val::complex64:
      return call(complex64_t{}, matmul_blas);
    default:
      return visit_integer(problem.dtype, [&](auto value) { call(value, matmul_integer); });
  }
}

// Runs the products in T that have few rows, and removes them.
template <class T>
void run_few_rows(std::vector<Product>& products) {
  std::vector<FewRowsProduct<T>> joined;
  std::erase_if(products, [&](const Product& product) {
    if (product.problem.dtype != dtype_of<T>().val()) return false;
    std::optional<FewRowsProduct<T>> few = product.few_rows<T>();
    if (few) joined.push_back(std::move(*few));
    return few.has_value();
  });
  FewRowsProduct<T>::run(joined);
}

bool has_result(const MatmulProblem& p) { return p.m != 0 && p.n != 0 && batch_count(p) != 0; }

}  // namespace

void matmul(const MatmulProblem& problem, const void* a, const void* b, const void* bias,
            void* out) {
  check(problem);
  const engine::ThreadCountScope threads;
  if (has_result(problem)) Product({problem, a, b, bias, out}).run();
}

void matmul(std::span<const MatmulCall> calls) {
  std::vector<Product> products;
  products.reserve(calls.size());
  for (const MatmulCall& call : calls) {
    check(call.problem);
    if (has_result(call.problem)) products.emplace_back(call);
  }
  const engine::ThreadCountScope threads;
  run_few_rows<float>(products);
  run_few_rows<bfloat16_t>(products);
  run_few_rows<float16_t>(products);
  for (const Product& product : products) product.run();
}

}  // namespace mica::cpu
