// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Placement.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Quantize/InsertQuantization.h"
#include "passes/Quantize/Segments.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// conv, clip, depthwise, relu, max pool, product with a residual, and a float tail.
static const char *const model = R"(
func.func @main(%x: tensor<1x3x4x4xf32> {quern.name = "x"})
    -> (tensor<1x8xf32> {quern.name = "y"}) {
  %w1 = quern.constant(dense<0.5> : tensor<8x3x1x1xf32>) {site = "w1"} : tensor<8x3x1x1xf32>
  %b1 = quern.constant(dense<0.1> : tensor<8xf32>) {site = "b1"} : tensor<8xf32>
  %w2 = quern.constant(dense<0.5> : tensor<8x1x1x1xf32>) {site = "w2"} : tensor<8x1x1x1xf32>
  %w3 = quern.constant(dense<0.5> : tensor<8x8xf32>) {site = "w3"} : tensor<8x8xf32>
  %c1 = onnx.node "Conv"(%x, %w1, %b1) since 11 outputs ["c1"]
      : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>, tensor<8xf32>) -> tensor<1x8x4x4xf32>
  %a1 = onnx.node "Relu"(%c1) since 14 outputs ["a1"]
      : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %c2 = onnx.node "Conv"(%a1, %w2) since 11 outputs ["c2"] attributes {group = 8 : i64}
      : (tensor<1x8x4x4xf32>, tensor<8x1x1x1xf32>) -> tensor<1x8x4x4xf32>
  %s = onnx.node "Add"(%c2, %c2) since 14 outputs ["s"]
      : (tensor<1x8x4x4xf32>, tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %m = onnx.node "MaxPool"(%s) since 12 outputs ["m"] attributes {kernel_shape = array<i64: 4, 4>}
      : (tensor<1x8x4x4xf32>) -> tensor<1x8x1x1xf32>
  %f = onnx.node "Flatten"(%m) since 21 outputs ["f"] : (tensor<1x8x1x1xf32>) -> tensor<1x8xf32>
  %p = onnx.node "MatMul"(%f, %w3) since 13 outputs ["p"]
      : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  %y = onnx.node "Softmax"(%p) since 13 outputs ["y"] : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
})";

namespace {

class PlacementTest : public testing::Test {
protected:
  PlacementTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  }
  static std::string list(const Placement &placement) {
    std::string text;
    for (const QuantizedTensor &tensor : placement.tensors)
      text += tensor.site + (tensor.source == tensor.site ? "" : "<-" + tensor.source) +
              (tensor.axis ? "/channel " : " ");
    return text;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(PlacementTest, CodesFeedContractionsSumsAndMovers) {
  ASSERT_TRUE(module);
  Placement placement = findPlacement(getMain(*module));
  // Between conv and relu, and after the product, values stay float.
  EXPECT_EQ(list(placement), "x a1/channel c2 s m<-s f<-s ");
  ASSERT_EQ(placement.weights.size(), 3u);
  EXPECT_TRUE(placement.weights[0].getBias());
  EXPECT_FALSE(placement.weights[1].getBias());
  EXPECT_EQ(placement.weights[1].biasOperand, 2u); // one can be added
  EXPECT_TRUE(placement.weights[1].isDepthwise());
  EXPECT_EQ(placement.weights[2].axis, 1);
  EXPECT_FALSE(placement.weights[2].biasOperand);
  EXPECT_EQ(placement.getSources().size(), 4u);
}

TEST_F(PlacementTest, ExcludedNodesStayFloat) {
  ASSERT_TRUE(module);
  Placement placement = findPlacement(getMain(*module), [](onnxir::NodeOp node) {
    return node.getOutputName(0) == "c2" || node.getOpType() == "Add";
  });
  EXPECT_EQ(list(placement), "x s m<-s f<-s ");
  EXPECT_EQ(placement.weights.size(), 2u);
}

TEST_F(PlacementTest, InsertionWritesThePlan) {
  ASSERT_TRUE(module);
  QuantizationPlan plan;
  plan.activations.push_back({"x", {{0.1F}, 5, std::nullopt}});
  plan.activations.push_back({"a1", {std::vector<float>(8, 0.2F), 0, 1}});
  WeightQuantization weight;
  weight.use = {"c2", 1, "w2"};
  weight.dims = {8, 1, 1, 1};
  weight.scales.assign(8, 0.5F);
  weight.codes.assign(8, 3);
  plan.weights.push_back(weight);
  plan.biases.push_back({{"c2", 2, ""}, std::vector<float>(8, 0.1F), std::vector<int32_t>(8, 9)});
  mlir::OwningOpRef<mlir::ModuleOp> other = module->clone();
  ASSERT_TRUE(succeeded(insertQuantization(*module, plan)));
  ASSERT_TRUE(succeeded(mlir::verify(*module)));
  auto find = [](mlir::ModuleOp in, llvm::StringRef site) {
    return findSite(getMain(in), site).getDefiningOp<onnxir::NodeOp>();
  };
  onnxir::NodeOp depthwise = find(*module, "c2");
  auto input = depthwise.getInput(0).getDefiningOp<onnxir::NodeOp>();
  EXPECT_EQ(input.getOutputName(0), "a1_dequantized");
  EXPECT_EQ(input.getInt("axis", -1), 1);
  auto codes = input.getInput(0).getDefiningOp<onnxir::NodeOp>();
  EXPECT_TRUE(codes.is("QuantizeLinear"));
  EXPECT_EQ(codes.getInput(0), findSite(getMain(*module), "a1"));
  EXPECT_TRUE(depthwise.getInput(2).getDefiningOp<onnxir::NodeOp>().is("DequantizeLinear"));
  // A part of the model gets its part of the plan.
  mlir::OwningOpRef<mlir::ModuleOp> part = extractSegment(*other, {"c2"}, {"s"});
  ASSERT_TRUE(part);
  QuantizationPlan restricted = restrictPlan(plan, *part);
  EXPECT_TRUE(restricted.activations.empty() && restricted.weights.empty() &&
              restricted.biases.empty());
  part = extractSegment(*other, {"a1"}, {"c2"});
  restricted = restrictPlan(plan, *part);
  EXPECT_EQ(restricted.activations.size(), 1u);
  EXPECT_EQ(restricted.weights.size(), 1u);
  EXPECT_EQ(restricted.biases.size(), 1u);
  ASSERT_TRUE(succeeded(insertQuantization(*part, restricted)));
  ASSERT_TRUE(succeeded(mlir::verify(*part)));
}
