// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_PASSES_TD
#define QUERN_COMPILER_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def EmitKernels : Pass<"emit-kernels", "::mlir::ModuleOp"> {
  let summary = "Write a kernel function for each different dispatch";
  let description = [{
    Every `quern.dispatch` of `@main` gets a function in `scf`, `vector`, `memref` and `arith` that computes
    a range of its units, and an attribute `kernel` that names it. Dispatches that differ only in the
    values of their operands share one kernel: it reads them from its arguments.

    Before:
    ```mlir
    %r = quern.dispatch ins(%x : tensor<8xf32>) {
      ^bb0(%a: tensor<8xf32>): … quern.map …
    } -> tensor<8xf32>
    ```
    After, the dispatch has `kernel = @map_0` and the module a function
    ```mlir
    func.func @map_0(%in: memref<8xf32>, %out: memref<8xf32>, %begin: index, %end: index)
    ```
    Tested in test/Target/row-and-window-kernels.mlir.
  }];
  let options = [Option<"target", "target", "std::string", "\"x86-vnni\"", "name of the target">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

#endif // QUERN_COMPILER_TARGET_PASSES_TD
