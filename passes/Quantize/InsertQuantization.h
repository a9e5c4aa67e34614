// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_INSERTQUANTIZATION_H
#define QUERN_PASSES_QUANTIZE_INSERTQUANTIZATION_H

#include "passes/Quantize/Plan.h"

#include "mlir/IR/BuiltinOps.h"

namespace quern {

/// Writes a plan into a module of the stage `import`: QuantizeLinear and DequantizeLinear nodes
/// around its tensors, DequantizeLinear over codes in place of its constants.
mlir::LogicalResult insertQuantization(mlir::ModuleOp module, const QuantizationPlan &plan);

/// What of a plan is about tensors and nodes of a part of the model.
QuantizationPlan restrictPlan(const QuantizationPlan &plan, mlir::ModuleOp part);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_INSERTQUANTIZATION_H
