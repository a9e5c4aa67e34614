// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Segments.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/SampleStore.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

/// A residual over two nodes, and a table that depends on no input.
static const char *const model = R"(
func.func @main(%x: tensor<4xf32> {quern.name = "x"}) -> (tensor<4xf32> {quern.name = "z"}) {
  %c = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) {site = "c"} : tensor<4xf32>
  %t = onnx.node "Neg"(%c) since 13 outputs ["t"] : (tensor<4xf32>) -> tensor<4xf32>
  %a = onnx.node "Relu"(%x) since 14 outputs ["a"] : (tensor<4xf32>) -> tensor<4xf32>
  %b = onnx.node "Mul"(%a, %t) since 14 outputs ["b"]
      : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = onnx.node "Relu"(%b) since 14 outputs ["d"] : (tensor<4xf32>) -> tensor<4xf32>
  %e = onnx.node "Add"(%d, %a) since 14 outputs ["e"]
      : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %unread = onnx.node "Neg"(%x) since 13 outputs ["unread"] : (tensor<4xf32>) -> tensor<4xf32>
  %z = onnx.node "Mul"(%e, %t) since 14 outputs ["z"]
      : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
})";

namespace {

class SegmentsTest : public testing::Test {
protected:
  SegmentsTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  }
  mlir::Value find(llvm::StringRef site) { return findSite(getMain(*module), site); }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(SegmentsTest, CutsKeepWhatIsNeededLater) {
  std::vector<GraphCut> cuts = cutGraph(getMain(*module), {find("a"), find("d"), find("e")});
  ASSERT_EQ(cuts.size(), 3u);
  EXPECT_EQ(cuts[0].live, std::vector<std::string>{"a"});
  EXPECT_EQ(cuts[1].live, (std::vector<std::string>{"a", "d"})); // `a` goes around
  EXPECT_EQ(cuts[2].live, std::vector<std::string>{"e"});
}

TEST_F(SegmentsTest, SegmentsComputeConstantsAnew) {
  mlir::OwningOpRef<mlir::ModuleOp> segment = extractSegment(*module, {"a"}, {"b", "e"});
  ASSERT_TRUE(segment);
  ASSERT_TRUE(succeeded(mlir::verify(*segment)));
  mlir::func::FuncOp main = getMain(*segment);
  ASSERT_EQ(main.getNumArguments(), 1u);
  EXPECT_EQ(getSite(main.getArgument(0)), "a");
  ASSERT_EQ(main.getNumResults(), 2u);
  EXPECT_EQ(main.getResultAttrOfType<mlir::StringAttr>(1, "quern.name"), "e");
  std::string nodes;
  for (auto node : main.getOps<onnxir::NodeOp>())
    nodes += node.getOutputName(0).str() + " ";
  EXPECT_EQ(nodes, "t b d e ");
}

TEST_F(SegmentsTest, UnknownSitesAreErrors) {
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return mlir::success(); });
  EXPECT_FALSE(extractSegment(*module, {"nothing"}, {"e"}));
  EXPECT_FALSE(extractSegment(*module, {"a"}, {"nothing"}));
}

TEST_F(SegmentsTest, StoresGiveBackWhatTheyGot) {
  auto type = mlir::RankedTensorType::get({2}, mlir::Float32Type::get(&context));
  auto store = SampleStore::make({{"p", type}, {"q", type}});
  ASSERT_TRUE(static_cast<bool>(store));
  std::vector<float> values = {1, 2, 3, 4};
  for (size_t run = 0; run < 2; ++run)
    for (size_t slot = 0; slot < 2; ++slot)
      ASSERT_FALSE(static_cast<bool>(store->write(1 - run, slot, &values[run + slot])));
  SampleStore moved = std::move(*store);
  std::vector<float> back(2);
  ASSERT_FALSE(static_cast<bool>(moved.read(0, *moved.find("q"), back.data())));
  EXPECT_EQ(back, (std::vector<float>{3, 4}));
  ASSERT_FALSE(static_cast<bool>(moved.read(1, *moved.find("p"), back.data())));
  EXPECT_EQ(back, (std::vector<float>{1, 2}));
  EXPECT_FALSE(moved.find("r"));
  // Nobody wrote that run.
  llvm::Error error = moved.read(7, 0, back.data());
  EXPECT_TRUE(static_cast<bool>(error));
  llvm::consumeError(std::move(error));
}
