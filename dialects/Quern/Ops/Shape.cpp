// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quern::qir;

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getResult();
  }
  return {};
}

LogicalResult ReshapeOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (input.getElementType() != result.getElementType() ||
      input.getNumElements() != result.getNumElements())
    return emitOpError("(H1) expected equal element types and counts, found ")
           << input << " and " << result;
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  bool identity = true;
  for (auto [index, dimension] : llvm::enumerate(getPermutation()))
    identity &= dimension == static_cast<int64_t>(index);
  return identity && getInput().getType() == getResult().getType() ? OpFoldResult(getInput())
                                                                   : OpFoldResult();
}

LogicalResult TransposeOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  SmallVector<bool> seen(input.getRank(), false);
  bool legal = static_cast<int64_t>(getPermutation().size()) == input.getRank();
  for (int64_t dimension : getPermutation()) {
    legal = legal && dimension >= 0 && dimension < input.getRank() && !seen[dimension];
    if (!legal)
      break;
    seen[dimension] = true;
  }
  if (!legal)
    return emitOpError("(X1) expected a permutation of ") << input.getRank() << " dimensions";
  SmallVector<int64_t> shape;
  for (int64_t dimension : getPermutation())
    shape.push_back(input.getDimSize(dimension));
  if (result.getShape() != ArrayRef<int64_t>(shape) ||
      result.getElementType() != input.getElementType())
    return emitOpError("(X2) expected a result of shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  return success();
}

LogicalResult BroadcastOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  auto shape = broadcastShapes({input.getShape(), result.getShape()});
  if (failed(shape) || ArrayRef<int64_t>(*shape) != result.getShape() ||
      input.getElementType() != result.getElementType())
    return emitOpError("(O1) ") << input << " does not broadcast to " << result;
  return success();
}

LogicalResult ConcatOp::verify() {
  auto result = tensorType(getResult());
  int64_t axis = getAxis(), total = 0;
  if (getInputs().empty() || axis < 0 || axis >= result.getRank())
    return emitOpError("(N2) expected inputs and an axis inside the rank");
  for (Value input : getInputs()) {
    auto type = tensorType(input);
    if (type.getElementType() != result.getElementType())
      return emitOpError("(N1) expected one element type, found ") << type << " and " << result;
    if (type.getRank() != result.getRank())
      return emitOpError("(N2) expected one rank, found ") << type << " and " << result;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (i != axis && type.getDimSize(i) != result.getDimSize(i))
        return emitOpError("(N2) dimension ") << i << " differs in " << type << " and " << result;
    total += type.getDimSize(axis);
  }
  if (total != result.getDimSize(axis))
    return emitOpError("(N2) inputs add up to ")
           << total << " along axis " << axis << ", the result has " << result.getDimSize(axis);
  return success();
}

LogicalResult SliceOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  auto rank = static_cast<size_t>(input.getRank());
  if (getStarts().size() != rank || getSteps().size() != rank ||
      result.getRank() != input.getRank())
    return emitOpError("(Z1) expected ") << rank << " starts and steps";
  if (result.getElementType() != input.getElementType())
    return emitOpError("(Z1) expected the input's element type, found ") << result;
  for (size_t i = 0; i < rank; ++i) {
    int64_t start = getStarts()[i], size = input.getDimSize(i), way = 0, last = 0;
    bool inside = start >= 0 && start < size &&
                  !llvm::MulOverflow(result.getDimSize(i) - 1, getSteps()[i], way) &&
                  !llvm::AddOverflow(start, way, last) && last >= 0 && last < size;
    if (result.getDimSize(i) > 0 && !inside)
      return emitOpError("(Z2) dimension ")
             << i << " reads " << result.getDimSize(i) << " elements from " << start
             << " in steps of " << getSteps()[i] << ", found " << input;
  }
  return success();
}

LogicalResult PadOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (getLow().size() != static_cast<size_t>(input.getRank()) ||
      result.getRank() != input.getRank())
    return emitOpError("(G1) expected one low pad per dimension");
  for (int64_t i = 0; i < input.getRank(); ++i)
    if (getLow()[i] < 0 || input.getDimSize(i) > result.getDimSize(i) ||
        getLow()[i] > result.getDimSize(i) - input.getDimSize(i))
      return emitOpError("(G1) dimension ")
             << i << " of " << input << " does not fit into " << result;
  if (tensorType(getValue()).getNumElements() != 1)
    return emitOpError("(G2) expected one pad value, found ") << getValue().getType();
  Type element = result.getElementType();
  if (input.getElementType() != element || tensorType(getValue()).getElementType() != element)
    return emitOpError("(G3) expected one element type, found ")
           << input << ", " << getValue().getType() << " and " << result;
  return success();
}

LogicalResult GatherOp::verify() {
  auto input = tensorType(getInput()), indices = tensorType(getIndices()),
       result = tensorType(getResult());
  if (!indices.getElementType().isSignedInteger(32) &&
      !indices.getElementType().isSignedInteger(64))
    return emitOpError("(J1) expected si32 or si64 indices, found ") << indices;
  int64_t axis = getAxis();
  if (axis < 0 || axis >= input.getRank())
    return emitOpError("(J2) expected an axis inside rank ") << input.getRank();
  SmallVector<int64_t> shape(input.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, input.getShape().drop_front(axis + 1));
  if (result.getShape() != ArrayRef<int64_t>(shape) ||
      result.getElementType() != input.getElementType())
    return emitOpError("(J2) expected a result of the input's element type and shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  return success();
}
