// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The parts of `propagate-layout`: permutations, ops rebuilt in another layout, transposes
/// around reshapes.
///
/// A layout of a value is a permutation `p`: what is stored is transpose(value, p), that is
/// stored.dim(i) = value.dim(p[i]).

#ifndef QUERN_PASSES_LEGALIZE_PROPAGATELAYOUT_H
#define QUERN_PASSES_LEGALIZE_PROPAGATELAYOUT_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/Builders.h"

namespace quern::layout {

using Permutation = llvm::SmallVector<int64_t, 6>;
using PermutationRef = llvm::ArrayRef<int64_t>;

inline mlir::RankedTensorType getType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

bool isIdentity(PermutationRef permutation);
Permutation invert(PermutationRef permutation);
/// The permutation of transpose(transpose(x, first), second).
Permutation compose(PermutationRef first, PermutationRef second);
/// Whether the elements of a tensor of `shape` stay in order: only dimensions of size 1 move.
bool keepsOrder(PermutationRef permutation, llvm::ArrayRef<int64_t> shape);
llvm::SmallVector<int64_t> permute(llvm::ArrayRef<int64_t> values, PermutationRef permutation);

/// transpose(value, permutation), composed with a transpose that made `value`, and folded into a
/// constant.
mlir::Value makeTranspose(mlir::OpBuilder &builder, mlir::Value value, PermutationRef permutation);
mlir::Value makeReshape(mlir::OpBuilder &builder, mlir::Value value, llvm::ArrayRef<int64_t> shape);

/// Whether the op means the same in any layout, once its attributes are adapted: elementwise ops,
/// quantize and dequantize (but for blocked scales), concat, pad, slice, reduce, broadcast, gather
/// by a list. Its layout operands have the result's rank or are broadcast to it.
bool isLayoutAgnostic(mlir::Operation *op);
/// Whether the operand is a tensor in the op's layout (not a scale, a zero point, indices).
bool isLayoutOperand(mlir::OpOperand &operand);
/// The op on operands stored in layout `permutation`, its results too. `operands` has a value for
/// each operand of `op`.
mlir::Operation *rebuildInLayout(mlir::OpBuilder &builder, mlir::Operation *op,
                                 mlir::ValueRange operands, PermutationRef permutation);

/// The permutation q such that reshape(transpose(x, p)) to `to` is transpose(reshape'(x), q), and
/// the shape of reshape'(x); none if the reshape merges dimensions that p does not keep together.
struct SunkTranspose {
  llvm::SmallVector<int64_t> shape;
  Permutation permutation;
};
std::optional<SunkTranspose> sinkThroughReshape(llvm::ArrayRef<int64_t> from, PermutationRef p,
                                                llvm::ArrayRef<int64_t> to);

/// matmul(flatten(transpose(x)), w): permutes the rows of the constant w instead. True if it did.
bool foldIntoMatMulRows(mlir::OpBuilder &builder, qir::MatMulOp matmul);

} // namespace quern::layout

#endif // QUERN_PASSES_LEGALIZE_PROPAGATELAYOUT_H
