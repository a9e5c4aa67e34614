// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PIPELINE_PIPELINE_H
#define QUERN_COMPILER_PIPELINE_PIPELINE_H

#include "compiler/target/TargetBackend.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace quern {

/// A model on its way through the stages.
struct Compilation {
  /// The files that were read beside the input: external data.
  std::vector<std::string> externalFiles;
  /// The model itself; null before `import`.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The kernels in the LLVM dialect; null before `llvm`.
  mlir::OwningOpRef<mlir::ModuleOp> kernels;
};

struct PipelineOptions {
  std::string input; ///< a model file, or with `startFrom` a .mlir file of that stage
  const TargetBackend *target = nullptr;
  /// Graph input and its dimensions; globs of tensors to add to the outputs.
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
  std::vector<std::string> keep;
  bool exchangeCodes = false; ///< codes instead of floats at the interface (pass exchange-codes)
  int threadsMax = 0;         ///< threads among which work is divided; 0: the pass's own number
  std::string startFrom;      ///< the stage whose result `input` is; empty: a model file
  std::string stopAfter;      ///< the last stage that is run; empty: all
  std::string dumpDirectory;  ///< where to write NN-stage.mlir and blobs/; empty: nowhere
  /// Called on what `import` gave, as a part of that stage: the driver quantizes there. Null:
  /// nothing.
  std::function<mlir::LogicalResult(mlir::ModuleOp)> quantize;
  /// Called before each stage with its name.
  std::function<void(llvm::StringRef)> onStage;
  /// Called after each stage.
  std::function<void(llvm::StringRef, const Compilation &)> afterStage;
};

/// One step of the pipeline; what a stage's result looks like is docs/ir.md's subject.
struct Stage {
  const char *name;
  const char *description;
  mlir::LogicalResult (*run)(mlir::MLIRContext &, const PipelineOptions &, Compilation &);
};

/// All stages in order. The one list behind --stop-after, --start-from and --dump-stages.
llvm::ArrayRef<Stage> getStages();

/// The number of the stage of that name, or -1.
int findStage(llvm::StringRef name);

/// Runs the stages that the options ask for. Problems are reported as diagnostics.
mlir::FailureOr<Compilation> runPipeline(mlir::MLIRContext &context,
                                         const PipelineOptions &options);

/// The same from a module that is the result of the stage `options.startFrom`.
mlir::FailureOr<Compilation> runPipeline(mlir::MLIRContext &context, const PipelineOptions &options,
                                         mlir::OwningOpRef<mlir::ModuleOp> module);

/// Prints a module so that --start-from reads it again: locations included.
void printStage(mlir::ModuleOp module, llvm::raw_ostream &stream);

} // namespace quern

#endif // QUERN_COMPILER_PIPELINE_PIPELINE_H
