// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 8-bit floats by integer arithmetic against LLVM's APFloat.

#include "test/unit/passes/ScalarFixture.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

namespace quern::numerics {
namespace {

class SmallFloats : public testing::TestWithParam<bool> {
protected:
  static mlir::Type typeIn(mlir::MLIRContext *context) {
    return GetParam() ? mlir::Type(mlir::Float8E5M2Type::get(context))
                      : mlir::Type(mlir::Float8E4M3FNType::get(context));
  }
  static const llvm::fltSemantics &semantics() {
    return GetParam() ? llvm::APFloat::Float8E5M2() : llvm::APFloat::Float8E4M3FN();
  }
  static float widened(unsigned code) {
    llvm::APFloat value(semantics(), llvm::APInt(8, code));
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return value.convertToFloat();
  }
  /// The code of x, saturated; -1 for a NaN.
  static int narrowed(float x) {
    if (std::isnan(x))
      return -1;
    float most = GetParam() ? 57344.0f : 448.0f;
    llvm::APFloat value(std::fmax(-most, std::fmin(most, x)));
    bool losesInfo;
    value.convert(semantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return static_cast<int>(value.bitcastToAPInt().getZExtValue());
  }
  ScalarFunction narrow{{'f'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
                          return emitNarrowSmallFloat(b, x[0], typeIn(b.getContext()));
                        }};
  ScalarFunction widen{{'i'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
                         return emitWidenSmallFloat(b, x[0], typeIn(b.getContext()));
                       }};
  void expectNarrowed(float x) {
    int code = static_cast<int>(narrow({ScalarValue::ofF32(x)}).bits);
    int expected = narrowed(x);
    if (expected >= 0)
      EXPECT_EQ(code, expected) << x;
    else
      EXPECT_TRUE(std::isnan(widened(code))) << x;
  }
};

TEST_P(SmallFloats, EveryCodeIsWidenedExactly) {
  for (unsigned code = 0; code < 256; ++code) {
    float value = widen({ScalarValue::ofInt(code)}).f32(), expected = widened(code);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(value)) << code;
    else
      EXPECT_EQ(llvm::bit_cast<uint32_t>(value), llvm::bit_cast<uint32_t>(expected)) << code;
  }
}

TEST_P(SmallFloats, NarrowsToTheNearestTiesToEven) {
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 10007)
    expectNarrowed(llvm::bit_cast<float>(static_cast<uint32_t>(bits)));
}

TEST_P(SmallFloats, NarrowsCodesTiesAndTheirNeighbours) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (unsigned code = 0; code < 255; ++code) {
    float low = widened(code), high = widened(code + 1);
    if (!std::isfinite(low) || !std::isfinite(high))
      continue;
    float middle = (low + high) / 2; // exact
    for (float x : {low, middle, std::nextafter(middle, -inf), std::nextafter(middle, inf)})
      expectNarrowed(x);
  }
  for (float x : {448.0f, 463.9f, 464.0f, 480.0f, 57344.0f, 61440.0f, 1e30f, inf}) {
    expectNarrowed(x);
    expectNarrowed(-x);
  }
  expectNarrowed(std::numeric_limits<float>::quiet_NaN());
  expectNarrowed(-0.0f);
}

INSTANTIATE_TEST_SUITE_P(All, SmallFloats, testing::Bool(),
                         [](const auto &info) { return info.param ? "E5M2" : "E4M3"; });

} // namespace
} // namespace quern::numerics
