// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Parts of normalizations that fused operators use too.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_NORMALIZATION_H
#define QUERN_PASSES_LEGALIZE_ONNX_NORMALIZATION_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

namespace quern::legalize {

/// Layer normalization (RMS without mean) of the dimensions from `axis` on, flattened; scale and
/// bias broadcast to them, bias may be null.
Value normalizeFrom(NodeBuilder &n, Value x, Value scale, Value bias, int64_t axis, float epsilon,
                    bool rms);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_NORMALIZATION_H
