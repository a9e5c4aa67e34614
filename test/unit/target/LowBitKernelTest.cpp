// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Contractions with weights of less than 8 bits.

#include "KernelHarness.h"

#include "ConvolutionText.h"
#include "ProductText.h"

#include "compiler/target/Targets.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace quern::test {
namespace {

const std::string narrow[] = {"si2", "si3", "si4"};

TEST(LowBitKernel, ProductsOfOddSizes) {
  unsigned seed = 1;
  for (const std::string &weights : narrow)
    for (int64_t k : {1, 3, 17, 63, 65, 127}) {
      int64_t n = Shape{1, 17, 63, 65}[seed % 4], m = seed % 3 == 0 ? 1 : 13;
      Product product{{m, k}, {k, n}};
      product.weights = weights;
      product.isTransposed = k == 65;
      if (product.isTransposed)
        std::swap(product.rhs[0], product.rhs[1]);
      expectAgreement(product.text("ui8"), {.seed = ++seed});
    }
}

/// Whole accumulators, from the largest products there are.
TEST(LowBitKernel, ExtremeSums) {
  for (const std::string &weights : narrow) {
    Product product{{3, 4099}, {4099, 20}};
    product.weights = weights;
    double least = weights == "si2" ? -2 : weights == "si3" ? -4 : -8;
    expectAgreement(product.text("si32"), {.ranges = {{0, {255, 255}}, {1, {least, least}}}});
  }
}

/// Longer than what the shifted sums have room for.
TEST(LowBitKernel, LongestReduction) {
  Product product{{1, 70000}, {70000, 16}};
  product.weights = "si4";
  expectAgreement(product.text("si32"), {.ranges = {{0, {255, 255}}, {1, {-8, -8}}}});
}

TEST(LowBitKernel, LeftSum) {
  for (const std::string &weights : narrow)
    for (int64_t k : {16, 37, 131}) {
      Product product{{9, k}, {k, 40}};
      product.weights = weights;
      product.leftSum = true;
      expectAgreement(product.text("ui8"));
    }
}

TEST(LowBitKernel, Convolutions) {
  for (const std::string &weights : narrow)
    for (int64_t channels : {3, 17, 64}) {
      Convolution conv{{2, 9, 11, 5}, channels};
      conv.weights = weights;
      expectAgreement(conv.requantized("ui8"));
      conv.kernel = {3, 3};
      conv.pads = {1, 1, 1, 1};
      conv.residual = channels == 17;
      expectAgreement(conv.requantized("ui8"));
      conv.strides = {2, 2};
      conv.dilations = {1, 2};
      conv.residual = false;
      expectAgreement(conv.accumulated());
    }
}

TEST(LowBitKernel, GroupsAndWindowSum) {
  for (const std::string &weights : narrow)
    for (int64_t groups : {1, 2}) {
      Convolution conv{{1, 6, 7, groups * 6}, groups * 33};
      conv.weights = weights;
      conv.kernel = {3, 3};
      conv.pads = {1, 1, 1, 1};
      conv.groups = groups;
      expectAgreement(conv.requantized("ui8"));
      conv.windowSum = true;
      expectAgreement(conv.requantized("ui8"));
    }
}

/// The sums of the left operand's blocks must be what they say.
void expectBlockedAgreement(const BlockedProduct &product, unsigned seed) {
  int64_t blocks = product.lhs.back() / product.block, rows = 1;
  for (size_t d = 0; d + 1 < product.lhs.size(); ++d)
    rows *= product.lhs[d];
  auto sums = [&, blocks](std::vector<Bytes> &inputs) {
    const Bytes &codes = inputs.front();
    for (int64_t i = 0; i < rows * blocks; ++i) {
      auto first = codes.begin() + i * product.block;
      int32_t sum = std::accumulate(first, first + product.block, 0,
                                    [](int32_t total, char c) { return total + int8_t(c); });
      std::memcpy(&inputs.back()[4 * i], &sum, sizeof sum);
    }
  };
  expectAgreement(product.text(), {.seed = seed, .prepare = sums});
}

TEST(BlockedKernel, OddSizes) {
  unsigned seed = 1;
  for (std::string weights : {"ui2", "ui3", "ui4", "ui8"})
    for (int64_t block : {16, 32, 48, 128})
      for (bool isRow : {true, false}) {
        int64_t rows = isRow ? 1 : Shape{3, 17}[seed % 2];
        BlockedProduct product{{rows, 3 * block}, isRow ? 150 : 65, block, weights};
        product.zeros = static_cast<BlockedProduct::Zeros>(seed % 3);
        product.leftScales = seed % 2 != 0;
        product.isTransposed = seed % 4 == 3;
        expectBlockedAgreement(product, ++seed);
      }
}

TEST(BlockedKernel, Batches) {
  BlockedProduct product{{2, 5, 64}, 33, 32};
  product.leftScales = true;
  expectBlockedAgreement(product, 1);
  product.zeros = BlockedProduct::Each;
  expectBlockedAgreement(product, 2);
}

/// One block, whose row of scales is all that there is.
TEST(BlockedKernel, OneBlock) {
  for (int64_t block : {1, 7, 64}) {
    BlockedProduct product{{4, block}, 20, block};
    expectBlockedAgreement(product, static_cast<unsigned>(block));
  }
}

/// Packed weights take their bits: no byte for a code anywhere.
TEST(LowBitKernel, PackedSize) {
  for (const TargetBackend *backend : {&getVnniBackend(), &getAvx2Backend(), &getPortableBackend()})
    for (int bits = 2; bits <= 4; ++bits) {
      Product product{{8, 256}, {256, 64}};
      product.weights = narrow[bits - 2];
      auto compiled = CompiledDispatch::compile(*backend, product.text("si32"));
      ASSERT_TRUE(compiled);
      std::string stored = compiled->storedElement(1),
                  end = ", " + std::to_string(256 * 64 * bits / 8);
      bool isPlain = backend == &getPortableBackend(); // one byte more that may be read
      if (isPlain)
        end = ", " + std::to_string(256 * 64 * bits / 8 + 1);
      EXPECT_NE(stored.find(end + ">"), std::string::npos) << stored;
    }
}

} // namespace
} // namespace quern::test
