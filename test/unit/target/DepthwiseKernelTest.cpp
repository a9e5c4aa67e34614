// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConvolutionText.h"
#include "KernelHarness.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

Convolution depthwise(int64_t height, int64_t width, int64_t channels, int64_t kernel,
                      int64_t stride) {
  Convolution conv{{1, height, width, channels}, channels};
  conv.groups = channels;
  conv.kernel = {kernel, kernel};
  conv.strides = {stride, stride};
  int64_t pad = kernel / 2;
  conv.pads = {pad, pad, pad, pad};
  return conv;
}

TEST(DepthwiseKernel, ChannelTails) {
  for (int64_t channels : {2, 3, 15, 16, 17, 32, 40, 63, 64, 65, 96, 130})
    for (int64_t stride : {1, 2})
      expectAgreement(depthwise(7, 9, channels, 3, stride).requantized("ui8"),
                      {.seed = static_cast<unsigned>(channels)});
}

TEST(DepthwiseKernel, Widths) {
  for (int64_t width : {1, 2, 3, 4, 5, 6, 8, 14})
    for (int64_t height : {1, 2, 3, 6})
      for (int64_t stride : {1, 2})
        expectAgreement(depthwise(height, width, 24, 3, stride).requantized("ui8"));
}

TEST(DepthwiseKernel, KernelSizes) {
  for (int64_t kernel : {2, 4, 5, 7})
    for (int64_t stride : {1, 2})
      expectAgreement(depthwise(10, 11, 72, kernel, stride).requantized("si8"));
  Convolution flat = depthwise(10, 11, 72, 3, 1);
  flat.kernel = {1, 5};
  flat.pads = {0, 2, 0, 2};
  expectAgreement(flat.requantized("ui8"));
  flat.kernel = {5, 1};
  flat.pads = {2, 0, 2, 0};
  expectAgreement(flat.requantized("ui8"));
}

/// Weights that the compiler has seen: all products of two taps with any codes fit 16 bits.
TEST(DepthwiseKernel, TapsInPairs) {
  std::map<unsigned, Range> symmetric{{1, {-127, 127}}};
  for (int64_t channels : {5, 16, 40})
    for (int64_t kernel : {2, 3, 5})
      for (int64_t stride : {1, 2})
        expectAgreement(depthwise(7, 9, channels, kernel, stride).requantized("ui8"),
                        {.ranges = symmetric, .form = "depthwise-pairs"});
  Convolution dilated = depthwise(13, 12, 33, 3, 1);
  dilated.dilations = {2, 2};
  dilated.pads = {2, 2, 2, 2};
  expectAgreement(dilated.requantized("ui8"), {.ranges = symmetric, .form = "depthwise-pairs"});
  // The largest sum of two: twice -128 times -128, and -127.
  expectAgreement(depthwise(7, 9, 16, 3, 1).requantized("ui8"),
                  {.ranges = {{0, {0, 1}}, {1, {-127, -127}}}, .form = "depthwise-pairs"});
}

TEST(DepthwiseKernel, StridesAndDilations) {
  Convolution conv = depthwise(13, 12, 33, 3, 1);
  conv.strides = {2, 1};
  expectAgreement(conv.requantized("ui8"));
  conv.strides = {1, 3};
  expectAgreement(conv.requantized("ui8"));
  conv.strides = {1, 1};
  conv.dilations = {2, 2};
  conv.pads = {2, 2, 2, 2};
  expectAgreement(conv.requantized("ui8"));
}

TEST(DepthwiseKernel, BatchesHalosAndPads) {
  for (int64_t stride : {1, 2}) {
    Convolution conv = depthwise(7, 8, 80, 3, stride);
    conv.input[0] = 3;
    conv.fill = 11;
    expectAgreement(conv.requantized("ui8"), {.halo = Shape{1, 1, 1, 1}, .fill = 11});
    expectAgreement(conv.requantized("ui8"), {.halo = Shape{0, 2, 1, 0}, .fill = 11});
    conv.pads = {0, 1, 1, 0};
    expectAgreement(conv.requantized("ui8"));
    conv.pads = {0, 0, 0, 0};
    expectAgreement(conv.requantized("ui8"));
  }
}

TEST(DepthwiseKernel, OtherEpilogues) {
  Convolution conv = depthwise(6, 7, 70, 3, 1);
  expectAgreement(conv.accumulated());
  conv.residual = true;
  expectAgreement(conv.requantized("ui8"));
}

TEST(DepthwiseKernel, WindowSum) {
  for (int64_t channels : {5, 24, 96, 150})
    for (int64_t kernel : {3, 5})
      for (int64_t stride : {1, 2}) {
        Convolution conv = depthwise(7, 9, channels, kernel, stride);
        conv.windowSum = true;
        expectAgreement(conv.requantized("ui8"));
      }
}

TEST(DepthwiseKernel, Float) {
  for (int64_t channels : {5, 16, 40}) {
    Convolution conv = depthwise(6, 7, channels, 3, 1);
    conv.element = "f32";
    expectAgreement(conv.accumulated());
  }
}

} // namespace
} // namespace quern::test
