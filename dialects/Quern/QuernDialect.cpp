// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/QuernDialect.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace quern::qir;

#include "dialects/Quern/QuernDialect.cpp.inc"
#include "dialects/Quern/QuernEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Quern/QuernAttrs.cpp.inc"

void QuernDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Quern/QuernAttrs.cpp.inc"
      >();
}

void QuernDialect::initialize() {
  contentStore = std::make_shared<::quern::ContentStore>();
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Quern/QuernOps.cpp.inc"
      >();
}
