// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Depthwise convolutions of MobileNetV2 and two with larger windows. `pairs64` is the time
/// of 64 outputs in units of two VPDPBUSD zmm at their peak rate, measured in the same process: on
/// machines that start two per cycle, cycles.

#include "test/unit/target/ConvolutionText.h"
#include "test/unit/target/KernelHarness.h"

#include "compiler/target/Targets.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <fstream>

namespace quern::test {
namespace {

/// Seconds of one VPDPBUSD zmm where nothing else is done.
double measurePeak() {
  constexpr int rounds = 200000;
  double best = 1;
  for (int attempt = 0; attempt < 9; ++attempt) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i)
      asm volatile("vpdpbusd %%zmm31, %%zmm30, %%zmm0\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm1\n\t"
                   "vpdpbusd %%zmm31, %%zmm30, %%zmm2\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm3\n\t"
                   "vpdpbusd %%zmm31, %%zmm30, %%zmm4\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm5\n\t"
                   "vpdpbusd %%zmm31, %%zmm30, %%zmm6\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm7\n\t"
                   "vpdpbusd %%zmm31, %%zmm30, %%zmm8\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm9\n\t"
                   "vpdpbusd %%zmm31, %%zmm30, %%zmm10\n\tvpdpbusd %%zmm31, %%zmm30, %%zmm11" ::
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                         "xmm9", "xmm10", "xmm11");
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / (12.0 * rounds));
  }
  return best;
}

struct Layer {
  int64_t channels, size, kernel, stride;
};

/// Where QUERN_ASSEMBLY names a folder, each layer's code is written there.
void keepAssembly(const CompiledDispatch &compiled, const std::string &name) {
  if (const char *folder = std::getenv("QUERN_ASSEMBLY"))
    std::ofstream(std::string(folder) + "/" + name + ".s") << compiled.assembly();
}

void runLayer(benchmark::State &state, Layer layer, std::string form, std::string name) {
  Convolution conv{{1, layer.size, layer.size, layer.channels}, layer.channels};
  int64_t pad = layer.kernel / 2;
  conv.groups = layer.channels;
  conv.kernel = {layer.kernel, layer.kernel};
  conv.strides = {layer.stride, layer.stride};
  conv.pads = {pad, pad, pad, pad};
  Settings settings{.assembly = true, .form = form};
  auto compiled = CompiledDispatch::compile(getVnniBackend(), conv.requantized("ui8"), settings);
  if (!compiled)
    return state.SkipWithError("cannot compile");
  keepAssembly(*compiled, name);
  std::vector<GuardedBuffer> buffers = compiled->makeBuffers(compiled->randomInputs(settings));
  static const double peak = measurePeak();
  double best = 1;
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    compiled->call(buffers, 0, compiled->units());
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  double outputs = layer.channels * (layer.size / layer.stride) * (layer.size / layer.stride);
  state.counters["pairs64"] = best / outputs * 64 / (2 * peak);
  state.counters["peakGMAC"] = 64e-9 / peak;
}

void registerLayers() {
  for (Layer layer : {Layer{32, 112, 3, 1},
                      {96, 112, 3, 2},
                      {144, 56, 3, 1},
                      {192, 28, 3, 1},
                      {384, 14, 3, 1},
                      {576, 14, 3, 1},
                      {960, 7, 3, 1},
                      {144, 56, 3, 2},
                      {240, 28, 5, 1},
                      {192, 28, 7, 1}})
    for (std::string form : {"", "depthwise"}) {
      std::string name = std::to_string(layer.channels) + "_" + std::to_string(layer.size) + "_k" +
                         std::to_string(layer.kernel) + "_s" + std::to_string(layer.stride) +
                         (form.empty() ? "" : "_generic");
      benchmark::RegisterBenchmark(name.c_str(), runLayer, layer, form, name);
    }
}

const bool registered = (registerLayers(), true);

} // namespace
} // namespace quern::test
