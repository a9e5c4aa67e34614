// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Moments.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>

#include <random>

using namespace quern;

namespace {

class MomentsTest : public testing::Test {
protected:
  MomentsTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
  }
  PatchGeometry getGeometry(llvm::StringRef input, llvm::StringRef weights, llvm::StringRef output,
                            llvm::StringRef attributes) {
    std::string text =
        llvm::formatv("func.func @main(%x: tensor<{0}xf32> {{quern.name = \"x\"}) -> "
                      "(tensor<{2}xf32> {{quern.name = \"y\"}) {{\n"
                      "%w = quern.constant(dense<1.0> : tensor<{1}xf32>) {{site = \"w\"} : "
                      "tensor<{1}xf32>\n"
                      "%y = onnx.node \"Conv\"(%x, %w) since 11 outputs [\"y\"] {3} : "
                      "(tensor<{0}xf32>, tensor<{1}xf32>) -> tensor<{2}xf32>\n"
                      "return %y : tensor<{2}xf32>\n}",
                      input, weights, output, attributes);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    Placement placement = findPlacement(module->lookupSymbol<mlir::func::FuncOp>("main"));
    return PatchGeometry::of(placement.weights.at(0));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

TEST_F(MomentsTest, PatchesAreWhatAConvolutionReads) {
  PatchGeometry geometry =
      getGeometry("1x2x5x4", "3x2x3x2", "1x3x3x3",
                  "attributes {pads = array<i64: 1, 0, 1, 0>, strides = array<i64: 2, 1>}");
  std::vector<float> input(40);
  for (size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<float>(i + 1);
  Eigen::MatrixXf patches;
  readPatches(geometry, input.data(), 0, {0, 5}, patches);
  ASSERT_EQ(patches.rows(), 12);
  // Position (0, 0): the first row is padding.
  EXPECT_EQ(patches(0, 0), 0);
  EXPECT_EQ(patches(2, 0), 1);
  EXPECT_EQ(patches(3, 0), 2);
  EXPECT_EQ(patches(4, 0), 5);
  EXPECT_EQ(patches(6 + 2, 0), 21);
  // Position (1, 2): rows 1 to 3, columns 2 and 3.
  EXPECT_EQ(patches(0, 1), 7);
  EXPECT_EQ(patches(5, 1), 16);
}

TEST_F(MomentsTest, OneDimensionAndPaddingToSame) {
  PatchGeometry geometry =
      getGeometry("1x2x7", "3x2x4", "1x3x7", "attributes {auto_pad = \"SAME_LOWER\"}");
  EXPECT_EQ(geometry.left, 2);
  EXPECT_EQ(geometry.columns, 7);
  EXPECT_EQ(geometry.kernelWidth, 4);
  EXPECT_EQ(geometry.height, 1);
}

TEST_F(MomentsTest, SumsAreMomentsAboutTheMean) {
  PatchGeometry geometry;
  geometry.channelsLast = true;
  geometry.channels = 3;
  geometry.height = geometry.rows = 50;
  std::mt19937 engine(3);
  std::normal_distribution<float> normal(2, 1);
  constexpr size_t runs = 8;
  MomentSums sums(geometry, runs, true);
  Eigen::MatrixXd x(3, 400), q(3, 400);
  for (size_t run = 0; run < runs; ++run) {
    std::vector<float> first(150), second(150);
    for (size_t i = 0; i < first.size(); ++i) {
      first[i] = normal(engine);
      second[i] = first[i] + (i % 3 == 1 ? first[i - 1] : 0.5F);
      auto column = static_cast<int64_t>(run * 50 + i / 3), row = static_cast<int64_t>(i % 3);
      x(row, column) = first[i];
      q(row, column) = second[i];
    }
    sums.add(first.data(), second.data());
  }
  Eigen::VectorXd meanX = x.rowwise().mean(), meanQ = q.rowwise().mean();
  for (bool centered : {true, false}) {
    InputMoments moments = sums.finish(centered).at(0);
    Eigen::MatrixXd a = x, b = q;
    if (centered) {
      a.colwise() -= meanX;
      b.colwise() -= meanQ;
    }
    EXPECT_LT((moments.own - b * b.transpose() / 400).norm(), 1e-3);
    EXPECT_LT((moments.cross - a * b.transpose() / 400).norm(), 1e-3);
    EXPECT_EQ(moments.original.cols(), 400);
    EXPECT_LT((moments.original.cast<double>() - x).norm() +
                  (moments.quantized.cast<double>() - q).norm(),
              1e-4);
    EXPECT_LT((moments.meanFloat - meanX).norm() + (moments.mean - meanQ).norm(), 1e-4);
  }
}

TEST_F(MomentsTest, GroupsReadTheirOwnChannels) {
  PatchGeometry geometry =
      getGeometry("1x4x1x2", "4x2x1x1", "1x4x1x2", "attributes {group = 2 : i64}");
  MomentSums sums(geometry, 1, true);
  std::vector<float> values = {1, 1, 2, 2, 3, 3, 4, 4};
  sums.add(values.data(), values.data());
  std::vector<InputMoments> moments = sums.finish(false);
  ASSERT_EQ(moments.size(), 2u);
  EXPECT_NEAR(moments[0].own(1, 0), 2, 1e-6);
  EXPECT_NEAR(moments[1].own(1, 0), 12, 1e-6);
  EXPECT_NEAR(moments[1].own(0, 1), 12, 1e-6);
}
