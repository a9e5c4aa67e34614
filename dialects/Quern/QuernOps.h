// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_QUERNOPS_H
#define QUERN_DIALECTS_QUERN_QUERNOPS_H

#include "dialects/Quern/QuernDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/Quern/QuernOps.h.inc"

#endif // QUERN_DIALECTS_QUERN_QUERNOPS_H
