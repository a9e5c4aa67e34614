// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_SEGMENTS_H
#define QUERN_PASSES_QUANTIZE_SEGMENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace quern {

/// Whether a value of `@main` is made before the other; arguments come first.
bool isMadeBefore(mlir::Value value, mlir::Value other);

/// A place in a graph, right behind the node that makes some wanted value.
struct GraphCut {
  /// The sites that are known there and needed behind it, the wanted ones among them.
  std::vector<std::string> live;
};

/// Cuts a graph (stage `import`) behind each of the values, which are in graph order. What depends
/// on constants alone is never live: a segment computes it anew.
std::vector<GraphCut> cutGraph(mlir::func::FuncOp main, llvm::ArrayRef<mlir::Value> wanted);

/// The part of a module that computes `outputs` from `inputs` (sites): its `@main` has them as its
/// results and (where it reads them) its arguments. Null, after a diagnostic, if there is no such
/// site.
mlir::OwningOpRef<mlir::ModuleOp> extractSegment(mlir::ModuleOp module,
                                                 llvm::ArrayRef<std::string> inputs,
                                                 llvm::ArrayRef<std::string> outputs);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_SEGMENTS_H
