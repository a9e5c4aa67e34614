// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_DISPATCHVIEW_H
#define QUERN_COMPILER_TARGET_KERNEL_DISPATCHVIEW_H

#include "compiler/target/Kernel/Body.h"

#include <optional>

namespace quern {

/// A dispatch taken apart for emission: its anchor, the maps around it, and the kernel's buffers.
class DispatchView {
public:
  /// Reports at the dispatch what does not have the form that emitters take.
  static mlir::FailureOr<DispatchView> parse(qir::DispatchOp dispatch);

  // Op handles are pointers whose constness says nothing about the op: hence mutable.
  mutable qir::DispatchOp dispatch;
  mlir::Operation *anchor = nullptr;   ///< the epilogue itself when there is no other
  mutable qir::MapOp prologue;         ///< on the anchor's first operand, or null
  mutable qir::MapOp epilogue;         ///< on the anchor's results, or null
  mlir::Operation *follower = nullptr; ///< a table or softmax of what the anchor, a contraction,
                                       ///< and its epilogue compute; or null
  mutable qir::MapOp closing;          ///< on the follower's result, or null
  mutable qir::RelayoutOp relayout;    ///< a last step that only changes the encoding, or null
  mutable qir::ReduceOp columnSums;    ///< of a matrix that the anchor, a relayout, packs; or null

  /// A reduction of all that the anchor or the epilogue computes, found in parts: each unit writes
  /// its own (`getPartsType`).
  struct Extreme {
    mutable qir::ReduceOp reduce;
    Buffer parts;
  };
  llvm::SmallVector<Extreme> extremes;

  /// Binds the dispatch's inputs and results to the kernel's arguments.
  void bind(mlir::func::FuncOp kernel);
  /// The buffer of a value that is a dispatch input (block argument).
  Buffer input(mlir::Value value) const;
  /// Types of the results that have an element for each of the anchor's or the epilogue's.
  llvm::SmallVector<mlir::RankedTensorType> resultTypes() const;
  llvm::SmallVector<Buffer> results; ///< those, bound
  /// The dispatch as the kernel of a softmax that follows a contraction: the anchor is the softmax,
  /// the contraction's epilogue its prologue.
  DispatchView ofFollower() const;
  /// For each of these results, the op result of the anchor or the epilogue that it is (a closing
  /// relayout looked through).
  llvm::SmallVector<mlir::OpResult> returned;
  mlir::Value begin, end; ///< the range of units

private:
  llvm::SmallVector<Buffer> inputs;
};

/// The inputs of a map that is fused to an anchor, ready to be loaded at an output position.
class FusedMap {
public:
  /// `anchorValues` are the values (the anchor's results, or the prologue's result seen from the
  /// anchor) that the body gets in registers instead of from memory.
  FusedMap(const DispatchView &view, qir::MapOp map, mlir::ValueRange anchorValues);

  mutable qir::MapOp map;
  /// For each input: the index in `anchorValues`, or -1 when it is read from `buffer`.
  struct Source {
    int64_t anchor = -1;
    Buffer buffer;
    LinearAccess access;
  };
  llvm::SmallVector<Source> sources;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_DISPATCHVIEW_H
