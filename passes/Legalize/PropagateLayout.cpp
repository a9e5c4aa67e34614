// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/PropagateLayout.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Legalize/ConstantBytes.h"
#include "passes/Legalize/Passes.h"
#include "passes/Legalize/PropagateLayoutRegion.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace quern {

#define GEN_PASS_DEF_PROPAGATELAYOUT
#include "passes/Legalize/Passes.h.inc"

using namespace layout;

/// Composes a transpose with the one before it; drops it if nothing is left of it, or if it is
/// folded into a constant. True if something changed.
static bool simplify(qir::TransposeOp op) {
  OpBuilder builder(op);
  bool isInner = op.getInput().getDefiningOp<qir::TransposeOp>() != nullptr;
  if (!isInner && !isIdentity(op.getPermutation()) && !getConstant(op.getInput()))
    return false;
  op.getResult().replaceAllUsesWith(makeTranspose(builder, op.getInput(), op.getPermutation()));
  op.erase();
  return true;
}

/// Drops a reshape that does nothing, joins it with the one before it, and lets a transpose of one
/// user go below it.
static bool simplify(qir::ReshapeOp op) {
  OpBuilder builder(op);
  llvm::ArrayRef<int64_t> shape = layout::getType(op.getResult()).getShape();
  Value input = op.getInput();
  Value replacement;
  auto transpose = input.getDefiningOp<qir::TransposeOp>();
  if (layout::getType(input).getShape() == shape || getConstant(input) ||
      input.getDefiningOp<qir::ReshapeOp>()) {
    replacement = makeReshape(builder, input, shape);
  } else if (transpose) {
    llvm::ArrayRef<int64_t> from = layout::getType(transpose.getInput()).getShape();
    PermutationRef permutation = transpose.getPermutation();
    if (keepsOrder(permutation, from)) {
      replacement = makeReshape(builder, transpose.getInput(), shape);
    } else if (input.hasOneUse()) {
      if (auto sunk = sinkThroughReshape(from, permutation, shape))
        replacement = makeTranspose(
            builder, makeReshape(builder, transpose.getInput(), sunk->shape), sunk->permutation);
    }
  }
  if (!replacement)
    return false;
  op.getResult().replaceAllUsesWith(replacement);
  op.erase();
  return true;
}

/// Simplifies transposes and reshapes until nothing changes.
static void simplify(func::FuncOp function) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
      if (auto transpose = dyn_cast<qir::TransposeOp>(op))
        changed |= simplify(transpose);
      else if (auto reshape = dyn_cast<qir::ReshapeOp>(op))
        changed |= simplify(reshape);
    }
    eraseDeadOps(function);
  }
}

/// Gives each region its best layout; true if one changed.
static bool moveTransposes(func::FuncOp function) {
  bool changed = false;
  for (std::vector<Operation *> &ops : collectRegions(function.getBody().front())) {
    LayoutRegion region(std::move(ops));
    Permutation layout = region.chooseLayout();
    if (isIdentity(layout))
      continue;
    region.rewrite(layout);
    changed = true;
  }
  simplify(function);
  return changed;
}

static void foldIntoWeights(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
    if (auto matmul = dyn_cast<qir::MatMulOp>(op))
      foldIntoMatMulRows(builder, matmul);
  simplify(function);
}

/// Transposes that only move dimensions of size 1 become reshapes.
static void makeReshapes(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    auto transpose = dyn_cast<qir::TransposeOp>(op);
    if (!transpose ||
        !keepsOrder(transpose.getPermutation(), layout::getType(transpose.getInput()).getShape()))
      continue;
    OpBuilder builder(transpose);
    Value reshape = makeReshape(builder, transpose.getInput(),
                                layout::getType(transpose.getResult()).getShape());
    transpose.getResult().replaceAllUsesWith(reshape);
    transpose.erase();
  }
  simplify(function);
}

namespace {

struct PropagateLayout : impl::PropagateLayoutBase<PropagateLayout> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    simplify(function);
    // Each round can open the way for the next (a transpose that has passed a reshape); a few are
    // enough for any model, and the bound keeps a tie from moving things forth and back.
    for (int round = 0; round < 4 && moveTransposes(function); ++round) {
    }
    foldIntoWeights(function);
    makeReshapes(function);
  }
};

} // namespace
} // namespace quern
