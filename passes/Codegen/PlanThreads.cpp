// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/CostModel.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

namespace quern {

#define GEN_PASS_DEF_PLANTHREADS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct PlanThreads : impl::PlanThreadsBase<PlanThreads> {
  using PlanThreadsBase::PlanThreadsBase;
  PlanThreads(const TargetModel &target, int64_t count) : chosen(&target) {
    if (count > 0)
      threads = count;
  }
  LogicalResult initialize(MLIRContext *context) override {
    if (threads < 1)
      return emitError(UnknownLoc::get(context), "expected at least one thread, found ") << threads;
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override;

  const TargetModel *chosen = nullptr;
};

} // namespace

/// Work below this many seconds is not divided: handing out takes one or two microseconds, and
/// what the others have written must cross from their caches.
static constexpr double serialSeconds = 4e-6;
/// No chunk is smaller than this, but for the last one.
static constexpr double chunkSeconds = 1e-6;
/// Chunks of a thread's share, so that threads that are held up leave work to the others.
static constexpr int64_t chunksPerThread = 8;

static int64_t chooseGrain(int64_t units, double seconds, int64_t threads) {
  if (seconds < serialSeconds || units <= 1 || threads == 1)
    return units;
  int64_t share = llvm::divideCeil(units, chunksPerThread * threads);
  auto worthwhile = static_cast<int64_t>(std::ceil(units * chunkSeconds / seconds));
  return std::min(units, std::max<int64_t>(share, worthwhile));
}

void PlanThreads::runOnOperation() {
  Builder builder(&getContext());
  getOperation().walk([&](qir::DispatchOp dispatch) {
    Cost cost = estimateCost(dispatch, *chosen);
    int64_t units = chosen->getUnits(dispatch);
    dispatch->setAttr(unitsAttrName, builder.getI64IntegerAttr(units));
    dispatch->setAttr(grainAttrName,
                      builder.getI64IntegerAttr(chooseGrain(units, cost.seconds(), threads)));
    dispatch->setAttr(macsAttrName, builder.getI64IntegerAttr(cost.macs));
    dispatch->setAttr(bytesAttrName, builder.getI64IntegerAttr(cost.bytes));
  });
}

std::unique_ptr<Pass> createPlanThreadsPass(const TargetModel &target, int64_t threads) {
  return std::make_unique<PlanThreads>(target, threads);
}

} // namespace quern
