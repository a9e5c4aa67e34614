// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace quern {

#define GEN_PASS_DEF_COMBINEEXTREMES
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct CombineExtremes : impl::CombineExtremesBase<CombineExtremes> {
  using CombineExtremesBase::CombineExtremesBase;
  explicit CombineExtremes(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    SmallVector<qir::DispatchOp> dispatches(getOperation().front().getOps<qir::DispatchOp>());
    for (qir::DispatchOp dispatch : dispatches)
      if (failed(divide(dispatch)))
        return signalPassFailure();
  }

private:
  LogicalResult divide(qir::DispatchOp dispatch);

  const TargetModel *chosen = nullptr;
};

} // namespace

/// Makes a dispatch that reduces the value's parts; the value's readers read its result.
static void combine(OpBuilder &builder, OpResult parts, qir::ReduceOp extreme) {
  auto type = llvm::cast<RankedTensorType>(extreme.getResult().getType());
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  auto reduce = qir::ReduceOp::create(builder, extreme.getLoc(), getDenseType(type),
                                      extreme.getKind(), parts, builder.getDenseI64ArrayAttr(axes));
  Value(parts).replaceAllUsesExcept(reduce.getResult(), reduce);
  qir::DispatchOp dispatch = wrapInDispatch(builder, reduce.getOperation());
  dispatch->setAttr(reasonAttrName,
                    builder.getStringAttr("combines what the units of the dispatch before found"));
}

LogicalResult CombineExtremes::divide(qir::DispatchOp dispatch) {
  DispatchParts parts = DispatchParts::of(dispatch);
  if (parts.extremes.empty())
    return success();
  OpBuilder builder(dispatch);
  int64_t units = chosen->getUnits(dispatch);
  Operation *terminator = dispatch.getBody().front().getTerminator();
  for (qir::ReduceOp extreme : parts.extremes) {
    auto type = llvm::cast<RankedTensorType>(extreme.getResult().getType());
    if (!extreme.getResult().hasOneUse() || *extreme->user_begin() != terminator)
      return extreme.emitError("expected an extreme that the dispatch returns once");
    OpResult result = dispatch->getResult(extreme->use_begin()->getOperandNumber());
    setResultType(result, inParts(type, units));
    builder.setInsertionPointAfter(dispatch);
    combine(builder, result, extreme);
  }
  return success();
}

std::unique_ptr<Pass> createCombineExtremesPass(const TargetModel &target) {
  return std::make_unique<CombineExtremes>(target);
}

} // namespace quern
