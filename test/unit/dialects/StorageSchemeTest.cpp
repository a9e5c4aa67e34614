// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

namespace quern {
namespace {

using mlir::IntegerType;

class StorageSchemeTest : public testing::Test {
protected:
  mlir::Type integer(unsigned width, IntegerType::SignednessSemantics sign) {
    return IntegerType::get(&context, width, sign);
  }
  mlir::MLIRContext context;
};

TEST_F(StorageSchemeTest, IntegersHaveTheRangeOfTheirBits) {
  for (unsigned bits : {2, 3, 4, 5, 6, 7, 8, 16}) {
    auto isUnsigned = getStorageScheme(integer(bits, IntegerType::Unsigned));
    auto isSigned = getStorageScheme(integer(bits, IntegerType::Signed));
    ASSERT_TRUE(isUnsigned && isSigned) << bits;
    EXPECT_EQ(isUnsigned->name.str(), "u" + std::to_string(bits));
    EXPECT_EQ(isSigned->name.str(), "s" + std::to_string(bits));
    EXPECT_EQ(isUnsigned->min, 0);
    EXPECT_EQ(isUnsigned->max, (1 << bits) - 1);
    EXPECT_EQ(isSigned->min, -(1 << (bits - 1)));
    EXPECT_EQ(isSigned->max, (1 << (bits - 1)) - 1);
    EXPECT_FALSE(isUnsigned->isFloat || isUnsigned->isSigned || !isSigned->isSigned);
  }
}

TEST_F(StorageSchemeTest, SmallFloatsAreCodes) {
  auto e4m3 = getStorageScheme(mlir::Float8E4M3FNType::get(&context));
  auto e5m2 = getStorageScheme(mlir::Float8E5M2Type::get(&context));
  auto e2m1 = getStorageScheme(mlir::Float4E2M1FNType::get(&context));
  ASSERT_TRUE(e4m3 && e5m2 && e2m1);
  EXPECT_TRUE(e4m3->isFloat && e5m2->isFloat && e2m1->isFloat);
  EXPECT_EQ(e4m3->bits, 8u);
  EXPECT_EQ(e5m2->bits, 8u);
  EXPECT_EQ(e2m1->bits, 4u);
}

TEST_F(StorageSchemeTest, OtherTypesHoldNoCodes) {
  EXPECT_FALSE(getStorageScheme(integer(8, IntegerType::Signless)));
  EXPECT_FALSE(getStorageScheme(integer(32, IntegerType::Signed)));
  EXPECT_FALSE(getStorageScheme(integer(1, IntegerType::Unsigned)));
  EXPECT_FALSE(getStorageScheme(mlir::Float32Type::get(&context)));
}

TEST_F(StorageSchemeTest, ComputeTypes) {
  mlir::Type i32 = IntegerType::get(&context, 32), f32 = mlir::Float32Type::get(&context);
  EXPECT_EQ(getComputeType(integer(4, IntegerType::Signed)), i32);
  EXPECT_EQ(getComputeType(integer(32, IntegerType::Unsigned)), i32);
  EXPECT_EQ(getComputeType(integer(64, IntegerType::Signed)), IntegerType::get(&context, 64));
  EXPECT_EQ(getComputeType(mlir::Float8E5M2Type::get(&context)), f32);
  EXPECT_EQ(getComputeType(mlir::Float16Type::get(&context)), f32);
  EXPECT_EQ(getComputeType(mlir::Float64Type::get(&context)), mlir::Float64Type::get(&context));
}

TEST_F(StorageSchemeTest, ElementsTakeWholeBytes) {
  EXPECT_EQ(getElementBytes(integer(1, IntegerType::Signless)), 1);
  EXPECT_EQ(getElementBytes(integer(4, IntegerType::Unsigned)), 1);
  EXPECT_EQ(getElementBytes(mlir::Float4E2M1FNType::get(&context)), 1);
  EXPECT_EQ(getElementBytes(integer(16, IntegerType::Signed)), 2);
  EXPECT_EQ(getElementBytes(mlir::Float64Type::get(&context)), 8);
}

} // namespace
} // namespace quern
