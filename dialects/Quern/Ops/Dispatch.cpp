// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"

using namespace mlir;
using namespace quern::qir;

LogicalResult DispatchOp::verify() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("(Y1) expected block arguments with the inputs' types");
  auto terminator = llvm::dyn_cast<ReturnOp>(block.back());
  if (!terminator || terminator.getValues().getTypes() != getResults().getTypes())
    return emitOpError("(Y2) expected a quern.return of the results' types");
  return success();
}

LogicalResult RelayoutOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (input.getShape() != result.getShape() || input.getElementType() != result.getElementType())
    return emitOpError("(I1) expected the input's shape and element type, found ") << result;
  if (input.getEncoding() == result.getEncoding())
    return emitOpError("(I2) expected another encoding");
  return success();
}
