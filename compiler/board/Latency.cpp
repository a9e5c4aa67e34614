// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Latency.h"

#include "passes/Codegen/CostModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace quern {

/// Handing chunks to other threads and waiting for them, as passes/Codegen/PlanThreads has it.
static constexpr double forkSeconds = 2e-6;

namespace {

/// What of a launch's bytes lies in memory.
struct MemoryModel {
  double bandwidth = 0; ///< 0: nothing does
  uint64_t cacheBytes = 0;
  bool weightsAreFar = false;
  double getSeconds(const artifact::Launch &launch) const;
};

} // namespace

double MemoryModel::getSeconds(const artifact::Launch &launch) const {
  if (bandwidth == 0)
    return 0;
  uint64_t weights = 0, activations = 0;
  for (const artifact::Argument &argument : launch.arguments)
    (argument.space == artifact::Argument::Segment ? weights : activations) += argument.bytes;
  // The plan knows that a gather reads only what it picks of its table.
  auto moved = static_cast<uint64_t>(launch.bytes);
  if (moved && moved < weights)
    weights = moved;
  uint64_t far = (weightsAreFar ? weights : 0) + (activations > cacheBytes ? activations : 0);
  return static_cast<double>(far) / bandwidth;
}

/// The busiest thread's share of a launch's time.
static double getShare(const artifact::Launch &launch, int threads) {
  int64_t chunks = llvm::divideCeil(launch.units, std::max<int64_t>(1, launch.grain));
  if (chunks <= 1 || threads <= 1)
    return 1;
  auto turns = static_cast<double>(llvm::divideCeil(chunks, threads));
  return turns / static_cast<double>(chunks);
}

static std::string describeBasis(const TargetModel &target, const Board *board, double clock) {
  std::string text =
      llvm::formatv("cost model of {0} at {1:F2} GHz", target.getName(), clock / 1e9);
  if (board)
    text += llvm::formatv(", memory at its peak of {0:F1} GB/s", board->bandwidth / 1e9);
  return text + "; not measured";
}

void estimateLatency(artifact::Program &program, mlir::ModuleOp module, const TargetModel &target,
                     const Board *board, int threads) {
  double clock = board ? board->clock : modelClock;
  threads = std::max(1, threads);
  MemoryModel memory;
  if (board) {
    threads = static_cast<int>(std::min<int64_t>(threads, board->cores));
    memory = {board->bandwidth, board->getLastCacheBytes(),
              program.segmentBytes + program.arenaBytes > board->getLastCacheBytes()};
  }
  artifact::LatencyEstimate &estimate = program.estimate;
  estimate = {0, threads, describeBasis(target, board, clock)};
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  for (auto [launch, dispatch] :
       llvm::zip_equal(program.launches, main.getOps<qir::DispatchOp>())) {
    double computing = estimateCost(dispatch, target).seconds() * modelClock / clock;
    double share = getShare(launch, threads);
    launch.seconds =
        std::max(computing * share + (share < 1 ? forkSeconds : 0), memory.getSeconds(launch));
    estimate.seconds += launch.seconds;
  }
}

} // namespace quern
