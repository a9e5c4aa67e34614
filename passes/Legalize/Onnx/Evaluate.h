// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_LEGALIZE_ONNX_EVALUATE_H
#define QUERN_PASSES_LEGALIZE_ONNX_EVALUATE_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace quern::legalize {

/// Evaluates a new op whose operands are all constants of at most 4096 elements, so that shape
/// arithmetic is known while the nodes after it are converted. Integers are exact, floats are
/// rounded to single precision after each operation. Gives the constant, the op being erased, or
/// the op's own result when it is not evaluated (quantize, dequantize, transcendental functions,
/// contractions, larger tensors: those are left to `fold-constants`).
mlir::Value evaluateIfSmall(mlir::Operation *op);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_EVALUATE_H
