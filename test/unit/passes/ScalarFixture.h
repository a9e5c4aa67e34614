// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Builds a scalar program from a builder call and runs it.

#ifndef QUERN_TEST_UNIT_PASSES_SCALARFIXTURE_H
#define QUERN_TEST_UNIT_PASSES_SCALARFIXTURE_H

#include "passes/Numerics/Algorithms.h"
#include "passes/Numerics/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <functional>
#include <gtest/gtest.h>

namespace quern::numerics {

/// One function of scalars, made by a builder.
class ScalarFunction {
public:
  using Emit = std::function<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

  ScalarFunction(llvm::ArrayRef<char> types, const Emit &emit) {
    context.loadDialect<mlir::arith::ArithDialect, mlir::math::MathDialect, qir::QuernDialect>();
    mlir::Location location = mlir::UnknownLoc::get(&context);
    mlir::ImplicitLocOpBuilder b(location, &context);
    b.setInsertionPointToEnd(&block);
    for (char type : types)
      block.addArgument(typeOf(b, type), location);
    mlir::Value result = emit(b, block.getArguments());
    EXPECT_TRUE(result);
    qir::YieldOp::create(b, result);
    std::optional<ScalarProgram> compiled = ScalarProgram::compile(block);
    EXPECT_TRUE(compiled);
    program = std::make_unique<ScalarProgram>(std::move(*compiled));
  }

  ScalarValue operator()(llvm::ArrayRef<ScalarValue> arguments) {
    ScalarValue result;
    program->run(arguments, result);
    return result;
  }
  float f32(float x) { return (*this)({ScalarValue::ofF32(x)}).f32(); }
  float f32(float x, float y) {
    return (*this)({ScalarValue::ofF32(x), ScalarValue::ofF32(y)}).f32();
  }
  size_t size() { return block.getOperations().size(); }

private:
  static mlir::Type typeOf(mlir::OpBuilder &b, char type) {
    switch (type) {
    case 'f':
      return b.getF32Type();
    case 'd':
      return b.getF64Type();
    case 'l':
      return b.getI64Type();
    default:
      return b.getI32Type();
    }
  }
  mlir::MLIRContext context;
  mlir::Block block;
  std::unique_ptr<ScalarProgram> program;
};

} // namespace quern::numerics

#endif // QUERN_TEST_UNIT_PASSES_SCALARFIXTURE_H
