// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"

using namespace mlir;
using namespace quern::qir;

LogicalResult SoftmaxOp::verify() {
  auto type = tensorType(getInput());
  if (!type.getElementType().isF32() || type.getRank() < 1)
    return emitOpError("(S1) expected f32 of rank >= 1, found ") << type;
  return success();
}

LogicalResult LayerNormOp::verify() {
  auto input = tensorType(getInput());
  if (!input.getElementType().isF32() || input.getRank() < 1 || getResult().getType() != input)
    return emitOpError("(L1) expected an f32 input and a result of its type, found ") << input;
  int64_t size = input.getShape().back();
  for (Value value : getOperands().drop_front())
    if (tensorType(value).getShape() != ArrayRef<int64_t>(size) ||
        !tensorType(value).getElementType().isF32())
      return emitOpError("(L2) expected f32 scale and bias of ")
             << size << " elements, found " << value.getType();
  if (getEpsilon().isNegative() || !getEpsilon().isFinite())
    return emitOpError("(L3) expected a finite epsilon >= 0");
  return success();
}

LogicalResult ReduceOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  SmallVector<int64_t> shape(input.getShape());
  int64_t previous = -1;
  for (int64_t axis : getAxes()) {
    if (axis <= previous || axis >= input.getRank())
      return emitOpError("(R1) expected sorted axes inside rank ") << input.getRank();
    shape[axis] = 1;
    previous = axis;
  }
  if (result.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError("(R2) expected a result of shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  Type in = input.getElementType(), out = result.getElementType();
  bool extreme = getKind() == ReduceKind::Max || getKind() == ReduceKind::Min;
  bool legal = in.isF32() ? out.isF32()
               : extreme
                   ? in == out
                   : getKind() == ReduceKind::Sum && in.isInteger() && out.isSignedInteger(32);
  if (!legal)
    return emitOpError("(R3) '") << stringifyReduceKind(getKind()) << "' does not take " << in
                                 << " to " << out;
  return success();
}
