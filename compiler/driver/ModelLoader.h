// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_MODELLOADER_H
#define QUERN_COMPILER_DRIVER_MODELLOADER_H

#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Options.h"
#include "compiler/driver/Quantization.h"
#include "passes/Interfaces/ModelRunner.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace quern::driver {

/// Brings models into this process, for commands that run them. What is wrong is printed.
class ModelLoader {
public:
  ModelLoader();
  mlir::MLIRContext &getContext() { return context; }
  /// The model as the stage `import` has it, quantized if a quantization is given; null on failure.
  mlir::OwningOpRef<mlir::ModuleOp> import(const CompileOptions &options,
                                           Quantization *quantization = nullptr);
  /// Ready to run: an ONNX model, quantized if its options say so, or a shared library artifact.
  /// Null on failure.
  std::unique_ptr<CompiledModel> load(const CompileOptions &options);
  /// Prints an error's text, if it has one.
  static void report(llvm::Error error);

private:
  std::unique_ptr<CompiledModel> loadLibrary(const std::string &path);

  mlir::MLIRContext context;
  DiagnosticPrinter printer;
};

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_MODELLOADER_H
