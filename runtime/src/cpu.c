// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which CPU features the machine has, asked of the machine itself.

#include "quern/cpu.h"
#include "arch/arch.h"
#include "src/program.h"

#if defined(__x86_64__)

enum { HOST_ARCH = QUERN_ARCH_X86_64 };

typedef struct cpuid_leaf {
  uint32_t EAX, EBX, ECX, EDX; // NOLINT(readability-identifier-naming): as in quern/cpu.h
} cpuid_leaf;

static cpuid_leaf cpuid(uint32_t leaf, uint32_t subleaf) {
  cpuid_leaf r;
  __asm__ volatile("cpuid"
                   : "=a"(r.EAX), "=b"(r.EBX), "=c"(r.ECX), "=d"(r.EDX)
                   : "a"(leaf), "c"(subleaf));
  return r;
}

// The register sets that the system saves when it switches threads.
static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

enum { LEAF_1, LEAF_7, LEAF_7_1, LEAF_EXTENDED, LEAVES };

static int leaf_index(uint32_t leaf) {
  return leaf == 1 ? LEAF_1 : leaf == 7 ? LEAF_7 : leaf == 0x701 ? LEAF_7_1 : LEAF_EXTENDED;
}

// Leaf 0x701 is subleaf 1 of leaf 7; leaves past the CPU's last one read as zeros. Each is asked
// for once: a virtual machine takes microseconds to answer.
static void read_leaves(cpuid_leaf leaves[LEAVES]) {
  uint32_t last = cpuid(0, 0).EAX;
  leaves[LEAF_1] = cpuid(1, 0);
  if (last >= 7) {
    cpuid_leaf seven = cpuid(7, 0);
    leaves[LEAF_7] = seven;
    if (seven.EAX >= 1)
      leaves[LEAF_7_1] = cpuid(7, 1);
  }
  if (cpuid(0x80000000, 0).EAX >= 0x80000001)
    leaves[LEAF_EXTENDED] = cpuid(0x80000001, 0);
}

#define BIT(name) ((uint64_t)1 << QUERN_X86_##name)
static const uint64_t avx_features =
    BIT(AVX) | BIT(AVX2) | BIT(FMA) | BIT(F16C) | BIT(AVXVNNI) | BIT(AVXVNNIINT8) | BIT(AVXIFMA);
static const uint64_t avx512_features =
    BIT(AVX512F) | BIT(AVX512CD) | BIT(AVX512BW) | BIT(AVX512DQ) | BIT(AVX512VL) | BIT(AVX512VNNI) |
    BIT(AVX512VBMI) | BIT(AVX512VBMI2) | BIT(AVX512BITALG) | BIT(AVX512VPOPCNTDQ) |
    BIT(AVX512IFMA) | BIT(AVX512BF16) | BIT(AVX512FP16);
static const uint64_t amx_features = BIT(AMXTILE) | BIT(AMXINT8) | BIT(AMXBF16);
#undef BIT

uint64_t quern_cpu_features(void) {
  cpuid_leaf leaves[LEAVES] = {{0, 0, 0, 0}};
  uint64_t found = 0;
  read_leaves(leaves);
#define ASK(name, bit, text, leaf, reg, at)                                                        \
  found |= (uint64_t)(leaves[leaf_index(leaf)].reg >> at & 1) << bit;
  QUERN_X86_FEATURES(ASK)
#undef ASK
  const uint32_t osxsave = 27;
  uint64_t saved = leaves[LEAF_1].ECX >> osxsave & 1 ? saved_registers() : 0;
  if ((saved & 0x6) != 0x6) // xmm, ymm
    found &= ~(avx_features | avx512_features);
  if ((saved & 0xe6) != 0xe6) // and mask registers, zmm
    found &= ~avx512_features;
  if ((saved & 0x60000) != 0x60000) // tile configuration and data
    found &= ~amx_features;
  return found;
}

#else

enum { HOST_ARCH = QUERN_ARCH_AARCH64 };

// AT_HWCAP (16) and AT_HWCAP2 (26) of the auxiliary vector; zeros when it cannot be read.
static void read_hwcaps(uint64_t words[3]) {
  enum { AT_FDCWD = -100, PAIRS = 64 };
  uint64_t vector[PAIRS][2];
  int64_t file = quern_syscall(QUERN_SYS_OPENAT, AT_FDCWD, (int64_t)"/proc/self/auxv", 0, 0, 0, 0);
  if (file < 0)
    return;
  int64_t bytes = quern_syscall(QUERN_SYS_READ, file, (int64_t)vector, sizeof(vector), 0, 0, 0);
  quern_syscall(QUERN_SYS_CLOSE, file, 0, 0, 0, 0, 0);
  for (int64_t i = 0; i < bytes / 16 && vector[i][0]; i++) {
    if (vector[i][0] == 16)
      words[1] = vector[i][1];
    if (vector[i][0] == 26)
      words[2] = vector[i][1];
  }
}

uint64_t quern_cpu_features(void) {
  uint64_t found = 0, words[3] = {0, 0, 0};
  read_hwcaps(words);
#define ASK(name, bit, text, word, at) found |= (words[word] >> at & 1) << bit;
  QUERN_AARCH64_FEATURES(ASK)
#undef ASK
  return found;
}

#endif

const char *quern_cpu_feature_name(uint32_t arch, uint32_t bit) {
#define NAME_X86(name, at, text, leaf, reg, position)                                              \
  if (arch == QUERN_ARCH_X86_64 && bit == at)                                                      \
    return text;
#define NAME_AARCH64(name, at, text, word, position)                                               \
  if (arch == QUERN_ARCH_AARCH64 && bit == at)                                                     \
    return text;
  QUERN_X86_FEATURES(NAME_X86)
  QUERN_AARCH64_FEATURES(NAME_AARCH64)
#undef NAME_X86
#undef NAME_AARCH64
  return 0;
}

quern_status quern_check_cpu(const quern_program *program) {
  if (!program || program->abi_version != QUERN_ABI_VERSION)
    return QUERN_BAD_ABI;
  if (program->arch != HOST_ARCH || (program->cpu_features & ~quern_cpu_features()))
    return QUERN_MISSING_CPU_FEATURE;
  return QUERN_OK;
}
