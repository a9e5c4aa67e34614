// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_QUERNDIALECT_H
#define QUERN_DIALECTS_QUERN_QUERNDIALECT_H

#include "dialects/Quern/ContentStore.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/Quern/QuernDialect.h.inc"
#include "dialects/Quern/QuernEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Quern/QuernAttrs.h.inc"

#endif // QUERN_DIALECTS_QUERN_QUERNDIALECT_H
