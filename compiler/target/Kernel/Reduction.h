// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The order in which rows are reduced, the same on every target (docs/numerics.md): element
/// i goes to partial result i % 16, then the partial results are halved: j with j + 8, + 4, + 2,
/// + 1.

#ifndef QUERN_COMPILER_TARGET_KERNEL_REDUCTION_H
#define QUERN_COMPILER_TARGET_KERNEL_REDUCTION_H

#include "compiler/target/Kernel/KernelBuilder.h"

namespace quern {

/// Partial results of a reduction along a row.
constexpr int64_t reductionLanes = 16;

/// The value that does not change a result: 0, 1, or the end of the compute type's range.
mlir::Value reductionStart(KernelBuilder &b, qir::ReduceKind kind, mlir::Type type);
/// `accumulator` and `x` combined, of scalars or vectors. A NaN loses against a maximum or minimum.
mlir::Value combine(KernelBuilder &b, qir::ReduceKind kind, mlir::Value accumulator, mlir::Value x);
/// 16 partial results as one.
mlir::Value combineLanes(KernelBuilder &b, qir::ReduceKind kind, mlir::Value partial);
/// The first `valid` lanes of `value`, `other` in the rest.
mlir::Value selectValid(KernelBuilder &b, mlir::Value value, int64_t valid, mlir::Value other);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_REDUCTION_H
