// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_ONNX_ONNXOPS_H
#define QUERN_DIALECTS_ONNX_ONNXOPS_H

#include "dialects/Onnx/OnnxDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#define GET_OP_CLASSES
#include "dialects/Onnx/OnnxOps.h.inc"

#endif // QUERN_DIALECTS_ONNX_ONNXOPS_H
