// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Every tile that the inner products' registers have room for: a product with K = 512 and
/// four by two such tiles, its weights and activations in the cache. `percent` is the share of the
/// peak; the cost model (estimateCycles) should prefer what is high here.

#include "Peak.h"
#include "test/unit/target/ProductText.h"

#include "compiler/target/Targets.h"
#include "compiler/target/X86/X86Dots.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

#include <benchmark/benchmark.h>

namespace quern::test {
namespace {

/// A row of the tile table: an inner product, and the target that has it.
struct Row {
  const char *name;
  const TargetBackend &backend;
  const DotKernel &dot;
};

void runTile(benchmark::State &state, Row row, int64_t rows, int64_t vectors,
             const std::string &name) {
  constexpr int64_t depth = 512;
  if (!runsHere(row.backend))
    return state.SkipWithError("this machine lacks the target's instructions");
  bool isFloat = row.dot.isFloat();
  int64_t m = 4 * rows, columns = vectors * row.dot.lanes(), n = 2 * columns;
  Product product{.lhs = {m, depth}, .rhs = {depth, n}, .element = isFloat ? "f32" : "ui8"};
  Settings settings{.tile = std::make_pair(rows, columns)};
  measureDispatch(state, row.backend, product.text(isFloat ? "f32" : "ui8"), settings,
                  static_cast<double>(m * n * depth), isFloat, name);
}

void registerTiles() {
  mlir::MLIRContext context;
  auto single = mlir::Float32Type::get(&context);
  for (Row row : {Row{"vnni", getVnniBackend(), getVnniDot()},
                  {"avx512_f32", getVnniBackend(), getFloatDot(16, single)},
                  {"avx2", getAvx2Backend(), getAvx2Dot()},
                  {"avx2_f32", getAvx2Backend(), getFloatDot(8, single)}})
    for (int64_t vectors = 1; vectors <= 4; ++vectors)
      for (int64_t rows = 1; rows <= row.dot.accumulators() / vectors; ++rows) {
        std::string name = std::string("tile_") + row.name + "_" + std::to_string(rows) + "x" +
                           std::to_string(vectors);
        benchmark::RegisterBenchmark(name.c_str(), runTile, row, rows, vectors, name)
            ->UseManualTime()
            ->MinTime(0.02);
      }
}

const bool registered = (registerTiles(), true);

} // namespace
} // namespace quern::test
