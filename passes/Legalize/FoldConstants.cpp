// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/FoldConstants.h"

#include "dialects/Quern/QuernOps.h"
#include "passes/Legalize/ConstantBytes.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace quern {

#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/Legalize/Passes.h.inc"

/// The dequantize of a constant behind `value`, or null.
static qir::DequantizeOp getStoredCodes(Value value) {
  auto dequantize = value.getDefiningOp<qir::DequantizeOp>();
  return dequantize && getConstant(dequantize.getInput()) ? dequantize : qir::DequantizeOp();
}

/// Whether the consumer asks for the float values behind stored codes: it would fold with them, or
/// is a layer norm, whose scale and bias are float. Weights, biases and tables stay codes.
static bool needsFloat(OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<qir::LayerNormOp>(op))
    return use.getOperandNumber() > 0;
  if (!isa<qir::UnaryOp, qir::BinaryOp, qir::ClampOp, qir::SelectOp, qir::CastOp, qir::QuantizeOp,
           qir::ReduceOp>(op))
    return false;
  return llvm::all_of(op->getOperands(), [](Value operand) {
    return getConstant(operand) || getStoredCodes(operand);
  });
}

/// Gives consumers that need floats a float constant; the others keep the dequantize.
static void foldStoredCodes(OpBuilder &builder, qir::DequantizeOp op) {
  if (!getStoredCodes(op.getResult()) || llvm::none_of(op->getUses(), needsFloat))
    return;
  if (qir::ConstantOp folded = foldComputation(builder, op))
    op.getResult().replaceUsesWithIf(folded.getResult(), needsFloat);
}

/// Whether all that a cast does is to widen float weights: contractions read f16 and bf16 as they
/// are stored. Depthwise convolutions have few weights and kernels of their own.
static bool isStoredWeight(Operation *op) {
  auto cast = dyn_cast<qir::CastOp>(op);
  if (!cast || cast->use_empty() || !getConstant(cast.getInput()))
    return false;
  Type from = cast.getInput().getType().getElementType(), to = cast.getType().getElementType();
  if (!(from.isF16() || from.isBF16()) || !to.isF32())
    return false;
  return llvm::all_of(cast->getUses(), [](OpOperand &use) {
    if (auto conv = dyn_cast<qir::ConvOp>(use.getOwner()))
      return use.getOperandNumber() == 1 && !conv.isDepthwise();
    return isa<qir::MatMulOp>(use.getOwner()) && use.getOperandNumber() == 1;
  });
}

namespace {

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    llvm::SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (op->getParentOp() == getOperation())
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      if (auto dequantize = dyn_cast<qir::DequantizeOp>(op)) {
        foldStoredCodes(builder, dequantize);
        continue;
      }
      if (isStoredWeight(op))
        continue;
      qir::ConstantOp folded = foldMovement(builder, op);
      if (!folded)
        folded = foldComputation(builder, op);
      if (folded)
        op->getResult(0).replaceAllUsesWith(folded.getResult());
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
} // namespace quern
