// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Quantization at run time, which several operators include.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_QUANTIZATION_H
#define QUERN_PASSES_LEGALIZE_ONNX_QUANTIZATION_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

namespace quern::legalize {

/// ui8 codes with one scale (f32) and one zero point (ui8) of rank 0; null after an error.
struct DynamicCodes {
  Value codes, scale, zeroPoint;
};

/// What DynamicQuantizeLinear makes of x (f32, may be null).
DynamicCodes quantizeDynamically(NodeBuilder &n, Value x);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_QUANTIZATION_H
