// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"

#include "ConvolutionText.h"
#include "ProductText.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

TEST(ConvolutionKernel, PointwiseChannelTails) {
  for (int64_t channels : {1, 3, 17, 63, 64, 65, 96})
    for (int64_t depth : {1, 3, 8, 33}) {
      Convolution conv{{1, 5, 7, depth}, channels};
      expectAgreement(conv.requantized("ui8"),
                      {.seed = static_cast<unsigned>(channels * 64 + depth)});
    }
}

TEST(ConvolutionKernel, Window3x3) {
  for (int64_t channels : {3, 16, 20, 64}) {
    Convolution conv{{2, 9, 11, 5}, channels};
    conv.kernel = {3, 3};
    conv.pads = {1, 1, 1, 1};
    expectAgreement(conv.requantized("ui8"));
    conv.strides = {2, 2};
    conv.pads = {0, 1, 1, 0};
    expectAgreement(conv.requantized("si8"));
  }
}

TEST(ConvolutionKernel, DilationAndUnequalSides) {
  Convolution conv{{1, 12, 9, 4}, 24};
  conv.kernel = {3, 2};
  conv.dilations = {2, 3};
  conv.pads = {2, 3, 2, 0};
  expectAgreement(conv.requantized("ui8"));
  conv.strides = {1, 3};
  expectAgreement(conv.accumulated());
}

TEST(ConvolutionKernel, Groups) {
  for (int64_t groups : {2, 3, 4}) {
    Convolution conv{{1, 6, 6, groups * 5}, groups * 18};
    conv.kernel = {3, 3};
    conv.pads = {1, 1, 1, 1};
    conv.groups = groups;
    expectAgreement(conv.requantized("ui8"));
  }
}

TEST(ConvolutionKernel, WindowSum) {
  for (int64_t groups : {1, 2}) {
    Convolution conv{{1, 6, 7, groups * 6}, groups * 33};
    conv.kernel = {3, 3};
    conv.pads = {1, 1, 1, 1};
    conv.groups = groups;
    conv.windowSum = true;
    expectAgreement(conv.requantized("ui8"));
  }
}

/// Of weights with a zero point, 8 bits do not hold all differences from it.
TEST(ConvolutionKernel, WideWeights) {
  for (int64_t channels : {1, 18, 70}) {
    Convolution conv{{1, 5, 6, 11}, channels};
    conv.weights = "si16";
    expectAgreement(conv.requantized("ui8"), {.ranges = {{1, {-255, 255}}}});
    conv.kernel = {3, 3};
    conv.pads = {1, 1, 1, 1};
    expectAgreement(conv.requantized("ui8"), {.ranges = {{1, {-140, 130}}}});
    conv.windowSum = true;
    expectAgreement(conv.requantized("ui8"), {.ranges = {{1, {-140, 130}}}});
  }
}

TEST(ConvolutionKernel, ResidualAndHalo) {
  Convolution conv{{2, 6, 7, 16}, 40};
  conv.kernel = {3, 3};
  conv.pads = {1, 1, 1, 1};
  conv.residual = true;
  expectAgreement(conv.requantized("ui8"));
  conv.fill = 9;
  expectAgreement(conv.requantized("ui8"), {.halo = Shape{1, 1, 1, 1}, .fill = 9});
  expectAgreement(conv.requantized("ui8"), {.halo = Shape{0, 3, 2, 0}, .fill = 9});
  conv.kernel = {1, 1};
  conv.pads = {0, 0, 0, 0};
  expectAgreement(conv.requantized("ui8"), {.halo = Shape{1, 1, 1, 1}, .fill = 9});
}

TEST(ConvolutionKernel, ManyChannelsFewPixels) {
  Convolution conv{{1, 2, 2, 256}, 400};
  expectAgreement(conv.requantized("ui8"));
  conv.kernel = {2, 2};
  expectAgreement(conv.requantized("ui8"));
}

/// Weights are packed for lines of one pixel; the kernel sees one long line.
TEST(ConvolutionKernel, OneColumn) {
  Convolution conv{{1, 40, 1, 16}, 200};
  conv.kernel = {5, 1};
  expectAgreement(conv.requantized("ui8"));
  conv.element = "f32";
  expectAgreement(conv.accumulated());
}

TEST(ConvolutionKernel, Float) {
  for (int64_t channels : {1, 7, 8, 16, 19, 64}) {
    Convolution conv{{1, 5, 6, 9}, channels};
    conv.element = "f32";
    conv.kernel = {3, 3};
    conv.pads = {1, 1, 1, 1};
    expectAgreement(conv.accumulated());
  }
}

TEST(MatrixProductKernel, SharedMatrix) {
  for (int64_t n : {1, 3, 17, 63, 65, 128})
    for (int64_t m : {1, 5, 33}) {
      Product product{{m, 37}, {37, n}};
      expectAgreement(product.text("ui8"));
    }
}

TEST(MatrixProductKernel, LongReduction) {
  expectAgreement(Product{{7, 515}, {515, 48}}.text("si8"));
  expectAgreement(Product{{1, 1024}, {1024, 100}}.text("si32"));
}

/// Where pixels are combined once for all panels, some at a time: units of pixels, and of panels.
TEST(MatrixProductKernel, ManyPanels) {
  expectAgreement(Product{{70, 1200}, {1200, 100}}.text("ui8"));
  Product byPanels{{19, 2100}, {2100, 200}};
  byPanels.leftSum = true;
  expectAgreement(byPanels.text("ui8"));
  Convolution conv{{2, 9, 11, 72}, 80};
  conv.kernel = {3, 3};
  conv.pads = {1, 1, 1, 1};
  expectAgreement(conv.requantized("ui8"));
}

TEST(MatrixProductKernel, BatchedDynamicMatrix) {
  expectAgreement(Product{{3, 9, 20}, {3, 20, 18}}.text("si32"));
  expectAgreement(Product{{3, 9, 20}, {3, 18, 20}, true}.text("ui8"));
  expectAgreement(Product{{2, 3, 9, 20}, {2, 3, 20, 65}}.text("ui8"));
  expectAgreement(Product{{2, 3, 9, 20}, {1, 3, 20, 16}}.text("ui8"));
  expectAgreement(Product{{2, 3, 9, 20}, {20, 16}}.text("ui8"));
}

TEST(MatrixProductKernel, LeftSum) {
  for (int64_t k : {16, 37, 515}) {
    Product product{{9, k}, {k, 40}};
    product.leftSum = true;
    expectAgreement(product.text("ui8"));
  }
}

TEST(MatrixProductKernel, Float) {
  expectAgreement(Product{{6, 33}, {33, 20}, false, "f32"}.text("f32"));
  expectAgreement(Product{{2, 6, 33}, {2, 20, 33}, true, "f32"}.text("f32"));
}

} // namespace
} // namespace quern::test
