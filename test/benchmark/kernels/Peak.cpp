// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Peak.h"

#include "compiler/driver/MachineRates.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

namespace quern::test {

static void keepAssembly(const CompiledDispatch &compiled, const std::string &name) {
  if (const char *folder = std::getenv("QUERN_ASSEMBLY"))
    std::ofstream(std::string(folder) + "/" + name + ".s") << compiled.assembly();
}

double measureDispatch(benchmark::State &state, const TargetBackend &backend,
                       const std::string &text, const Settings &settings, double macs, bool isFloat,
                       const std::string &name) {
  Settings wanted = settings;
  wanted.assembly = std::getenv("QUERN_ASSEMBLY") != nullptr;
  auto compiled = CompiledDispatch::compile(backend, text, wanted);
  if (!compiled) {
    state.SkipWithError("cannot compile");
    return 0;
  }
  keepAssembly(*compiled, name);
  std::vector<GuardedBuffer> buffers = compiled->makeBuffers(compiled->randomInputs(settings));
  driver::MachineRates rates = driver::measureRates(backend.getName(), 1, 0);
  double peak = isFloat ? rates.floatMacs : rates.codeMacs, best = 1;
  for (auto _ : state) {
    // Several calls at a time, so that reading the clock does not count.
    int calls = std::clamp(static_cast<int>(2e-5 * peak / macs), 1, 1000);
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
      compiled->call(buffers, 0, compiled->units());
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / calls);
    state.SetIterationTime(time.count() / calls);
  }
  state.counters["GMAC"] = macs / best * 1e-9;
  state.counters["peak"] = peak * 1e-9;
  if (peak > 0)
    state.counters["percent"] = 100 * macs / best / peak;
  return best;
}

} // namespace quern::test
