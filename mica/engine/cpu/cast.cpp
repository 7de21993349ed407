// Conversions between dtypes.
#include <cstring>

#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/cast.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One element from any type but float16 to any type but it and bfloat16. Floats out of the
// integer's range give the low bits of an int32 or int64, so that vectors and scalars agree.
template <class To, class From>
HWY_INLINE To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if constexpr (std::is_same_v<To, uint64_t>) {
      constexpr From two_to_63 = static_cast<From>(uint64_t{1} << 63);
      const bool high = x >= two_to_63;
      const auto low = static_cast<uint64_t>(static_cast<int64_t>(high ? x - two_to_63 : x));
      return low ^ (static_cast<uint64_t>(high) << 63);
    } else if constexpr (sizeof(To) == 8 || std::is_same_v<To, uint32_t>) {
      return static_cast<To>(static_cast<int64_t>(x));
    } else {
      return static_cast<To>(static_cast<int32_t>(x));
    }
  } else {
    return static_cast<To>(x);
  }
}

template <class From, class To>
HWY_NOINLINE void cast(void* dst, const void* a, const void*, const void*, size_t n) {
  const auto* x = static_cast<const From*>(a);
  auto* y = static_cast<To*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = convert<To>(x[i]);
}

template <size_t itemsize>
void copy(void* dst, const void* a, const void*, const void*, size_t n) {
  if (n != 0) std::memmove(dst, a, n * itemsize);
}

template <>
HWY_NOINLINE void cast<complex64_t, bool>(void* dst, const void* a, const void*, const void*,
                                          size_t n) {
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<bool*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = (x[2 * i] != 0) | (x[2 * i + 1] != 0);
}

template <>
HWY_NOINLINE void cast<float16_t, bool>(void* dst, const void* a, const void*, const void*,
                                        size_t n) {
  const auto* x = static_cast<const float16_t*>(a);
  auto* y = static_cast<bool*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = (x[i].bits & 0x7fff) != 0;
}

template <>
HWY_NOINLINE void cast<complex64_t, float>(void* dst, const void* a, const void*, const void*,
                                           size_t n) {
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<float*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = x[2 * i];
}

template <>
HWY_NOINLINE void cast<float, complex64_t>(void* dst, const void* a, const void*, const void*,
                                           size_t n) {
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<float*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) {
    y[2 * i] = x[i];
    y[2 * i + 1] = 0;
  }
}

template <>
HWY_NOINLINE void cast<bfloat16_t, float>(void* dst, const void* a, const void*, const void*,
                                          size_t n) {
  const auto* x = static_cast<const bfloat16_t*>(a);
  auto* y = static_cast<float*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = x[i];
}

template <>
HWY_NOINLINE void cast<float, bfloat16_t>(void* dst, const void* a, const void*, const void*,
                                          size_t n) {
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<bfloat16_t*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = bfloat16_t(x[i]);
}

// float16 in vectors; the scalar conversions of the rest give the same bits but for the payload of
// NaN.
template <>
HWY_NOINLINE void cast<float16_t, float>(void* dst, const void* a, const void*, const void*,
                                         size_t n) {
  const auto* x = static_cast<const float16_t*>(a);
  auto* y = static_cast<float*>(dst);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  for (size_t i = 0; i < n; ++i) y[i] = x[i];
#else
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const size_t lanes = hn::Lanes(d);
  const auto* halves = reinterpret_cast<const hwy::float16_t*>(x);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, halves + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] = x[i];
#endif
}

template <>
HWY_NOINLINE void cast<float, float16_t>(void* dst, const void* a, const void*, const void*,
                                         size_t n) {
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<float16_t*>(dst);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  for (size_t i = 0; i < n; ++i) y[i] = x[i];
#else
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const size_t lanes = hn::Lanes(d);
  auto* halves = reinterpret_cast<hwy::float16_t*>(y);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::DemoteTo(dh, hn::LoadU(d, x + i)), dh, halves + i);
  }
  for (; i < n; ++i) y[i] = x[i];
#endif
}

// By way of float32, a block at a time.
template <class From, class To>
void cast_through_float(void* dst, const void* a, const void*, const void*, size_t n) {
  constexpr size_t block = 512;
  float values[block];
  const auto* x = static_cast<const From*>(a);
  auto* y = static_cast<To*>(dst);
  for (size_t i = 0; i < n; i += block) {
    const size_t count = n - i < block ? n - i : block;
    cast<From, float>(values, x + i, nullptr, nullptr, count);
    cast<float, To>(y + i, values, nullptr, nullptr, count);
  }
}

// Narrowing integers and equal sizes keep the low bits whatever the signs: those kernels are
// shared.
template <class From, class To>
constexpr ElementwiseKernel kernel() {
  constexpr bool integral = std::is_integral_v<From> && std::is_integral_v<To>;
  constexpr auto is_half = [](Dtype d) { return d == float16 || d == bfloat16; };
  constexpr Dtype from = dtype_of<From>(), to = dtype_of<To>();
  if constexpr (std::is_same_v<From, To> ||
                (integral && sizeof(From) == sizeof(To) && to != bool_)) {
    return copy<sizeof(From)>;
  } else if constexpr (std::is_same_v<From, bool>) {
    return kernel<uint8_t, To>();
  } else if constexpr (std::is_same_v<To, bool> && std::is_same_v<From, bfloat16_t>) {
    return cast<float16_t, bool>;  // both are zero where all bits but the sign are
  } else if constexpr (std::is_same_v<To, bool> && integral) {
    return cast<std::make_unsigned_t<From>, bool>;
  } else if constexpr (std::is_same_v<From, float> || std::is_same_v<To, float> || to == bool_) {
    return cast<From, To>;
  } else if constexpr (is_half(from) || is_half(to) || from == complex64 || to == complex64) {
    return cast_through_float<From, To>;
  } else if constexpr (integral && sizeof(To) < sizeof(From)) {
    return cast<std::make_unsigned_t<From>, std::make_unsigned_t<To>>;
  } else if constexpr (integral) {
    return cast<From, std::make_unsigned_t<To>>;
  } else {
    return cast<From, To>;
  }
}

template <class... Ts>
struct Types {};

template <class From, class... Tos>
void add_casts_from(KernelTables& tables) {
  ((tables.cast(dtype_of<From>(), dtype_of<Tos>()) = kernel<From, Tos>()), ...);
}

template <class... Ts>
void add_casts(KernelTables& tables, Types<Ts...>) {
  (add_casts_from<Ts, Ts...>(tables), ...);
}

void add_cast_kernels_for_target(KernelTables& tables) {
  add_casts(tables, Types<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t,
                          int64_t, float16_t, bfloat16_t, float, double, complex64_t>());
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_cast_kernels_for_target);

void add_cast_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_cast_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
