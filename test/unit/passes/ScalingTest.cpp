// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ChannelScaling.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// A normalization whose result two products read; a product whose result, after a bias, one reads;
/// a sum that is read by a product and by another node; a gated product.
static const char *const model = R"(
func.func @main(%x: tensor<2x3xf32> {quern.name = "x"}) -> (tensor<2x3xf32> {quern.name = "z"}) {
  %scale = quern.constant(dense<[1.0, 2.0, 3.0]> : tensor<3xf32>) {site = "scale"} : tensor<3xf32>
  %shift = quern.constant(dense<[4.0, 5.0, 6.0]> : tensor<3xf32>) {site = "shift"} : tensor<3xf32>
  %w = quern.constant(dense<1.0> : tensor<3x3xf32>) {site = "w"} : tensor<3x3xf32>
  %n = onnx.node "LayerNormalization"(%x, %scale, %shift) since 17 outputs ["n"]
      : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %p = onnx.node "MatMul"(%n, %w) since 13 outputs ["p"]
      : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %g = onnx.node "MatMul"(%n, %w) since 13 outputs ["g"]
      : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %s = onnx.node "Sigmoid"(%g) since 13 outputs ["s"] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %gated = onnx.node "Mul"(%s, %p) since 14 outputs ["gated"]
      : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = onnx.node "MatMul"(%gated, %w) since 13 outputs ["q"]
      : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %b = onnx.node "Add"(%q, %shift) since 14 outputs ["b"]
      : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %r = onnx.node "Relu"(%b) since 14 outputs ["r"] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %t = onnx.node "MatMul"(%r, %w) since 13 outputs ["t"]
      : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %e = onnx.node "Add"(%t, %x) since 14 outputs ["e"]
      : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %u = onnx.node "MatMul"(%e, %w) since 13 outputs ["u"]
      : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %z = onnx.node "Add"(%u, %e) since 14 outputs ["z"]
      : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
})";

namespace {

class NoRunner : public ModelRunner {
public:
  mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp) const override {
    return mlir::failure();
  }
};

class NoSamples : public SampleSource {
public:
  size_t size() const override { return 0; }
  llvm::Error read(size_t, llvm::ArrayRef<char *>) override { return llvm::Error::success(); }
};

class ScalingTest : public testing::Test {
protected:
  ScalingTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
    state = std::make_unique<QuantizationState>(
        QuantizationState{*module,
                          runner,
                          samples,
                          findPlacement(getMain(*module)),
                          {},
                          false,
                          Statistics(*lookupObserver("minmax"), *lookupObserver("minmax")),
                          {},
                          nullptr});
  }
  std::vector<float> read(llvm::StringRef node, unsigned operand) {
    auto op = findSite(getMain(*module), node).getDefiningOp<onnxir::NodeOp>();
    return *readConstant<float>(op.getInput(operand));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  NoRunner runner;
  NoSamples samples;
  std::unique_ptr<QuantizationState> state;
};

} // namespace

TEST_F(ScalingTest, FindsWhatCanTakeAFactor) {
  std::string text;
  for (const ScalableGroup &group : findScalableGroups(*state)) {
    text += getSite(group.input).str() + ":";
    for (ScalableGroup::Operand producer : group.producers)
      text += " " + producer.node.getOutputName(0).str() + std::to_string(producer.operand);
    text += " -> " + std::to_string(group.layers.size()) + "; ";
  }
  // The model's input has no maker; `e` is read by more than products.
  EXPECT_EQ(text, "n: n1 n2 -> 2; gated: p1 -> 1; r: b1 q1 -> 1; ");
}

TEST_F(ScalingTest, DividesAndMultiplies) {
  std::vector<ScalableGroup> groups = findScalableGroups(*state);
  ASSERT_EQ(groups.size(), 3u);
  divideChannels(*state, groups[0], {1, 2, 4});
  EXPECT_EQ(read("n", 1), (std::vector<float>{1, 1, 0.75F}));
  EXPECT_EQ(read("n", 2), (std::vector<float>{4, 2.5F, 1.5F}));
  EXPECT_EQ(read("p", 1), (std::vector<float>{1, 1, 1, 2, 2, 2, 4, 4, 4}));
  EXPECT_EQ(read("g", 1), read("p", 1));
  // Others that read the same constant keep it.
  EXPECT_EQ(read("b", 1), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(read("q", 1), std::vector<float>(9, 1));
  // A product's own output channels, in addition to its input channels.
  divideChannels(*state, groups[1], {1, 2, 4});
  EXPECT_EQ(read("p", 1), (std::vector<float>{1, 0.5F, 0.25F, 2, 1, 0.5F, 4, 2, 1}));
  EXPECT_EQ(read("g", 1), (std::vector<float>{1, 1, 1, 2, 2, 2, 4, 4, 4}));
  // Each change once, as it is now, for the file that is exported.
  EXPECT_EQ(state->plan.constants.size(), 5u);
  for (const ConstantChange &change : state->plan.constants)
    EXPECT_EQ(change.values, read(change.use.node, change.use.operand)) << change.use.node;
}
