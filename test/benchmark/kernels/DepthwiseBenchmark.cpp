// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Depthwise convolutions of MobileNetV2 and two with larger windows. `pairs64` is the time
/// of 64 outputs in units of two VPDPBUSD zmm at their peak rate: on machines that start two per
/// cycle, cycles.

#include "Peak.h"
#include "test/unit/target/ConvolutionText.h"

#include "compiler/target/Targets.h"

#include <benchmark/benchmark.h>

namespace quern::test {
namespace {

struct Layer {
  int64_t channels, size, kernel, stride;
};

void runLayer(benchmark::State &state, Layer layer, const std::string &form,
              const std::string &name) {
  Convolution conv{{1, layer.size, layer.size, layer.channels}, layer.channels};
  int64_t pad = layer.kernel / 2;
  conv.groups = layer.channels;
  conv.kernel = {layer.kernel, layer.kernel};
  conv.strides = {layer.stride, layer.stride};
  conv.pads = {pad, pad, pad, pad};
  int64_t positions = layer.size / layer.stride;
  auto outputs = static_cast<double>(layer.channels * positions * positions);
  double best =
      measureDispatch(state, getVnniBackend(), conv.requantized("ui8"), Settings{.form = form},
                      outputs * static_cast<double>(layer.kernel * layer.kernel), false, name);
  state.counters["pairs64"] = best / outputs * 64 * (state.counters["peak"] * 1e9 / 128);
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
      std::string name = "depthwise_" + std::to_string(layer.channels) + "_" +
                         std::to_string(layer.size) + "_k" + std::to_string(layer.kernel) + "_s" +
                         std::to_string(layer.stride) + (form.empty() ? "" : "_generic");
      benchmark::RegisterBenchmark(name.c_str(), runLayer, layer, form, name)->UseManualTime();
    }
}

const bool registered = (registerLayers(), true);

} // namespace
} // namespace quern::test
