// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_DIAGNOSTICS_H
#define QUERN_COMPILER_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"

namespace quern::driver {

/// Prints diagnostics to standard error as `error: FILE: node 'NAME' (Op): message`, notes
/// likewise.
class DiagnosticPrinter {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext &context);
  /// Remembers the operators of an imported graph's nodes, to name them later.
  void learnNodes(mlir::ModuleOp module);
  /// Whether an error was printed.
  bool hasErrors() const { return errors; }

private:
  void print(mlir::Diagnostic &diagnostic, llvm::StringRef severity);
  std::string describe(mlir::Location location) const;
  mlir::ScopedDiagnosticHandler handler;
  llvm::StringMap<std::string> operators;
  bool errors = false;
};

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_DIAGNOSTICS_H
