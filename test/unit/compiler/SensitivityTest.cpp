// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/precision/Sensitivity.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sites.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// A product of 70 inputs and 6 outputs, and a convolution of 3x3, whose node has a glob's letters.
static const char *const model = R"(
func.func @main(%x: tensor<1x5x70xf32> {quern.name = "x"},
                %i: tensor<1x40x4x4xf32> {quern.name = "i"})
    -> (tensor<1x5x6xf32> {quern.name = "y"}, tensor<1x2x2x2xf32> {quern.name = "z"}) {
  %w = quern.constant(dense<0.5> : tensor<70x6xf32>) {site = "w"} : tensor<70x6xf32>
  %k = quern.constant(dense<0.5> : tensor<2x40x3x3xf32>) {site = "k"} : tensor<2x40x3x3xf32>
  %y = onnx.node "MatMul"(%x, %w) since 13 outputs ["y"]
      : (tensor<1x5x70xf32>, tensor<70x6xf32>) -> tensor<1x5x6xf32> loc("a[0]*")
  %z = onnx.node "Conv"(%i, %k) since 11 outputs ["z"]
      : (tensor<1x40x4x4xf32>, tensor<2x40x3x3xf32>) -> tensor<1x2x2x2xf32>
  return %y, %z : tensor<1x5x6xf32>, tensor<1x2x2x2xf32>
})";

TEST(Sensitivity, BytesAreThoseOfCodesAndScales) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  Placement placement = findPlacement(getMain(*module));
  ASSERT_EQ(placement.weights.size(), 2u);
  auto count = [&](unsigned layer, const char *scheme, int64_t group) {
    return countChoiceBytes(placement.weights[layer], {lookupWeightScheme(scheme), group});
  };
  // 420 weights.
  EXPECT_EQ(count(0, "s8", 0), 420 + 6 * 4);
  EXPECT_EQ(count(0, "s4", 0), 210 + 6 * 4);
  EXPECT_EQ(count(0, "s3", 0), 158 + 6 * 4);      // 157.5
  EXPECT_EQ(count(0, "s2", 32), 105 + 6 * 3 * 4); // the last group is what is left
  EXPECT_EQ(count(0, "u4", 32), 210 + 6 * 3 * 4 + 9);
  // 720 weights, groups of input channels at each of nine positions.
  EXPECT_EQ(count(1, "s4", 0), 360 + 2 * 4);
  EXPECT_EQ(count(1, "s4", 32), 360 + 2 * 2 * 9 * 4);
  EXPECT_EQ(countChoiceBytes(placement.weights[0], {}), 4 * 420);
}

TEST(Sensitivity, NamesAndRules) {
  EXPECT_EQ(getChoiceName({lookupWeightScheme("s3"), 64}), "s3/64");
  EXPECT_EQ(getChoiceName({lookupWeightScheme("s8"), 0}), "s8");
  EXPECT_EQ(getChoiceName({}), "float");
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  Placement placement = findPlacement(getMain(*module));
  EXPECT_EQ(getLayerName(placement.weights[0]), "a[0]*");
  EXPECT_EQ(makeRule(placement.weights[0], {}).nodes, "a\\[0\\]\\*");
}
