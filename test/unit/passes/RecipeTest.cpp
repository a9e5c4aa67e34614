// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Recipe.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// conv of the input, depthwise, conv, product.
static const char *const model = R"(
func.func @main(%x: tensor<1x4x4x4xf32> {quern.name = "x"})
    -> (tensor<1x4x4x4xf32> {quern.name = "y"}) {
  %w = quern.constant(dense<0.5> : tensor<4x4x1x1xf32>) {site = "w"} : tensor<4x4x1x1xf32>
  %d = quern.constant(dense<0.5> : tensor<4x1x1x1xf32>) {site = "d"} : tensor<4x1x1x1xf32>
  %m = quern.constant(dense<0.5> : tensor<4x4xf32>) {site = "m"} : tensor<4x4xf32>
  %a = onnx.node "Conv"(%x, %w) since 11 outputs ["a"]
      : (tensor<1x4x4x4xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x4x4xf32> loc("stem")
  %b = onnx.node "Conv"(%a, %d) since 11 outputs ["b"] attributes {group = 4 : i64}
      : (tensor<1x4x4x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x4x4xf32> loc("block/depthwise")
  %c = onnx.node "Conv"(%b, %w) since 11 outputs ["c"]
      : (tensor<1x4x4x4xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x4x4xf32> loc("block/pointwise")
  %y = onnx.node "MatMul"(%c, %m) since 13 outputs ["y"]
      : (tensor<1x4x4x4xf32>, tensor<4x4xf32>) -> tensor<1x4x4x4xf32> loc("head")
  return %y : tensor<1x4x4x4xf32>
})";

namespace {

class RecipeTest : public testing::Test {
protected:
  RecipeTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  }
  static Recipe makeRecipe(llvm::StringRef word) { return getDefaultRecipe(*parsePrecision(word)); }
  /// What each layer gets, or the error.
  std::string resolve(const Recipe &recipe) {
    auto resolved = resolveRecipe(module->lookupSymbol<mlir::func::FuncOp>("main"), recipe);
    if (!resolved)
      return llvm::toString(resolved.takeError());
    std::string text;
    for (const WeightChoice &choice : resolved->choices)
      text += choice.scheme->name.str() + "/" + std::to_string(choice.group) + " ";
    return text;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(RecipeTest, WordsOfPrecision) {
  EXPECT_FALSE(parsePrecision("int8")->floatActivations);
  EXPECT_EQ(parsePrecision("int8")->weights.scheme->name, "s8");
  auto precision = parsePrecision("w4g32a8");
  ASSERT_TRUE(precision);
  EXPECT_FALSE(precision->floatActivations);
  EXPECT_EQ(precision->weights.scheme->name, "s4");
  EXPECT_EQ(precision->weights.group, 32);
  precision = parsePrecision("w3");
  ASSERT_TRUE(precision);
  EXPECT_TRUE(precision->floatActivations);
  EXPECT_EQ(precision->weights.group, 0);
  for (llvm::StringRef wrong :
       {"", "int4", "w", "w5", "w4g", "w4g33", "w4g32a", "w4a16", "4", "w4x"})
    EXPECT_FALSE(parsePrecision(wrong)) << wrong.str();
}

TEST_F(RecipeTest, FewBitsSpareFirstAndDepthwiseConvolutions) {
  EXPECT_EQ(resolve(makeRecipe("int8")), "s8/0 s8/0 s8/0 s8/0 ");
  EXPECT_EQ(resolve(makeRecipe("w4g32a8")), "s8/0 s8/0 s4/32 s4/32 ");
}

TEST_F(RecipeTest, TheLastRuleThatMatchesCounts) {
  Recipe recipe = makeRecipe("w4a8");
  recipe.layers = {{"block/*", {lookupWeightScheme("s3"), 64}},
                   {"*wise", {lookupWeightScheme("u4"), 32}},
                   {"stem", {lookupWeightScheme("s2"), 0}}};
  // A depthwise convolution has nothing to group.
  EXPECT_EQ(resolve(recipe), "s2/0 u4/0 u4/32 s4/0 ");
  recipe.layers.push_back({"block/point*", {}});
  EXPECT_EQ(resolve(recipe), "s2/0 u4/0 s4/0 "); // in float
}

TEST_F(RecipeTest, GlobsThatMatchNothingAreErrors) {
  Recipe recipe = makeRecipe("int8");
  recipe.layers = {{"blok/*", {lookupWeightScheme("s3"), 0}}};
  EXPECT_EQ(resolve(recipe), "'blok/*' matches no node, expected one at least");
  recipe.layers.clear();
  recipe.exclude = {"*"};
  EXPECT_NE(resolve(recipe).find("no Conv, Gemm or MatMul"), std::string::npos);
}
