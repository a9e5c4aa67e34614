// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The two halves of `fold-constants`: ops that move elements, ops that compute them.

#ifndef QUERN_PASSES_LEGALIZE_FOLDCONSTANTS_H
#define QUERN_PASSES_LEGALIZE_FOLDCONSTANTS_H

#include "dialects/Quern/ConstantData.h"

namespace quern {

/// The value of reshape, transpose, broadcast, slice, concat, pad or gather of constants, made
/// before `op`; null if `op` is none of these, or an operand is not constant.
qir::ConstantOp foldMovement(mlir::OpBuilder &builder, mlir::Operation *op);

/// The value of an elementwise op (unary, binary, clamp, select, cast, quantize, dequantize) or a
/// reduction of constants, by the normative algorithms; null if it is none or cannot be computed.
qir::ConstantOp foldComputation(mlir::OpBuilder &builder, mlir::Operation *op);

} // namespace quern

#endif // QUERN_PASSES_LEGALIZE_FOLDCONSTANTS_H
