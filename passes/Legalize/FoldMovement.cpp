// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Legalize/ConstantBytes.h"
#include "passes/Legalize/FoldConstants.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cstring>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// A constant of `result`'s type with the elements of `constant` that `view` picks.
static qir::ConstantOp makeView(OpBuilder &builder, Value result, qir::ConstantOp constant,
                                const StridedView &view) {
  std::vector<char> storage;
  RankedTensorType type = typeOf(result);
  std::vector<char> bytes = readView(getConstantBytes(constant, storage),
                                     getElementBytes(type.getElementType()), type.getShape(), view);
  auto folded = makeConstantFromBytes(builder, result.getLoc(), type, std::move(bytes));
  if (auto site = constant.getSiteAttr())
    folded.setSiteAttr(site);
  return folded;
}

static qir::ConstantOp foldBroadcast(OpBuilder &builder, qir::BroadcastOp op) {
  RankedTensorType input = typeOf(op.getInput());
  RankedTensorType result = typeOf(op.getResult());
  // A stored broadcast only pays where it is small.
  if (result.getNumElements() > 4096 && result.getNumElements() > input.getNumElements())
    return {};
  llvm::SmallVector<int64_t> strides = getRowMajorStrides(input.getShape());
  int64_t added = result.getRank() - input.getRank();
  StridedView view;
  for (int64_t d = 0; d < result.getRank(); ++d) {
    bool repeats = d < added || input.getDimSize(d - added) == 1;
    view.strides.push_back(repeats ? 0 : strides[d - added]);
  }
  return makeView(builder, op.getResult(), getConstant(op.getInput()), view);
}

static qir::ConstantOp foldSlice(OpBuilder &builder, qir::SliceOp op) {
  llvm::SmallVector<int64_t> strides = getRowMajorStrides(typeOf(op.getInput()).getShape());
  StridedView view;
  for (auto [start, step, stride] : llvm::zip_equal(op.getStarts(), op.getSteps(), strides)) {
    view.start += start * stride;
    view.strides.push_back(step * stride);
  }
  return makeView(builder, op.getResult(), getConstant(op.getInput()), view);
}

static qir::ConstantOp foldConcat(OpBuilder &builder, qir::ConcatOp op) {
  RankedTensorType type = typeOf(op.getResult());
  int64_t size = getElementBytes(type.getElementType());
  std::vector<char> bytes(type.getNumElements() * size);
  StridedView view{0, getRowMajorStrides(type.getShape())};
  for (Value input : op.getInputs()) {
    std::vector<char> storage;
    writeView(bytes, size, typeOf(input).getShape(), view,
              getConstantBytes(getConstant(input), storage));
    view.start += typeOf(input).getDimSize(op.getAxis()) * view.strides[op.getAxis()];
  }
  return makeConstantFromBytes(builder, op.getLoc(), type, std::move(bytes));
}

static qir::ConstantOp foldPad(OpBuilder &builder, qir::PadOp op) {
  RankedTensorType type = typeOf(op.getResult());
  int64_t size = getElementBytes(type.getElementType());
  std::vector<char> storage;
  StridedView fill{0, llvm::SmallVector<int64_t>(type.getRank(), 0)};
  std::vector<char> bytes =
      readView(getConstantBytes(getConstant(op.getValue()), storage), size, type.getShape(), fill);
  StridedView view{0, getRowMajorStrides(type.getShape())};
  for (auto [low, stride] : llvm::zip_equal(op.getLow(), view.strides))
    view.start += low * stride;
  writeView(bytes, size, typeOf(op.getInput()).getShape(), view,
            getConstantBytes(getConstant(op.getInput()), storage));
  return makeConstantFromBytes(builder, op.getLoc(), type, std::move(bytes));
}

static qir::ConstantOp foldGather(OpBuilder &builder, qir::GatherOp op) {
  RankedTensorType input = typeOf(op.getInput());
  RankedTensorType type = typeOf(op.getResult());
  std::optional<std::vector<int64_t>> indices = readConstant<int64_t>(op.getIndices());
  if (!indices || type.getNumElements() == 0)
    return {};
  int64_t axis = static_cast<int64_t>(op.getAxis());
  int64_t size = getElementBytes(type.getElementType());
  int64_t extent = input.getDimSize(axis);
  int64_t inner = getRowMajorStrides(input.getShape())[axis] * size;
  int64_t outer = input.getNumElements() * size / (inner * extent);
  std::vector<char> storage;
  llvm::ArrayRef<char> from = getConstantBytes(getConstant(op.getInput()), storage);
  std::vector<char> bytes(type.getNumElements() * size);
  char *to = bytes.data();
  for (int64_t block = 0; block < outer; ++block)
    for (int64_t index : *indices) {
      int64_t wrapped = std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
      std::memcpy(to, from.data() + (block * extent + wrapped) * inner, inner);
      to += inner;
    }
  return makeConstantFromBytes(builder, op.getLoc(), type, std::move(bytes));
}

qir::ConstantOp foldMovement(OpBuilder &builder, Operation *op) {
  if (!llvm::all_of(op->getOperands(), [](Value operand) { return getConstant(operand); }))
    return {};
  return llvm::TypeSwitch<Operation *, qir::ConstantOp>(op)
      .Case([&](qir::ReshapeOp reshape) {
        return reshapeConstant(builder, getConstant(reshape.getInput()),
                               typeOf(reshape.getResult()).getShape());
      })
      .Case([&](qir::TransposeOp transpose) {
        return transposeConstant(builder, getConstant(transpose.getInput()),
                                 transpose.getPermutation());
      })
      .Case([&](qir::BroadcastOp broadcast) { return foldBroadcast(builder, broadcast); })
      .Case([&](qir::SliceOp slice) { return foldSlice(builder, slice); })
      .Case([&](qir::ConcatOp concat) { return foldConcat(builder, concat); })
      .Case([&](qir::PadOp pad) { return foldPad(builder, pad); })
      .Case([&](qir::GatherOp gather) { return foldGather(builder, gather); })
      .Default(qir::ConstantOp());
}

} // namespace quern
