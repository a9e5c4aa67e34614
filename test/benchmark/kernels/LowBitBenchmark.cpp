// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Weights of less than 8 bits beside those of 8: products and a convolution from the cache
/// (`percent` of the peak, `GMAC` to be compared between rows), and single rows by 64 matrices in
/// turn, which come from memory (`GB` a second of weights and scales, `readable` as measured in
/// this process just before, `percent` of it).

#include "Peak.h"
#include "test/unit/target/ConvolutionText.h"
#include "test/unit/target/ProductText.h"

#include "compiler/driver/MachineRates.h"
#include "compiler/target/Targets.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace quern::test {
namespace {

constexpr int64_t rows = 128, depth = 1024, columns = 1024;

void runProduct(benchmark::State &state, const std::string &weights, const std::string &name) {
  Product product{.lhs = {rows, depth}, .rhs = {depth, columns}, .weights = weights};
  measureDispatch(state, getVnniBackend(), product.text("ui8"), {}, rows * depth * columns, false,
                  name);
}

void runBlocked(benchmark::State &state, const BlockedProduct &product, const std::string &name) {
  double macs = static_cast<double>(product.lhs[0] * product.lhs[1] * product.columns);
  measureDispatch(state, getVnniBackend(), product.text(), {}, macs, false, name);
}

void runConvolution(benchmark::State &state, const std::string &weights, const std::string &name) {
  Convolution conv{{1, 28, 28, 128}, 128};
  conv.kernel = {3, 3};
  conv.pads = {1, 1, 1, 1};
  conv.weights = weights;
  measureDispatch(state, getVnniBackend(), conv.requantized("ui8"), {}, 28.0 * 28 * 128 * 128 * 9,
                  false, name);
}

GuardedBuffer copyOf(const GuardedBuffer &buffer) {
  GuardedBuffer copy(buffer.size());
  std::memcpy(copy.data(), buffer.data(), buffer.size());
  return copy;
}

/// One row by each of the matrices in turn, so that nothing stays in a cache.
void runStream(benchmark::State &state, const std::string &text, double bytes) {
  constexpr int matrices = 64;
  auto compiled = CompiledDispatch::compile(getVnniBackend(), text);
  if (!compiled)
    return state.SkipWithError("cannot compile");
  std::vector<std::vector<GuardedBuffer>> copies;
  copies.push_back(compiled->makeBuffers(compiled->randomInputs({})));
  while (copies.size() < matrices) {
    std::vector<GuardedBuffer> copy;
    for (const GuardedBuffer &buffer : copies.front())
      copy.push_back(copyOf(buffer));
    copies.push_back(std::move(copy));
  }
  double readable =
      driver::measureRates("", 1, static_cast<uint64_t>(matrices * bytes)).bytes * 1e-9;
  double best = 1;
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    for (const std::vector<GuardedBuffer> &copy : copies)
      compiled->call(copy, 0, compiled->units());
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / matrices);
    state.SetIterationTime(time.count() / matrices);
  }
  state.counters["GB"] = bytes / best * 1e-9;
  state.counters["readable"] = readable;
  state.counters["percent"] = 100 * bytes / best * 1e-9 / readable;
}

void registerRow(const std::string &name, const std::function<void(benchmark::State &)> &run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime();
}

void registerStreams() {
  constexpr int64_t size = 4096;
  constexpr double codes = size * size;
  for (int bits : {2, 3, 4}) {
    Product product{.lhs = {1, size}, .rhs = {size, size}, .weights = "si" + std::to_string(bits)};
    registerRow("row_s" + std::to_string(bits), [=](benchmark::State &state) {
      runStream(state, product.text("ui8"), codes * bits / 8);
    });
    for (int64_t block : {32, 128}) {
      BlockedProduct blocked{{1, size}, size, block, "ui" + std::to_string(bits)};
      blocked.leftScales = true;
      registerRow("row_u" + std::to_string(bits) + "_g" + std::to_string(block),
                  [=](benchmark::State &state) {
                    runStream(state, blocked.text(), codes * bits / 8 + codes / block * 4);
                  });
    }
  }
  Product product{.lhs = {1, size}, .rhs = {size, size}};
  registerRow("row_s8",
              [=](benchmark::State &state) { runStream(state, product.text("ui8"), codes); });
}

void registerRows() {
  for (std::string weights : {"si8", "si4", "si3", "si2"}) {
    std::string product = "product_" + weights, conv = "conv3x3_" + weights;
    registerRow(product, [=](benchmark::State &state) { runProduct(state, weights, product); });
    registerRow(conv, [=](benchmark::State &state) { runConvolution(state, weights, conv); });
  }
  for (std::string weights : {"ui8", "ui4", "ui3", "ui2"})
    for (int64_t block : {32, 64, 128})
      for (bool leftScales : {false, true}) {
        BlockedProduct product{{rows, depth}, columns, block, weights};
        product.leftScales = leftScales;
        std::string name =
            "product_" + weights + "_g" + std::to_string(block) + (leftScales ? "_lhs" : "");
        registerRow(name, [=](benchmark::State &state) { runBlocked(state, product, name); });
      }
  registerStreams();
}

const bool registered = (registerRows(), true);

} // namespace
} // namespace quern::test
