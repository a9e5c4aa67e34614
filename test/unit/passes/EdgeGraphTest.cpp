// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/EdgeGraph.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sites.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// x -> codes -> Relu -> codes -> Neg; Relu -> Add with x's codes.
static const char *const model = R"(
func.func @main(%x: tensor<1x4xf32> {quern.name = "x"})
    -> (tensor<1x4xf32> {quern.name = "z"}) {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %t = quern.constant(dense<[1.0, 2.0, 1.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %zs = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %zt = quern.constant(dense<0> : tensor<4xui8>) : tensor<4xui8>
  %q = onnx.node "QuantizeLinear"(%x, %s, %zs) since 13 outputs ["x_q"]
      : (tensor<1x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4xui8>
  %d = onnx.node "DequantizeLinear"(%q, %s, %zs) since 13 outputs ["x_d"]
      : (tensor<1x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4xf32>
  %r = onnx.node "Relu"(%d) since 14 outputs ["r"] : (tensor<1x4xf32>) -> tensor<1x4xf32>
      loc("relu")
  %p = onnx.node "QuantizeLinear"(%r, %t, %zt) since 13 outputs ["r_q"] attributes {axis = 1 : i64}
      : (tensor<1x4xf32>, tensor<4xf32>, tensor<4xui8>) -> tensor<1x4xui8>
  %e = onnx.node "DequantizeLinear"(%p, %t, %zt) since 13 outputs ["r_d"]
      attributes {axis = 1 : i64}
      : (tensor<1x4xui8>, tensor<4xf32>, tensor<4xui8>) -> tensor<1x4xf32>
  %z = onnx.node "Add"(%e, %d) since 14 outputs ["z"]
      : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32> loc("add")
  return %z : tensor<1x4xf32>
})";

namespace {

class EdgeGraphTest : public testing::Test {
protected:
  EdgeGraphTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  }
  EdgeGraph make(llvm::ArrayRef<std::string> floats = {}) {
    auto graph = EdgeGraph::make(*module, floats);
    EXPECT_TRUE(succeeded(graph));
    return std::move(*graph);
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(EdgeGraphTest, FindsCodesAndOutputsInOrder) {
  ASSERT_TRUE(module);
  EdgeGraph graph = make({"r"}); // read by nothing but its codes: left out
  ASSERT_EQ(graph.getEdges().size(), 3u);
  EXPECT_EQ(graph.getEdges()[0].name, "x_q");
  EXPECT_EQ(graph.getEdges()[1].name, "r_q");
  EXPECT_EQ(graph.getEdges()[1].node, "relu");
  EXPECT_EQ(graph.getEdges()[1].operation, "Relu");
  EXPECT_EQ(graph.getEdges()[2].name, "z");
  EXPECT_TRUE(graph.getEdges()[2].isOutput);
  EXPECT_EQ(graph.getEdges()[0].inputs, (std::vector<size_t>{}));
  EXPECT_EQ(graph.getEdges()[1].inputs, (std::vector<size_t>{0}));
  EXPECT_EQ(graph.getEdges()[2].inputs, (std::vector<size_t>{0, 1}));
  // The module itself is as it was.
  EXPECT_EQ(getMain(*module).getNumResults(), 1u);
}

TEST_F(EdgeGraphTest, FloatsThatAreReadAsFloatsStay) {
  EdgeGraph graph = make({"r_d"});
  ASSERT_EQ(graph.getEdges().size(), 4u);
  EXPECT_EQ(graph.getEdges()[2].name, "r_d");
  EXPECT_FALSE(graph.getEdges()[2].getQuantize());
}

TEST_F(EdgeGraphTest, FilterConnectsWhatIsLeft) {
  EdgeGraph graph = make();
  graph.filter([](const Edge &edge) { return edge.name != "r_q"; });
  ASSERT_EQ(graph.getEdges().size(), 2u);
  EXPECT_EQ(graph.getEdges()[1].inputs, (std::vector<size_t>{0}));
}

TEST_F(EdgeGraphTest, CodeStepsFollowTheAxis) {
  EdgeGraph graph = make();
  auto whole = getCodeSteps(graph.getEdges()[0]), channels = getCodeSteps(graph.getEdges()[1]);
  ASSERT_TRUE(whole && channels);
  EXPECT_EQ(whole->getStep(3), 0.5);
  EXPECT_EQ(whole->low, -3);
  EXPECT_EQ(whole->high, 252);
  EXPECT_EQ(channels->getStep(1), 2);
  EXPECT_EQ(channels->getStep(3), 4);
  EXPECT_FALSE(getCodeSteps(graph.getEdges()[2]));
}

TEST_F(EdgeGraphTest, TappedShowsEveryEdge) {
  EdgeGraph graph = make();
  auto codes = graph.makeTapped(EdgeGraph::Show::Codes);
  ASSERT_TRUE(succeeded(mlir::verify(*codes)));
  EXPECT_TRUE(getMain(*codes).getResultTypes()[1] ==
              mlir::RankedTensorType::get(
                  {1, 4}, mlir::IntegerType::get(&context, 8, mlir::IntegerType::Unsigned)));
  auto reals = graph.makeTapped(EdgeGraph::Show::Reals);
  ASSERT_TRUE(succeeded(mlir::verify(*reals)));
  for (mlir::Type type : getMain(*reals).getResultTypes())
    EXPECT_TRUE(llvm::cast<mlir::RankedTensorType>(type).getElementType().isF32());
  EXPECT_EQ(getMain(*reals).getResultAttrOfType<mlir::StringAttr>(2, "quern.name").str(),
            "quern.edge.2");
}

TEST_F(EdgeGraphTest, ForcedComputesEachEdgeFromArguments) {
  EdgeGraph graph = make();
  auto forced = graph.makeForced();
  ASSERT_TRUE(succeeded(mlir::verify(*forced)));
  mlir::func::FuncOp main = getMain(*forced);
  ASSERT_EQ(main.getNumArguments(), 4u); // x and one for each edge
  ASSERT_EQ(main.getNumResults(), 3u);
  // The sum reads the exact values of both codes and nothing that is computed.
  bool found = false;
  for (auto add : main.getOps<qir::BinaryOp>()) {
    found = true;
    EXPECT_EQ(add.getLhs(), main.getArgument(2));
    EXPECT_EQ(add.getRhs(), main.getArgument(1));
  }
  EXPECT_TRUE(found);
}
