// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"

#include "dialects/Quern/QuernOps.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

using namespace mlir;

namespace quern {

Value getBufferRoot(Value value) {
  while (auto reshape = value.getDefiningOp<qir::ReshapeOp>())
    value = reshape.getInput();
  return value;
}

int64_t getBufferBytes(RankedTensorType type) {
  if (auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding()))
    return packed.getBytes();
  SmallVector<int64_t> extents(type.getShape());
  if (auto padded = llvm::dyn_cast_if_present<qir::PaddedAttr>(type.getEncoding())) {
    extents[1] += padded.getTop() + padded.getBottom();
    extents[2] += padded.getLeft() + padded.getRight();
  }
  int64_t bytes = getElementBytes(type.getElementType());
  for (int64_t extent : extents)
    bytes *= extent;
  return bytes;
}

static LogicalResult resolveResult(OpResult result, BufferRef &buffer) {
  auto dispatch = llvm::dyn_cast<qir::DispatchOp>(result.getOwner());
  if (!dispatch)
    return success(llvm::isa<qir::ConstantOp>(result.getOwner()));
  auto offsets = dispatch->getAttrOfType<DenseI64ArrayAttr>(offsetsAttrName);
  if (!offsets || offsets.size() != dispatch->getNumResults())
    return failure();
  int64_t offset = offsets[result.getResultNumber()];
  buffer.space = offset < 0 ? BufferRef::Output : BufferRef::Arena;
  (offset < 0 ? buffer.index : buffer.offset) = offset < 0 ? -1 - offset : offset;
  return success();
}

FailureOr<BufferRef> resolveBuffer(Value value) {
  BufferRef buffer;
  buffer.root = getBufferRoot(value);
  buffer.bytes = getBufferBytes(llvm::cast<RankedTensorType>(buffer.root.getType()));
  if (auto argument = llvm::dyn_cast<BlockArgument>(buffer.root)) {
    if (llvm::isa<qir::DispatchOp>(argument.getOwner()->getParentOp()))
      return failure();
    buffer.space = BufferRef::Input;
    buffer.index = argument.getArgNumber();
    return buffer;
  }
  buffer.space = BufferRef::Constant;
  if (failed(resolveResult(llvm::cast<OpResult>(buffer.root), buffer)))
    return failure();
  return buffer;
}

} // namespace quern
