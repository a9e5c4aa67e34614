// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The tables that say how ONNX operators are written in quern ops: one row for each operator
/// and range of schema versions that mean the same. A new operator is a new row.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_ROWS_H
#define QUERN_PASSES_LEGALIZE_ONNX_ROWS_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

#include <vector>

namespace quern::legalize {

/// The newest schema version: rows up to here also take versions that come later.
inline constexpr int64_t latest = 1 << 20;

struct Row {
  llvm::StringLiteral domain; ///< "" is ai.onnx
  llvm::StringLiteral opType;
  int64_t since, until;           ///< schema versions, inclusive
  unsigned inputs;                ///< the first so many must be there
  llvm::StringLiteral attributes; ///< that the row understands, separated by blanks
  mlir::LogicalResult (*build)(NodeBuilder &);
};

using Rows = std::vector<Row>;

inline constexpr llvm::StringLiteral onnxDomain = "";
inline constexpr llvm::StringLiteral microsoft = "com.microsoft";

void addAttentionRows(Rows &rows);
void addContractionRows(Rows &rows);
void addConvTransposeRows(Rows &rows);
void addEinsumRows(Rows &rows);
void addDynamicProductRows(Rows &rows);
void addElementwiseRows(Rows &rows);
void addEmbeddingRows(Rows &rows);
void addFusedRows(Rows &rows);
void addIndexingRows(Rows &rows);
void addMicrosoftAttentionRows(Rows &rows);
void addNormalizationRows(Rows &rows);
void addPoolingRows(Rows &rows);
void addPositionRows(Rows &rows);
void addQOperatorRows(Rows &rows);
void addQonnxRows(Rows &rows);
void addQuantizationRows(Rows &rows);
void addReductionRows(Rows &rows);
void addResizeRows(Rows &rows);
void addShapeRows(Rows &rows);
void addWeightOnlyRows(Rows &rows);

/// The element type of an ONNX data type number (TensorProto.DataType), or null.
Type getElementType(mlir::MLIRContext *context, int64_t dataType);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_ROWS_H
