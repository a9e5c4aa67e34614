// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Products of codes with constant weights that have scales by blocks of the reduction, and
/// left operands with scales by rows or blocks.

#ifndef QUERN_PASSES_INTEGERIZE_BLOCKEDPRODUCTS_H
#define QUERN_PASSES_INTEGERIZE_BLOCKEDPRODUCTS_H

#include "dialects/Quern/QuernOps.h"

#include <string>

namespace quern {

/// Whether the product's right operand is a dequantize with scales by blocks of the reduction.
bool hasBlockedWeights(qir::MatMulOp matmul);

/// A pointwise convolution with weights that have scales by blocks of the input channels, as the
/// product that it is (made before it, without a use), or null.
qir::MatMulOp makeBlockedProduct(mlir::OpBuilder &builder, qir::ConvOp conv);

/// Replaces such a product of two dequantized operands: exact sums of blocks, scaled and added
/// (`quern.matmul` with scales and codes on the left), and a map for the left operand's scale and
/// zero point. Fails with a reason where one of them has no such form.
mlir::LogicalResult integerizeBlockedMatMul(mlir::OpBuilder &builder, qir::MatMulOp matmul,
                                            std::string &why);

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_BLOCKEDPRODUCTS_H
