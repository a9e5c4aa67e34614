// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What follows an exact integer result (of a contraction or a sum): the constant factors and
/// clamps on the way to codes are folded while they are still float ops of the waist, so that
/// fusing maps later needs no algebra.

#ifndef QUERN_PASSES_INTEGERIZE_EPILOGUE_H
#define QUERN_PASSES_INTEGERIZE_EPILOGUE_H

#include "passes/Integerize/MapBuilder.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace quern {

/// value = float(integer + offset) * multiplier; offsets and multipliers broadcast to the value.
struct LinearValue {
  mlir::Value value;                ///< the f32 tensor of the waist
  llvm::SmallVector<int64_t> shape; ///< of offsets and multipliers
  std::vector<int64_t> offsets;
  std::vector<double> multipliers;
  double bound = 0; ///< of |integer + offset|
};

/// Writes the integer without its offset, as i32, into a map's body.
using EmitInteger = llvm::function_ref<mlir::Value(MapBuilder &)>;

/// Replaces the value by a map. Absorbed are, where each is the only reader of the one before: an
/// addition of si32 codes whose scale is the multiplier (a bias), products with constants, relu and
/// clamp, and a quantize; the latter three only if the quantize is reached.
void replaceLinear(mlir::OpBuilder &builder, LinearValue linear, EmitInteger emitInteger);

/// Replaces `op` (its value is the integer itself) by a map that gives si32.
void replaceByInteger(mlir::OpBuilder &builder, mlir::Operation *op, const LinearValue &linear,
                      EmitInteger emitInteger);

/// Erases all ops of the block that nothing uses.
void eraseDeadOps(mlir::Block &block);

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_EPILOGUE_H
