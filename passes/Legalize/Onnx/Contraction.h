// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Parts of matrix products that quantized and fused operators use too.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_CONTRACTION_H
#define QUERN_PASSES_LEGALIZE_ONNX_CONTRACTION_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

namespace quern::legalize {

/// Swaps the last two dimensions (below the dequantize of a stored matrix).
Value transposeMatrix(NodeBuilder &n, Value x);

/// x * factor, or x itself when the factor is 1.
Value scaleBy(NodeBuilder &n, Value x, float factor);

/// ONNX's Gemm on f32 values with the node's alpha, beta, transA and transB; `c` may be null.
Value buildGemm(NodeBuilder &n, Value a, Value b, Value c);

/// The codes of input `codes` minus its zero point (input `zeroPoint`, may be absent; one value, or
/// one along `axis`) as f32: a dequantize with scale 1, from which Integerize restores the
/// integers.
Value dequantizeByOne(NodeBuilder &n, unsigned codes, unsigned zeroPoint, int64_t axis);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_CONTRACTION_H
