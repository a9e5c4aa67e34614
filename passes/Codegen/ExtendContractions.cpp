// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

namespace quern {

#define GEN_PASS_DEF_EXTENDCONTRACTIONS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct ExtendContractions : impl::ExtendContractionsBase<ExtendContractions> {
  using ExtendContractionsBase::ExtendContractionsBase;
  explicit ExtendContractions(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override;

private:
  bool mayJoin(qir::DispatchOp contraction, qir::DispatchOp follower) const;

  const TargetModel *chosen = nullptr;
};

} // namespace

/// The dispatch that computes what this one, around a table or softmax, reads; null if there is
/// none or if something else reads it, too.
static qir::DispatchOp getProducer(qir::DispatchOp dispatch) {
  DispatchParts parts = DispatchParts::of(dispatch);
  if (!isFollower(parts.anchor) || parts.prologue || parts.relayout)
    return nullptr;
  OpOperand *operand = getDispatchOperand(dispatch, parts.anchor->getOperand(0));
  if (!operand || !operand->get().hasOneUse() ||
      !dispatch.getBody().front().getArgument(operand->getOperandNumber()).hasOneUse())
    return nullptr;
  return operand->get().getDefiningOp<qir::DispatchOp>();
}

bool ExtendContractions::mayJoin(qir::DispatchOp contraction, qir::DispatchOp follower) const {
  DispatchParts first = DispatchParts::of(contraction), second = DispatchParts::of(follower);
  if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(first.anchor) || first.follower || first.relayout ||
      !first.extremes.empty() || contraction->getNumResults() != 1)
    return false;
  // A table's codes are those that the contraction's epilogue rounds to, and its results stored.
  if (llvm::isa<qir::TableOp>(second.anchor) && (!first.epilogue || second.epilogue))
    return false;
  return chosen->takesFollower(first.anchor, second.anchor);
}

/// Moves the dispatch's ops before it; gives them in order, and their values for its results.
static SmallVector<Value> unwrap(OpBuilder &builder, qir::DispatchOp dispatch, IRMapping &mapping,
                                 SmallVectorImpl<Operation *> &operations) {
  Block &body = dispatch.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), dispatch.getInputs()))
    mapping.map(argument, mapping.lookupOrDefault(input));
  for (Operation &op : body.without_terminator())
    operations.push_back(builder.clone(op, mapping));
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookup(value); });
}

static void join(OpBuilder &builder, qir::DispatchOp contraction, qir::DispatchOp follower) {
  builder.setInsertionPoint(follower);
  IRMapping mapping;
  SmallVector<Operation *> operations;
  SmallVector<Value> computed = unwrap(builder, contraction, mapping, operations);
  mapping.map(contraction->getResults(), computed);
  SmallVector<Value> results = unwrap(builder, follower, mapping, operations);
  follower->replaceAllUsesWith(results);
  follower.erase();
  contraction.erase();
  wrapInDispatch(builder, operations);
}

void ExtendContractions::runOnOperation() {
  if (getOperation().isExternal())
    return;
  OpBuilder builder(&getContext());
  SmallVector<qir::DispatchOp> dispatches(getOperation().front().getOps<qir::DispatchOp>());
  for (qir::DispatchOp dispatch : dispatches)
    if (qir::DispatchOp producer = getProducer(dispatch); producer && mayJoin(producer, dispatch))
      join(builder, producer, dispatch);
}

std::unique_ptr<Pass> createExtendContractionsPass(const TargetModel &target) {
  return std::make_unique<ExtendContractions>(target);
}

} // namespace quern
