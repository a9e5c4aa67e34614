// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file CPU features by name, and the default floating-point mode inside launches.

#include "arch/arch.h"
#include "quern/cpu.h"
#include "src/program.h"
#include <gtest/gtest.h>
#include <set>
#include <string>

TEST(Cpu, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (uint32_t bit = 0; bit < 64; bit++)
    if (const char *name = quern_cpu_feature_name(QUERN_ARCH_X86_64, bit))
      EXPECT_TRUE(names.insert(name).second) << name;
  EXPECT_EQ(names.size(), 33u);
  EXPECT_STREQ(quern_cpu_feature_name(QUERN_ARCH_X86_64, QUERN_X86_AVX512VNNI), "avx512vnni");
  EXPECT_STREQ(quern_cpu_feature_name(QUERN_ARCH_AARCH64, QUERN_AARCH64_I8MM), "i8mm");
  EXPECT_EQ(quern_cpu_feature_name(QUERN_ARCH_AARCH64, 63), nullptr);
  EXPECT_EQ(quern_cpu_feature_name(0, 0), nullptr);
}

#if defined(__x86_64__)
TEST(Cpu, FeaturesAreWhatTheCompilerFinds) {
  uint64_t found = quern_cpu_features();
  auto has = [&](int bit) { return bool(found >> bit & 1); };
  __builtin_cpu_init();
  EXPECT_EQ(has(QUERN_X86_SSE42), bool(__builtin_cpu_supports("sse4.2")));
  EXPECT_EQ(has(QUERN_X86_AVX2), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(has(QUERN_X86_FMA), bool(__builtin_cpu_supports("fma")));
  EXPECT_EQ(has(QUERN_X86_F16C), bool(__builtin_cpu_supports("f16c")));
  EXPECT_EQ(has(QUERN_X86_LZCNT), bool(__builtin_cpu_supports("lzcnt")));
  EXPECT_EQ(has(QUERN_X86_AVX512F), bool(__builtin_cpu_supports("avx512f")));
  EXPECT_EQ(has(QUERN_X86_AVX512BW), bool(__builtin_cpu_supports("avx512bw")));
  EXPECT_EQ(has(QUERN_X86_AVX512VL), bool(__builtin_cpu_supports("avx512vl")));
  EXPECT_EQ(has(QUERN_X86_AVX512VNNI), bool(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ(has(QUERN_X86_AVX512VBMI), bool(__builtin_cpu_supports("avx512vbmi")));
  EXPECT_EQ(has(QUERN_X86_AVX512BF16), bool(__builtin_cpu_supports("avx512bf16")));
  EXPECT_EQ(has(QUERN_X86_AVXVNNI), bool(__builtin_cpu_supports("avxvnni")));
}
#endif

static uint32_t modeInside;
static void lookAtMode(const quern_exec *, int64_t, int64_t) { modeInside = quern_fp_mode(); }

TEST(Run, LaunchesSeeTheDefaultFloatingPointMode) {
  quern_launch launch = {lookAtMode, 1, 1, 0, 0};
  quern_entry entry = {};
  entry.launches = &launch;
  entry.launch_count = 1;
  quern_program program = {};
  program.abi_version = QUERN_ABI_VERSION;
  program.entries = &entry;
  program.entry_count = 1;
#if defined(__x86_64__)
  const uint32_t flushing = QUERN_FP_DEFAULT | 0x8040; // flush to zero, subnormals are zeros
#else
  const uint32_t flushing = 1u << 24;
#endif
  uint32_t before = quern_fp_mode();
  quern_set_fp_mode(flushing);
  quern_status status = quern_run(&program, 0, nullptr, nullptr, nullptr, 0, nullptr);
  uint32_t after = quern_fp_mode();
  quern_set_fp_mode(before);
  EXPECT_EQ(status, QUERN_OK);
  EXPECT_EQ(modeInside, QUERN_FP_DEFAULT);
  EXPECT_EQ(after, flushing);
}

TEST(Run, ExtentsAreBounded) {
  quern_entry entry = {};
  const int64_t bound = 128;
  quern_program program = {};
  program.abi_version = QUERN_ABI_VERSION;
  program.entries = &entry;
  program.entry_count = 1;
  program.extent_bounds = &bound;
  program.extent_count = 1;
  quern_call call = {};
  call.struct_bytes = sizeof(call);
  int64_t extent = 0;
  call.extents = &extent;
  for (int64_t good : {0, 1, 128}) {
    extent = good;
    EXPECT_EQ(quern_execute(&program, &call), QUERN_OK);
  }
  for (int64_t bad : {-1, 129}) {
    extent = bad;
    EXPECT_EQ(quern_execute(&program, &call), QUERN_BAD_EXTENT);
  }
}

TEST(Run, AnotherAbiIsRefused) {
  quern_program program = {};
  program.abi_version = QUERN_ABI_VERSION + 1;
  quern_call call = {};
  call.struct_bytes = sizeof(call);
  EXPECT_EQ(quern_execute(&program, &call), QUERN_BAD_ABI);
  EXPECT_EQ(quern_execute(nullptr, &call), QUERN_BAD_ABI);
  EXPECT_EQ(quern_check_cpu(&program), QUERN_BAD_ABI);
}
