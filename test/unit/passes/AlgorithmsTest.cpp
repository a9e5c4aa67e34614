// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each algorithm against the C library in double precision, over every 10007th float.

#include "test/unit/passes/ScalarFixture.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

namespace quern::numerics {
namespace {

using qir::BinaryKind;
using qir::UnaryKind;

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

/// What docs/numerics.md promises: where |exact| >= floor, at most `ulp`; else at most `absolute`.
struct Accuracy {
  double low, high; ///< range of x
  double ulp;
  double floor = 0x1p-126;
  double absolute = 0x1p-126;
};

struct UnaryCase {
  UnaryKind kind;
  double (*exact)(double);
  Accuracy accuracy;
};

double ulpOf(double value) {
  float magnitude = std::fabs(static_cast<float>(value));
  return static_cast<double>(std::nextafter(magnitude, inf)) - magnitude;
}

class UnaryTest : public testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryTest, IsAsAccurateAsStated) {
  const UnaryCase &test = GetParam();
  const Accuracy &accuracy = test.accuracy;
  ScalarFunction function({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitUnary(b, test.kind, x[0]);
  });
  double worstUlp = 0;
  double worstAbsolute = 0;
  float worstAt = 0;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 10007) {
    auto x = llvm::bit_cast<float>(static_cast<uint32_t>(bits));
    if (!(x >= accuracy.low && x <= accuracy.high))
      continue;
    double exact = test.exact(x);
    double error = std::fabs(function.f32(x) - exact);
    bool isLarge = std::fabs(exact) >= accuracy.floor;
    double &worst = isLarge ? worstUlp : worstAbsolute;
    if (isLarge)
      error /= ulpOf(exact);
    if (error > worst || std::isnan(error)) {
      worst = error;
      worstAt = isLarge ? x : worstAt;
    }
  }
  EXPECT_LE(worstUlp, accuracy.ulp) << "at " << worstAt;
  EXPECT_LE(worstAbsolute, accuracy.absolute);
  RecordProperty("ulp", std::to_string(worstUlp));
  RecordProperty("absolute", std::to_string(worstAbsolute));
  RecordProperty("ops", std::to_string(function.size()));
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * std::erfc(-x * M_SQRT1_2); }
double geluTanh(double x) {
  return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
double silu(double x) { return x * sigmoid(x); }
double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
double elu(double x) { return x > 0 ? x : std::expm1(x); }
double hardSigmoid(double x) {
  return std::fmin(1, std::fmax(0, static_cast<double>(0.2F) * x + 0.5));
}
double hardSwish(double x) { return x * std::fmin(1, std::fmax(0, x / 6 + 0.5)); }
double reciprocal(double x) { return 1 / x; }

INSTANTIATE_TEST_SUITE_P(
    All, UnaryTest,
    testing::Values(UnaryCase{UnaryKind::Exp, std::exp, {-3e38, 88.72283, 2.3, 1.7e-38, 1.7e-38}},
                    UnaryCase{UnaryKind::Log, std::log, {1e-45, 3e38, 1.5}},
                    UnaryCase{UnaryKind::Sigmoid, sigmoid, {-3e38, 3e38, 3.2, 1e-37, 1e-37}},
                    UnaryCase{UnaryKind::Tanh, std::tanh, {-3e38, 3e38, 6}},
                    UnaryCase{UnaryKind::Erf, std::erf, {-3e38, 3e38, 6.5}},
                    UnaryCase{UnaryKind::Gelu, gelu, {-3e38, 3e38, 3, 0.2, 8.5e-7}},
                    UnaryCase{UnaryKind::GeluTanh, geluTanh, {-10, 3e38, 3, 0.2, 2e-7}},
                    UnaryCase{UnaryKind::Silu, silu, {-80, 3e38, 4, 1e-30, 1e-30}},
                    UnaryCase{UnaryKind::Softplus, softplus, {-86, 3e38, 3.2}},
                    UnaryCase{UnaryKind::Elu, elu, {-3e38, 3e38, 13}},
                    UnaryCase{UnaryKind::HardSigmoid, hardSigmoid, {-3e38, 3e38, 1}},
                    UnaryCase{UnaryKind::HardSwish, hardSwish, {-3, 3e38, 7, 0.1, 1e-7}},
                    UnaryCase{UnaryKind::Reciprocal, reciprocal, {1e-37, 1e37, 0.5}},
                    UnaryCase{UnaryKind::Floor, std::floor, {-3e38, 3e38, 0}},
                    UnaryCase{UnaryKind::Ceil, std::ceil, {-3e38, 3e38, 0}},
                    UnaryCase{UnaryKind::Round, std::nearbyint, {-3e38, 3e38, 0}}),
    [](const testing::TestParamInfo<UnaryCase> &test) {
      return stringifyUnaryKind(test.param.kind).str();
    });

ScalarFunction makeUnary(UnaryKind kind) {
  return ScalarFunction({'f'}, [=](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitUnary(b, kind, x[0]);
  });
}

TEST(Unary, SpecialValues) {
  struct Special {
    UnaryKind kind;
    float zero, plusInf, minusInf;
  };
  Special table[] = {{UnaryKind::Exp, 1, inf, 0},
                     {UnaryKind::Log, -inf, inf, nan},
                     {UnaryKind::Sigmoid, 0.5, 1, 0},
                     {UnaryKind::Tanh, 0, 1, -1},
                     {UnaryKind::Erf, 0, 1, -1},
                     {UnaryKind::Gelu, 0, inf, nan},
                     {UnaryKind::GeluTanh, 0, inf, nan},
                     {UnaryKind::Silu, 0, inf, nan},
                     {UnaryKind::Softplus, static_cast<float>(M_LN2), inf, 0},
                     {UnaryKind::Elu, 0, inf, -1},
                     {UnaryKind::Relu, 0, inf, 0},
                     {UnaryKind::HardSigmoid, 0.5, 1, 0},
                     {UnaryKind::Sqrt, 0, inf, nan},
                     {UnaryKind::Sign, 0, 1, -1},
                     {UnaryKind::Floor, 0, inf, -inf},
                     {UnaryKind::LeakyRelu, 0, inf, -inf}};
  for (const Special &special : table) {
    ScalarFunction function = makeUnary(special.kind);
    auto same = [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); };
    std::string name = stringifyUnaryKind(special.kind).str();
    EXPECT_PRED2(same, function.f32(0), special.zero) << name;
    EXPECT_PRED2(same, function.f32(-0.0F), special.zero) << name;
    EXPECT_PRED2(same, function.f32(inf), special.plusInf) << name;
    EXPECT_PRED2(same, function.f32(-inf), special.minusInf) << name;
    EXPECT_TRUE(std::isnan(function.f32(nan))) << name;
    EXPECT_TRUE(std::isnan(function.f32(llvm::bit_cast<float>(0x7FC12345)))) << name;
  }
}

TEST(Unary, TanhAndErfStayWithinOne) {
  for (UnaryKind kind : {UnaryKind::Tanh, UnaryKind::Erf}) {
    ScalarFunction function = makeUnary(kind);
    for (float x = 2; x < 10; x += 0x1p-16F)
      ASSERT_LE(function.f32(x), 1.0F) << x;
  }
}

TEST(Unary, NonPositiveExpHasTheSameBits) {
  ScalarFunction general = makeUnary(UnaryKind::Exp);
  ScalarFunction nonPositive({'f'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitExpNonPositive(b, x[0]);
  });
  for (float x = 0; x > -120; x -= 0x1.8p-10F)
    ASSERT_EQ(general.f32(x), nonPositive.f32(x)) << x;
}

TEST(Pow, MatchesDoublePrecision) {
  ScalarFunction pow({'f', 'f'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitPow(b, x[0], x[1]);
  });
  double worst = 0;
  for (float x = 0x1p-140F; x < 0x1p127F; x *= 1.0173F)
    for (float y = -40; y < 40; y += 0.371F) {
      double exact = std::pow(static_cast<double>(x), static_cast<double>(y));
      if (exact < 0x1p-126 || exact > 0x1.fffffep127)
        continue;
      worst = std::max(worst, std::fabs(pow.f32(x, y) - exact) / ulpOf(exact));
    }
  EXPECT_LE(worst, 0.51);
}

TEST(Pow, HasCsSpecialValues) {
  ScalarFunction pow({'f', 'f'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitPow(b, x[0], x[1]);
  });
  float values[] = {0.0F, -0.0F, 1,     -1,     2,   -2,   3,   -3,     0.5F,   -0.5F,
                    2.5F, -2.5F, 1e30F, -1e30F, inf, -inf, nan, 1e-45F, -1e-45F};
  for (float x : values)
    for (float y : values) {
      auto exact = static_cast<float>(std::pow(static_cast<double>(x), static_cast<double>(y)));
      float got = pow.f32(x, y);
      EXPECT_TRUE((std::isnan(got) && std::isnan(exact)) ||
                  (got == exact && std::signbit(got) == std::signbit(exact)))
          << x << "^" << y << ": " << got << ", expected " << exact;
    }
}

TEST(Pow, KnownExponentsAreShort) {
  for (float y : {0.5F, 1.0F, 2.0F, 3.0F, 4.0F, -1.0F, -0.5F}) {
    ScalarFunction pow({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      return emitBinary(b, BinaryKind::Pow, x[0], emitConstant(b, b.getF32Type(), y));
    });
    EXPECT_LE(pow.size(), 5U) << y;
    for (float x = 0.1F; x < 100; x *= 1.37F)
      EXPECT_NEAR(pow.f32(x), std::pow(x, y), 2e-6 * std::pow(x, y)) << y;
  }
}

TEST(Binary, MaxAndMinGiveTheSecondOnNan) {
  for (BinaryKind kind : {BinaryKind::Max, BinaryKind::Min}) {
    ScalarFunction function({'f', 'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      return emitBinary(b, kind, x[0], x[1]);
    });
    EXPECT_EQ(function.f32(nan, 1), 1);
    EXPECT_TRUE(std::isnan(function.f32(1, nan)));
    EXPECT_EQ(function.f32(3, 2), kind == BinaryKind::Max ? 3 : 2);
  }
}

TEST(Binary, IntegerDivisionIsTotal) {
  ScalarFunction div({'i', 'i'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitBinary(b, BinaryKind::Div, x[0], x[1]);
  });
  ScalarFunction mod({'i', 'i'}, [](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitBinary(b, BinaryKind::Mod, x[0], x[1]);
  });
  auto call = [](ScalarFunction &f, int x, int y) {
    return f({ScalarValue::ofInt(x), ScalarValue::ofInt(y)}).integer();
  };
  EXPECT_EQ(call(div, -7, 2), -3);
  EXPECT_EQ(call(div, 7, 0), 0);
  EXPECT_EQ(call(div, std::numeric_limits<int>::min(), -1), std::numeric_limits<int>::min());
  EXPECT_EQ(call(mod, -7, 3), 2);
  EXPECT_EQ(call(mod, 7, -3), -2);
  EXPECT_EQ(call(mod, 6, 3), 0);
  EXPECT_EQ(call(mod, 6, 0), 0);
}

} // namespace
} // namespace quern::numerics
