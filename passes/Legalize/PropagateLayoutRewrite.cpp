// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/ConstantBytes.h"
#include "passes/Legalize/PropagateLayout.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace quern::layout {

bool isIdentity(PermutationRef permutation) {
  for (auto [i, dimension] : llvm::enumerate(permutation))
    if (dimension != static_cast<int64_t>(i))
      return false;
  return true;
}

Permutation invert(PermutationRef permutation) {
  Permutation inverse(permutation.size());
  for (auto [i, dimension] : llvm::enumerate(permutation))
    inverse[dimension] = static_cast<int64_t>(i);
  return inverse;
}

Permutation compose(PermutationRef first, PermutationRef second) {
  Permutation result;
  for (int64_t dimension : second)
    result.push_back(first[dimension]);
  return result;
}

bool keepsOrder(PermutationRef permutation, llvm::ArrayRef<int64_t> shape) {
  int64_t last = -1;
  for (int64_t dimension : permutation) {
    if (shape[dimension] == 1)
      continue;
    if (dimension < last)
      return false;
    last = dimension;
  }
  return true;
}

llvm::SmallVector<int64_t> permute(llvm::ArrayRef<int64_t> values, PermutationRef permutation) {
  llvm::SmallVector<int64_t> result;
  for (int64_t dimension : permutation)
    result.push_back(values[dimension]);
  return result;
}

Value makeTranspose(OpBuilder &builder, Value value, PermutationRef permutation) {
  Permutation total(permutation);
  if (auto inner = value.getDefiningOp<qir::TransposeOp>()) {
    total = compose(inner.getPermutation(), permutation);
    value = inner.getInput();
  }
  if (isIdentity(total))
    return value;
  if (qir::ConstantOp constant = getConstant(value))
    return transposeConstant(builder, constant, total);
  RankedTensorType type = getType(value);
  return qir::TransposeOp::create(builder, value.getLoc(),
                                  type.clone(permute(type.getShape(), total)), value, total);
}

Value makeReshape(OpBuilder &builder, Value value, llvm::ArrayRef<int64_t> shape) {
  if (auto inner = value.getDefiningOp<qir::ReshapeOp>())
    value = inner.getInput();
  if (getType(value).getShape() == shape)
    return value;
  if (qir::ConstantOp constant = getConstant(value))
    return reshapeConstant(builder, constant, shape);
  return qir::ReshapeOp::create(builder, value.getLoc(), getType(value).clone(shape), value);
}

bool isLayoutAgnostic(Operation *op) {
  if (auto gather = dyn_cast<qir::GatherOp>(op))
    return getType(gather.getIndices()).getRank() == 1;
  if (auto quantize = dyn_cast<qir::QuantizeOp>(op))
    return !quantize.getBlockSize();
  if (auto dequantize = dyn_cast<qir::DequantizeOp>(op))
    return !dequantize.getBlockSize();
  return isa<qir::UnaryOp, qir::BinaryOp, qir::ClampOp, qir::SelectOp, qir::CastOp, qir::ConcatOp,
             qir::PadOp, qir::SliceOp, qir::ReduceOp, qir::BroadcastOp>(op);
}

bool isLayoutOperand(OpOperand &operand) {
  if (isa<qir::BinaryOp, qir::SelectOp, qir::ConcatOp>(operand.getOwner()))
    return true;
  return operand.getOperandNumber() == 0;
}

/// Gives the rebuilt op the attributes that mean the same in the new layout.
static void adaptAttributes(Operation *op, PermutationRef permutation) {
  Permutation inverse = invert(permutation);
  auto moved = [&](uint64_t axis) { return inverse[axis]; };
  llvm::TypeSwitch<Operation *>(op)
      .Case<qir::QuantizeOp, qir::DequantizeOp>([&](auto q) {
        if (q.getAxis())
          q.setAxis(moved(*q.getAxis()));
      })
      .Case<qir::ConcatOp, qir::GatherOp>(
          [&](auto axial) { axial.setAxis(moved(axial.getAxis())); })
      .Case([&](qir::PadOp pad) { pad.setLow(permute(pad.getLow(), permutation)); })
      .Case([&](qir::SliceOp slice) {
        slice.setStarts(permute(slice.getStarts(), permutation));
        slice.setSteps(permute(slice.getSteps(), permutation));
      })
      .Case([&](qir::ReduceOp reduce) {
        llvm::SmallVector<int64_t> axes;
        for (int64_t axis : reduce.getAxes())
          axes.push_back(moved(axis));
        llvm::sort(axes);
        reduce.setAxes(axes);
      });
}

Operation *rebuildInLayout(OpBuilder &builder, Operation *op, ValueRange operands,
                           PermutationRef permutation) {
  Operation *result = builder.clone(*op);
  result->setOperands(operands);
  RankedTensorType type = getType(op->getResult(0));
  result->getResult(0).setType(
      cast<RankedTensorType>(type.clone(permute(type.getShape(), permutation))));
  adaptAttributes(result, permutation);
  return result;
}

} // namespace quern::layout
