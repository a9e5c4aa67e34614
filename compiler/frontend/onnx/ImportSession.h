// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_FRONTEND_ONNX_IMPORTSESSION_H
#define QUERN_COMPILER_FRONTEND_ONNX_IMPORTSESSION_H

#include "compiler/frontend/onnx/ExternalData.h"
#include "compiler/frontend/onnx/OnnxImport.h"
#include "compiler/frontend/onnx/WireScan.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/onnx_pb.h>

namespace quern::onnxfile {

/// A constant whose bytes stay in a mapped file; to the onnx library it is a graph input.
struct StoredTensor {
  int32_t dataType = 0;
  std::vector<int64_t> dims;
  MappedRange payload;
};

/// What the steps of one import share. The steps, in order: read, check, hoist, bind, normalize,
/// build; each fails after emitting a diagnostic.
struct ImportSession {
  ImportSession(mlir::MLIRContext &context, llvm::StringRef path, const OnnxImportOptions &options)
      : context(context), path(path), options(options), externalFiles(path) {}

  mlir::MLIRContext &context;
  std::string path;
  const OnnxImportOptions &options;
  std::shared_ptr<MappedFile> file;
  WireScan scan;
  onnx::ModelProto model;
  ExternalFiles externalFiles;
  llvm::StringMap<StoredTensor> stored;
  /// First named output of a node → the node's index in the file (rewriting the graph moves it).
  llvm::StringMap<unsigned> fileIndex;

  mlir::Location fileLocation() const;
  /// A tensor or input of the graph.
  mlir::Location tensorLocation(llvm::StringRef name) const;
  /// The node's name ("OpType_<index>" if it has none) over file and index.
  mlir::Location nodeLocation(const onnx::NodeProto &node, unsigned index) const;
  mlir::InFlightDiagnostic error(mlir::Location location) const;
  /// Emits an llvm::Error's text at the location, after `prefix`.
  mlir::LogicalResult fail(mlir::Location location, llvm::Error problem,
                           const llvm::Twine &prefix = "") const;
};

/// Maps the file and parses what the wire scan leaves of it.
mlir::LogicalResult readModel(ImportSession &session);
/// Versions, domains, operators, names, references, control flow, expansion of functions. Sorts
/// the nodes so that each stands after those whose results it uses.
mlir::LogicalResult checkModel(ImportSession &session);
/// Checks all constants and turns those whose bytes were cut out or are external and large into
/// graph inputs (`stored`), so that the onnx library handles them without their bytes.
mlir::LogicalResult hoistConstants(ImportSession &session);
/// Gives every input a static shape from the file and the options.
mlir::LogicalResult bindShapes(ImportSession &session);
/// onnx's checker, function inliner, version converter (to `targetOpset`) and shape inference.
mlir::LogicalResult normalizeModel(ImportSession &session);
/// The operator set to which models are converted. Later ones only widen type lists or add
/// operators; models that are already newer stay as they are.
inline constexpr int64_t targetOpset = 21;
/// The oldest operator set whose operators are imported.
inline constexpr int64_t oldestOpset = 7;
/// Whether a domain is one of the onnx library's own ("" is ai.onnx).
bool isOnnxDomain(llvm::StringRef domain);

mlir::OwningOpRef<mlir::ModuleOp> buildModule(ImportSession &session);

} // namespace quern::onnxfile

#endif // QUERN_COMPILER_FRONTEND_ONNX_IMPORTSESSION_H
