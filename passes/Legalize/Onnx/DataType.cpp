// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Onnx/Rows.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

/// The numbers are those of TensorProto.DataType in onnx.proto.
Type quern::legalize::getElementType(MLIRContext *context, int64_t dataType) {
  Builder b(context);
  auto integer = [&](unsigned width, bool isSigned) -> Type {
    return b.getIntegerType(width, isSigned);
  };
  switch (dataType) {
  case 1:
    return b.getF32Type();
  case 2:
    return integer(8, false);
  case 3:
    return integer(8, true);
  case 4:
    return integer(16, false);
  case 5:
    return integer(16, true);
  case 6:
    return integer(32, true);
  case 7:
    return integer(64, true);
  case 9:
    return b.getI1Type();
  case 10:
    return b.getF16Type();
  case 11:
    return b.getF64Type();
  case 12:
    return integer(32, false);
  case 13:
    return integer(64, false);
  case 16:
    return b.getBF16Type();
  case 17:
    return Float8E4M3FNType::get(context);
  case 19:
    return Float8E5M2Type::get(context);
  case 21:
    return integer(4, false);
  case 22:
    return integer(4, true);
  case 23:
    return Float4E2M1FNType::get(context);
  case 25:
    return integer(2, false);
  case 26:
    return integer(2, true);
  default:
    return nullptr;
  }
}
