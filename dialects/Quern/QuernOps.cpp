// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/Builders.h"

using namespace quern::qir;

#define GET_OP_CLASSES
#include "dialects/Quern/QuernOps.cpp.inc"
