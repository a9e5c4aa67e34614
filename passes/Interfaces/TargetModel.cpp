// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Interfaces/TargetModel.h"

using namespace mlir;

namespace quern {

double TargetModel::estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const {
  bool isFloat = asFloat;
  for (Operation &op : dispatch.getBody().front())
    if (llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
      isFloat |= llvm::cast<RankedTensorType>(op.getOperand(0).getType()).getElementType().isF32();
  return static_cast<double>(macs) / (isFloat ? getRates().floatMacs : getRates().codeMacs);
}

} // namespace quern
