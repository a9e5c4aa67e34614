// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What passes that recognize subgraphs ask about values.

#ifndef QUERN_PASSES_LEGALIZE_MATCH_H
#define QUERN_PASSES_LEGALIZE_MATCH_H

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernOps.h"

namespace quern {

/// The only element of a constant.
inline std::optional<double> scalar(mlir::Value value) { return readScalarConstant<double>(value); }

/// The op that makes `value`, if it is a binary of this kind; else null.
inline qir::BinaryOp matchBinary(mlir::Value value, qir::BinaryKind kind) {
  auto op = value.getDefiningOp<qir::BinaryOp>();
  return op && op.getKind() == kind ? op : qir::BinaryOp();
}

/// The op that makes `value`, if it is a unary of this kind; else null.
inline qir::UnaryOp matchUnary(mlir::Value value, qir::UnaryKind kind) {
  auto op = value.getDefiningOp<qir::UnaryOp>();
  return op && op.getKind() == kind ? op : qir::UnaryOp();
}

} // namespace quern

#endif // QUERN_PASSES_LEGALIZE_MATCH_H
