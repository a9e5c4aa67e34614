// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Weights of less than 8 bits for plain loops: the codes one after the other in row-major
/// order without gaps, lowest bits first, and one byte behind them that may be read.

#ifndef QUERN_COMPILER_TARGET_KERNEL_BITPACKED_H
#define QUERN_COMPILER_TARGET_KERNEL_BITPACKED_H

#include "compiler/target/Kernel/Access.h"

#include <vector>

namespace quern {

/// Codes of 2 to 7 bits.
bool isNarrowCode(mlir::Type element);

/// The form of a tensor of such codes.
qir::PackedAttr getBitPackedForm(mlir::RankedTensorType type);
bool isBitPacked(mlir::RankedTensorType type);

/// From a byte for each code.
std::vector<char> packBits(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

/// The code with this row-major number, as i32.
mlir::Value loadPackedCode(KernelBuilder &b, const Buffer &buffer, mlir::Value number);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_BITPACKED_H
