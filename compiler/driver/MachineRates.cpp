// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/MachineRates.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace quern::driver {

using Clock = std::chrono::steady_clock;

MachineRates MachineRates::best(const MachineRates &other) const {
  return {std::max(codeMacs, other.codeMacs), std::max(floatMacs, other.floatMacs),
          std::max(bytes, other.bytes)};
}

double MachineRates::bound(double macs, bool isFloat, double bytesMoved) const {
  double rate = isFloat ? floatMacs : codeMacs;
  if ((macs > 0 && rate == 0) || bytes == 0)
    return 0;
  return std::max(macs > 0 ? macs / rate : 0, bytesMoved / bytes);
}

/// The most work in a second over several tries, all threads at once. `loop` does a fixed amount.
static double measureLoop(unsigned threads, double work,
                          const std::function<void(unsigned)> &loop) {
  constexpr int tries = 7;
  double best = 0;
  for (int attempt = 0; attempt < tries; ++attempt) {
    std::atomic<unsigned> waiting{threads};
    std::vector<double> seconds(threads);
    auto run = [&](unsigned self) {
      for (--waiting; waiting.load() != 0;)
        ;
      auto start = Clock::now();
      loop(self);
      seconds[self] = std::chrono::duration<double>(Clock::now() - start).count();
    };
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i)
      others.emplace_back(run, i);
    run(0);
    for (std::thread &other : others)
      other.join();
    best = std::max(best, threads * work / std::ranges::max(seconds));
  }
  return best;
}

#if defined(__x86_64__)

// Twelve chains: enough for two units with a latency of five cycles.
#define QUERN_TWELVE(step)                                                                         \
  step("0") step("1") step("2") step("3") step("4") step("5") step("6") step("7") step("8")        \
      step("9") step("10") step("11")
#define QUERN_LOOP(function, step)                                                                 \
  static void function(long rounds) {                                                              \
    for (long i = 0; i < rounds; ++i)                                                              \
      asm volatile(QUERN_TWELVE(step)::                                                            \
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",   \
                         "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");            \
  }
#define QUERN_DOT512(n) "vpdpbusd %%zmm15, %%zmm14, %%zmm" n "\n\t"
#define QUERN_FMA512(n) "vfmadd231ps %%zmm15, %%zmm14, %%zmm" n "\n\t"
#define QUERN_FMA256(n) "vfmadd231ps %%ymm15, %%ymm14, %%ymm" n "\n\t"
#define QUERN_DOT256(n)                                                                            \
  "vpmaddwd %%ymm15, %%ymm14, %%ymm13\n\tvpaddd %%ymm13, %%ymm" n ", %%ymm" n "\n\t"
QUERN_LOOP(runDot512, QUERN_DOT512)
QUERN_LOOP(runFma512, QUERN_FMA512)
QUERN_LOOP(runFma256, QUERN_FMA256)
QUERN_LOOP(runDot256, QUERN_DOT256)

/// Registers that hold garbage could be subnormal numbers, which some machines multiply slowly.
static void clearRegisters() { asm volatile("vzeroall"); }

static double measureInstruction(void (*loop)(long), unsigned threads, double macs) {
  constexpr long rounds = 50000;
  return measureLoop(threads, macs * 12 * rounds, [&](unsigned) {
    clearRegisters();
    loop(rounds);
  });
}

static void measureMacs(std::string_view target, unsigned threads, MachineRates &rates) {
  __builtin_cpu_init();
  if (target == "x86-vnni" && __builtin_cpu_supports("avx512vnni")) {
    rates.codeMacs = measureInstruction(runDot512, threads, 64);
    rates.floatMacs = measureInstruction(runFma512, threads, 16);
  } else if (target == "x86-avx2" && __builtin_cpu_supports("avx2") &&
             __builtin_cpu_supports("fma")) {
    rates.codeMacs = measureInstruction(runDot256, threads, 16);
    rates.floatMacs = measureInstruction(runFma256, threads, 8);
  }
}

/// Loads every byte, 32 at a time; `bytes` is a multiple of 256.
static void loadAll(const char *data, size_t bytes) {
  for (const char *end = data + bytes; data != end; data += 256)
    asm volatile("vmovups (%0), %%ymm0\n\tvmovups 32(%0), %%ymm1\n\t"
                 "vmovups 64(%0), %%ymm2\n\tvmovups 96(%0), %%ymm3\n\t"
                 "vmovups 128(%0), %%ymm4\n\tvmovups 160(%0), %%ymm5\n\t"
                 "vmovups 192(%0), %%ymm6\n\tvmovups 224(%0), %%ymm7" ::"r"(data)
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
}
static bool hasWideLoads() { return __builtin_cpu_supports("avx") != 0; }

#else

static void measureMacs(std::string_view, unsigned, MachineRates &) {}
static void loadAll(const char *, size_t) {}
static bool hasWideLoads() { return false; }

#endif

static double measureBytes(unsigned threads, uint64_t workingSet) {
  constexpr uint64_t block = 256, least = uint64_t{1} << 16, atOnce = uint64_t{4} << 20;
  if (!hasWideLoads())
    return 0;
  uint64_t share = std::max(workingSet / threads, least) / block * block;
  std::vector<std::vector<char>> buffers(threads, std::vector<char>(share, 1));
  uint64_t repeats = std::max<uint64_t>(1, atOnce / share);
  return measureLoop(threads, static_cast<double>(share * repeats), [&](unsigned self) {
    for (uint64_t i = 0; i < repeats; ++i)
      loadAll(buffers[self].data(), share);
  });
}

MachineRates measureRates(std::string_view target, unsigned threads, uint64_t workingSet) {
  MachineRates rates;
  measureMacs(target, threads, rates);
  rates.bytes = measureBytes(threads, workingSet);
  return rates;
}

} // namespace quern::driver
