// The instruction sets that kernels are compiled for: the baseline, AVX2 and AVX-512. Included
// before any Highway header. On x86 the baseline has no vector type in Highway: plain loops, which
// the compiler vectorizes for SSE2, stand in.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
