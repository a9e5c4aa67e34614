// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_FRONTEND_ONNX_ONNXIMPORT_H
#define QUERN_COMPILER_FRONTEND_ONNX_ONNXIMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace quern {

/// What the user says about an import beside the file.
struct OnnxImportOptions {
  /// Graph input → its dimensions (each at least 1). Sizes that the file fixes must agree; a
  /// symbolic size that is bound here is bound wherever its symbol stands.
  llvm::StringMap<std::vector<int64_t>> shapes;
  /// Globs over tensor names: what they match becomes a graph output, after the file's own.
  std::vector<std::string> keep;
  /// If not null, gets the paths of the files beside the model that hold tensors, sorted.
  std::vector<std::string> *externalFiles = nullptr;
};

/// Imports the ONNX file `path` (IR version 3 on, opset 7 on) as `func.func @main`: one
/// `onnx.node` for each node, `quern.constant` for initializers and `Constant` nodes. Arguments
/// and results carry `quern.name`, the ONNX tensor's name; argument shapes are static.
///
/// The file is untrusted: whatever it holds, the result is a module or null after a diagnostic
/// that names file and node or tensor. Weights stay in the mapped file (content store of the
/// quern dialect); the anonymous memory taken is proportional to the rest of the model.
/// Loads the dialects it needs. Throws nothing.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                             const OnnxImportOptions &options = {});

} // namespace quern

#endif // QUERN_COMPILER_FRONTEND_ONNX_ONNXIMPORT_H
