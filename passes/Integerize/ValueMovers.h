// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Ops that move or pick values and never compute new ones: what they do to reals they do to
/// codes of one scale alike.

#ifndef QUERN_PASSES_INTEGERIZE_VALUEMOVERS_H
#define QUERN_PASSES_INTEGERIZE_VALUEMOVERS_H

#include "dialects/Quern/QuernOps.h"

namespace quern {

/// Layout ops, concat, pad, gather, and maxima and minima (scales are positive).
inline bool movesValues(mlir::Operation *op) {
  if (auto pool = llvm::dyn_cast<qir::PoolOp>(op))
    return pool.getKind() == qir::PoolKind::Max;
  if (auto reduce = llvm::dyn_cast<qir::ReduceOp>(op))
    return reduce.getKind() == qir::ReduceKind::Max || reduce.getKind() == qir::ReduceKind::Min;
  return llvm::isa<qir::ReshapeOp, qir::TransposeOp, qir::SliceOp, qir::BroadcastOp, qir::ConcatOp,
                   qir::PadOp, qir::GatherOp>(op);
}

/// The operands whose values are moved (not a pad's fill, not a gather's indices).
inline llvm::MutableArrayRef<mlir::OpOperand> movedOperands(mlir::Operation *op) {
  llvm::MutableArrayRef<mlir::OpOperand> operands = op->getOpOperands();
  return llvm::isa<qir::ConcatOp>(op) ? operands : operands.take_front(1);
}

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_VALUEMOVERS_H
