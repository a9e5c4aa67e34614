// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes, casts and the evaluation of maps.

#include "test/unit/passes/ScalarFixture.h"

#include "dialects/Quern/ConstantData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <limits>

namespace quern::numerics {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

/// The op on the host, and the arithmetic that stands for it, must agree.
TEST(ToCode, ArithmeticEqualsTheOp) {
  struct Range {
    int32_t zeroPoint, lo, hi;
  };
  constexpr int32_t least = std::numeric_limits<int32_t>::min();
  constexpr int32_t most = std::numeric_limits<int32_t>::max();
  for (Range range : {Range{3, 0, 255}, Range{-5, -128, 127}, Range{0, 0, 15},
                      Range{40000, 0, 65535}, Range{0, least, most}, Range{7, least, most}}) {
    ScalarFunction op({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      return qir::ToCodeOp::create(b, b.getI32Type(), x[0], mlir::Value(), range.zeroPoint,
                                   range.lo, range.hi, false)
          .getResult();
    });
    ScalarFunction arithmetic({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      return emitToCode(b, x[0], {}, range.zeroPoint, range.lo, range.hi);
    });
    auto check = [&](float x) {
      ScalarValue value = ScalarValue::ofF32(x);
      ASSERT_EQ(op({value}).integer(), arithmetic({value}).integer()) << x;
    };
    for (float x : {0.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 1e10F, -1e10F, 3e9F, inf, -inf, nan})
      check(x);
    for (int sixteenths = -4800; sixteenths < 4800; ++sixteenths)
      check(static_cast<float>(sixteenths) / 16);
    EXPECT_EQ(op({ScalarValue::ofF32(nan)}).integer(), range.lo);
  }
}

TEST(Compare, EveryPredicate) {
  using P = mlir::arith::CmpFPredicate;
  struct Row {
    P predicate;
    bool less, equal, greater, unordered;
  };
  for (Row row :
       {Row{P::AlwaysFalse, false, false, false, false}, Row{P::OEQ, false, true, false, false},
        Row{P::OGT, false, false, true, false}, Row{P::OGE, false, true, true, false},
        Row{P::OLT, true, false, false, false}, Row{P::OLE, true, true, false, false},
        Row{P::ONE, true, false, true, false}, Row{P::ORD, true, true, true, false},
        Row{P::UEQ, false, true, false, true}, Row{P::UGT, false, false, true, true},
        Row{P::UGE, false, true, true, true}, Row{P::ULT, true, false, false, true},
        Row{P::ULE, true, true, false, true}, Row{P::UNE, true, false, true, true},
        Row{P::UNO, false, false, false, true}, Row{P::AlwaysTrue, true, true, true, true}}) {
    ScalarFunction compare({'f', 'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
      return mlir::arith::CmpFOp::create(b, row.predicate, x[0], x[1]).getResult();
    });
    auto holds = [&](float x, float y) {
      return compare({ScalarValue::ofF32(x), ScalarValue::ofF32(y)}).integer() == 1;
    };
    EXPECT_EQ(holds(1, 2), row.less);
    EXPECT_EQ(holds(2, 2), row.equal);
    EXPECT_EQ(holds(3, 2), row.greater);
    EXPECT_EQ(holds(nan, 2), row.unordered);
  }
}

TEST(Cast, SaturatesAndWraps) {
  mlir::MLIRContext context;
  auto signedType = [](mlir::OpBuilder &b, unsigned width) {
    return mlir::IntegerType::get(b.getContext(), width, mlir::IntegerType::Signed);
  };
  auto unsignedType = [](mlir::OpBuilder &b, unsigned width) {
    return mlir::IntegerType::get(b.getContext(), width, mlir::IntegerType::Unsigned);
  };
  ScalarFunction toU8({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitCast(b, x[0], b.getF32Type(), unsignedType(b, 8));
  });
  ScalarFunction toS32({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitCast(b, x[0], b.getF32Type(), signedType(b, 32));
  });
  ScalarFunction toS64({'f'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitCast(b, x[0], b.getF32Type(), signedType(b, 64));
  });
  ScalarFunction narrow({'l'}, [&](mlir::ImplicitLocOpBuilder &b, mlir::ValueRange x) {
    return emitCast(b, x[0], signedType(b, 64), signedType(b, 8));
  });
  auto of = [](float x) { return ScalarValue::ofF32(x); };
  EXPECT_EQ(toU8({of(255.9F)}).integer(), 255);
  EXPECT_EQ(toU8({of(300)}).integer(), 255);
  EXPECT_EQ(toU8({of(-3.5F)}).integer(), 0);
  EXPECT_EQ(toU8({of(nan)}).integer(), 0);
  EXPECT_EQ(toS32({of(-2.9F)}).integer(), -2);
  EXPECT_EQ(toS32({of(4e9F)}).integer(), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(toS32({of(-4e9F)}).integer(), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(toS64({of(inf)}).integer(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(narrow({ScalarValue::ofInt(300)}).integer(), 44);
  EXPECT_EQ(narrow({ScalarValue::ofInt(128)}).integer(), -128);
}

TEST(Map, IsEvaluatedWithItsAffineMaps) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                      qir::QuernDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @main() -> tensor<2x3xui8> {
      %a = quern.constant(dense<[[1, 2, 3], [250, 5, 6]]> : tensor<2x3xui8>) : tensor<2x3xui8>
      %s = quern.constant(dense<[0.5, 2.0]> : tensor<2xf32>) : tensor<2xf32>
      %r = quern.map ins(%a, %s : tensor<2x3xui8>, tensor<2xf32>)
             maps [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>] {
        ^bb0(%x: i32, %m: f32):
          %f = arith.sitofp %x : i32 to f32
          %p = arith.mulf %f, %m : f32
          %q = quern.to_code %p zero_point 1 range [0, 255]
          quern.yield %q : i32
      } -> tensor<2x3xui8>
      return %r : tensor<2x3xui8>
    })",
                                                        &context);
  ASSERT_TRUE(module);
  module->walk([&](qir::MapOp map) {
    mlir::OpBuilder builder(map);
    llvm::SmallVector<mlir::Value> results = evaluateMap(builder, map);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(readConstant<int32_t>(results[0]), (std::vector<int32_t>{1, 2, 3, 255, 11, 13}));
  });
}

} // namespace
} // namespace quern::numerics
