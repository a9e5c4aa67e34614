// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file A dispatch's body taken apart, and changes of its border.

#ifndef QUERN_PASSES_CODEGEN_DISPATCHPARTS_H
#define QUERN_PASSES_CODEGEN_DISPATCHPARTS_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/Builders.h"

namespace quern {

/// The steps of a dispatch, in the order in which they are computed.
struct DispatchParts {
  qir::MapOp prologue;               ///< on the anchor's input, or null
  mlir::Operation *anchor = nullptr; ///< the epilogue or the relayout when there is no other
  qir::MapOp epilogue;               ///< on the anchor's results, or null
  /// A table or softmax of what a contraction's dispatch computes until there, or null.
  mlir::Operation *follower = nullptr;
  qir::MapOp closing;       ///< on the follower's result, or null
  qir::RelayoutOp relayout; ///< last step, or null
  /// Reductions of all that a contraction's dispatch computes to its extremes.
  llvm::SmallVector<qir::ReduceOp> extremes;
  static DispatchParts of(qir::DispatchOp dispatch);
  /// The anchor is an elementwise map.
  bool isMap() { return anchor && anchor == epilogue.getOperation(); }
};

/// Whether an op does a kernel's main work: whatever can stand in a dispatch beside maps.
bool isAnchorOp(mlir::Operation *op);

/// Whether the op can follow a contraction in its dispatch: a table, a softmax.
bool isFollower(mlir::Operation *op);

/// A reduction of all dimensions of an f32 tensor to its largest or smallest element.
bool isExtreme(mlir::Operation *op);

/// How an extreme lies in memory between the units that find it and the dispatch that combines what
/// they found: 16 partial results of each unit, `tensor<units x 16 x f32>`, some of them neutral.
/// Null for a type that is no such value's (encoding `#quern.packed<"parts", 16, units, bytes>`).
mlir::RankedTensorType getPartsType(mlir::RankedTensorType type);
/// The type with that encoding.
mlir::RankedTensorType inParts(mlir::RankedTensorType type, int64_t units);

/// The operand of a conv or matmul that is packed: weights or right-hand side.
mlir::OpOperand &getRightOperand(mlir::Operation *contraction);

/// The dispatch's operand behind a value of its body, or null if it is computed inside.
mlir::OpOperand *getDispatchOperand(qir::DispatchOp dispatch, mlir::Value inside);

/// The constant that is the right operand of a contraction in a dispatch, packed or about to be;
/// null when it is computed.
qir::ConstantOp getConstantRightOperand(mlir::Operation *contraction);

/// Makes a dispatch of these ops, which stand in one block, in order and the last of them last.
/// It takes the last op's place; the ops' results that are used elsewhere become its results.
qir::DispatchOp wrapInDispatch(mlir::OpBuilder &builder,
                               llvm::ArrayRef<mlir::Operation *> operations);

/// Changes the type of an operand's value where the dispatch's body sees it.
void setInputType(mlir::OpOperand &operand, mlir::Type type);

/// Changes a result's type, in the body too.
void setResultType(mlir::OpResult result, mlir::Type type);

/// Adds a value to the dispatch's inputs; returns its block argument.
mlir::BlockArgument addInput(qir::DispatchOp dispatch, mlir::Value value);

/// Removes the inputs that the body does not read.
void dropUnusedInputs(qir::DispatchOp dispatch);

/// The type without encoding.
mlir::RankedTensorType getDenseType(mlir::RankedTensorType type);
/// The type with this encoding.
mlir::RankedTensorType withEncoding(mlir::Type type, mlir::Attribute encoding);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_DISPATCHPARTS_H
