// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_SITES_H
#define QUERN_PASSES_CALIBRATE_SITES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>

namespace quern {

/// A tensor to observe: all of it, or each channel (an index of dimension `axis`, not the first) by
/// itself.
struct ObservedSite {
  std::string name;
  std::optional<int64_t> axis;
};

/// `@main` of a module of the stage `import`; null if there is none.
mlir::func::FuncOp getMain(mlir::ModuleOp module);

/// The ONNX name of a value in `@main`: of a node's result, an argument or a constant. Empty if it
/// has none.
llvm::StringRef getSite(mlir::Value value);

/// The node's result or argument of that name, or null.
mlir::Value findSite(mlir::func::FuncOp main, llvm::StringRef site);

/// Makes each site an output of `@main`, after those that are there; one that is an output or an
/// input already is left as it is. Fails if there is no such site.
mlir::LogicalResult tapSites(mlir::func::FuncOp main, llvm::ArrayRef<std::string> sites);

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_SITES_H
