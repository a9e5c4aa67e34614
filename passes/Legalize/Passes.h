// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The passes of the Legalize stage: from the ONNX file's own operators to the waist. Each
/// pass is described, with an example, in Passes.td.

#ifndef QUERN_PASSES_LEGALIZE_PASSES_H
#define QUERN_PASSES_LEGALIZE_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace mlir {
class ModuleOp;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace quern {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Legalize/Passes.h.inc"

} // namespace quern

#endif // QUERN_PASSES_LEGALIZE_PASSES_H
