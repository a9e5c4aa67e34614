// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU features that a compiled model may require, one bit each, per architecture. The compiler
// reads the lists to turn LLVM's feature names into the bits of `quern_program`; the runtime reads
// them to find out what the machine has and to name what it lacks.

#ifndef QUERN_CPU_H
#define QUERN_CPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// quern_program.arch
typedef enum quern_arch {
  QUERN_ARCH_X86_64 = 1,
  QUERN_ARCH_AARCH64 = 2,
} quern_arch;

// X(NAME, bit, LLVM's feature name, leaf, register, bit of CPUID). The leaf is 1, 7, or 0x701 for
// subleaf 1 of leaf 7; a feature counts only if the system saves the registers it uses. What
// x86-64 itself has (SSE2) is not listed. Bits never change their meaning.
#define QUERN_X86_FEATURES(X)                                                                      \
  X(SSE3, 0, "sse3", 1, ECX, 0)                                                                    \
  X(SSSE3, 1, "ssse3", 1, ECX, 9)                                                                  \
  X(SSE41, 2, "sse4.1", 1, ECX, 19)                                                                \
  X(SSE42, 3, "sse4.2", 1, ECX, 20)                                                                \
  X(POPCNT, 4, "popcnt", 1, ECX, 23)                                                               \
  X(AVX, 5, "avx", 1, ECX, 28)                                                                     \
  X(AVX2, 6, "avx2", 7, EBX, 5)                                                                    \
  X(FMA, 7, "fma", 1, ECX, 12)                                                                     \
  X(F16C, 8, "f16c", 1, ECX, 29)                                                                   \
  X(BMI, 9, "bmi", 7, EBX, 3)                                                                      \
  X(BMI2, 10, "bmi2", 7, EBX, 8)                                                                   \
  X(LZCNT, 11, "lzcnt", 0x80000001, ECX, 5)                                                        \
  X(MOVBE, 12, "movbe", 1, ECX, 22)                                                                \
  X(AVXVNNI, 13, "avxvnni", 0x701, EAX, 4)                                                         \
  X(AVXVNNIINT8, 14, "avxvnniint8", 0x701, EDX, 4)                                                 \
  X(AVXIFMA, 15, "avxifma", 0x701, EAX, 23)                                                        \
  X(AVX512F, 16, "avx512f", 7, EBX, 16)                                                            \
  X(AVX512CD, 17, "avx512cd", 7, EBX, 28)                                                          \
  X(AVX512BW, 18, "avx512bw", 7, EBX, 30)                                                          \
  X(AVX512DQ, 19, "avx512dq", 7, EBX, 17)                                                          \
  X(AVX512VL, 20, "avx512vl", 7, EBX, 31)                                                          \
  X(AVX512VNNI, 21, "avx512vnni", 7, ECX, 11)                                                      \
  X(AVX512VBMI, 22, "avx512vbmi", 7, ECX, 1)                                                       \
  X(AVX512VBMI2, 23, "avx512vbmi2", 7, ECX, 6)                                                     \
  X(AVX512BITALG, 24, "avx512bitalg", 7, ECX, 12)                                                  \
  X(AVX512VPOPCNTDQ, 25, "avx512vpopcntdq", 7, ECX, 14)                                            \
  X(AVX512IFMA, 26, "avx512ifma", 7, EBX, 21)                                                      \
  X(AVX512BF16, 27, "avx512bf16", 0x701, EAX, 5)                                                   \
  X(AVX512FP16, 28, "avx512fp16", 7, EDX, 23)                                                      \
  X(GFNI, 29, "gfni", 7, ECX, 8)                                                                   \
  X(AMXTILE, 30, "amx-tile", 7, EDX, 24)                                                           \
  X(AMXINT8, 31, "amx-int8", 7, EDX, 25)                                                           \
  X(AMXBF16, 32, "amx-bf16", 7, EDX, 22)

// X(NAME, bit, LLVM's feature name, word, bit): word 1 is AT_HWCAP, 2 is AT_HWCAP2. NEON and
// floating point are part of the base.
#define QUERN_AARCH64_FEATURES(X)                                                                  \
  X(FP16, 0, "fullfp16", 1, 10)                                                                    \
  X(RDM, 1, "rdm", 1, 12)                                                                          \
  X(LSE, 2, "lse", 1, 8)                                                                           \
  X(DOTPROD, 3, "dotprod", 1, 20)                                                                  \
  X(FHM, 4, "fp16fml", 1, 23)                                                                      \
  X(I8MM, 5, "i8mm", 2, 13)                                                                        \
  X(BF16, 6, "bf16", 2, 14)                                                                        \
  X(SVE, 7, "sve", 1, 22)                                                                          \
  X(SVE2, 8, "sve2", 2, 1)

enum quern_x86_feature {
#define QUERN_FEATURE_BIT(name, bit, text, leaf, reg, at) QUERN_X86_##name = bit,
  QUERN_X86_FEATURES(QUERN_FEATURE_BIT)
#undef QUERN_FEATURE_BIT
};

enum quern_aarch64_feature {
#define QUERN_FEATURE_BIT(name, bit, text, word, at) QUERN_AARCH64_##name = bit,
  QUERN_AARCH64_FEATURES(QUERN_FEATURE_BIT)
#undef QUERN_FEATURE_BIT
};

// The bits that this machine has, of the architecture that the runtime was compiled for.
uint64_t quern_cpu_features(void);

// LLVM's name of a feature bit of `arch`, or null.
const char *quern_cpu_feature_name(uint32_t arch, uint32_t bit);

#ifdef __cplusplus
}
#endif

#endif // QUERN_CPU_H
