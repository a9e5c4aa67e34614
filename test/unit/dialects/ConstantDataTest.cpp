// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <cmath>
#include <gtest/gtest.h>

namespace quern {
namespace {

using mlir::RankedTensorType;
using mlir::Type;

class ConstantDataTest : public testing::Test {
protected:
  ConstantDataTest() : builder(&context) {
    context.loadDialect<qir::QuernDialect>();
    location = mlir::UnknownLoc::get(&context);
    module = mlir::ModuleOp::create(location);
    builder.setInsertionPointToStart(module->getBody());
  }

  template <typename T> qir::ConstantOp make(Type element, const std::vector<T> &values) {
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
    return makeConstant<T>(builder, location, type, values);
  }

  /// Makes a constant of the values, inline and as a blob, and reads them back.
  template <typename T> void expectRoundTrip(Type element, const std::vector<T> &values) {
    for (int copies : {1, 40}) {
      std::vector<T> repeated;
      for (int i = 0; i < copies; ++i)
        repeated.insert(repeated.end(), values.begin(), values.end());
      qir::ConstantOp constant = make(element, repeated);
      bool isBlob = llvm::isa<qir::BlobAttr>(constant.getValue());
      EXPECT_EQ(isBlob, repeated.size() > 16);
      EXPECT_TRUE(mlir::succeeded(constant.verify()));
      auto read = readConstant<T>(constant);
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, repeated);
    }
  }

  mlir::MLIRContext context;
  mlir::OpBuilder builder;
  mlir::Location location = mlir::UnknownLoc::get(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(ConstantDataTest, IntegerSchemesKeepTheirWholeRange) {
  using Sign = mlir::IntegerType::SignednessSemantics;
  for (unsigned bits : {2, 3, 4, 5, 6, 7, 8, 16})
    for (Sign sign : {mlir::IntegerType::Unsigned, mlir::IntegerType::Signed}) {
      SCOPED_TRACE(bits);
      Type element = mlir::IntegerType::get(&context, bits, sign);
      StorageScheme scheme = *getStorageScheme(element);
      expectRoundTrip<int64_t>(element, {scheme.min, scheme.max, 0, 1});
    }
}

TEST_F(ConstantDataTest, WideIntegersKeepTheirSign) {
  Type si32 = mlir::IntegerType::get(&context, 32, mlir::IntegerType::Signed);
  Type si64 = mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed);
  expectRoundTrip<int64_t>(si32, {INT32_MIN, INT32_MAX, -1});
  expectRoundTrip<int64_t>(si64, {INT64_MIN, INT64_MAX, -1});
  expectRoundTrip<int32_t>(mlir::IntegerType::get(&context, 1), {0, 1});
}

TEST_F(ConstantDataTest, SmallFloatsKeepAllTheirValues) {
  expectRoundTrip<float>(mlir::Float8E4M3FNType::get(&context), {448.0f, -448.0f, 0x1p-9f, 1.125f});
  expectRoundTrip<float>(mlir::Float8E5M2Type::get(&context), {57344.0f, -0x1p-16f, 1.25f});
  expectRoundTrip<float>(mlir::Float4E2M1FNType::get(&context), {0, 0.5f, 1, 1.5f, 2, 3, 4, -6});
}

TEST_F(ConstantDataTest, FloatsKeepTheirBits) {
  std::vector<double> exact{1.5, -0.25, 65504.0, 0x1p-24};
  expectRoundTrip<double>(mlir::Float16Type::get(&context), exact);
  expectRoundTrip<double>(mlir::Float64Type::get(&context), {0.1, -1e300});
  expectRoundTrip<float>(mlir::BFloat16Type::get(&context), {1.5f, -0x1p-126f});
  expectRoundTrip<float>(mlir::Float32Type::get(&context), {0.1f, INFINITY, -0x1p-149f});
}

TEST_F(ConstantDataTest, FloatsAreRoundedToNearestEven) {
  auto read = readConstant<float>(make<float>(mlir::Float16Type::get(&context), {0.1f, 2049.0f}));
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)[0], 0x1.998p-4f);
  EXPECT_EQ((*read)[1], 2048.0f);
}

TEST_F(ConstantDataTest, CodesTakeAByteEach) {
  Type si4 = mlir::IntegerType::get(&context, 4, mlir::IntegerType::Signed);
  std::vector<char> storage;
  llvm::ArrayRef<char> bytes = getConstantBytes(make<int32_t>(si4, {-8, 7, -1}), storage);
  EXPECT_EQ(std::vector<char>(bytes), (std::vector<char>{-8, 7, -1}));
  Type ui4 = mlir::IntegerType::get(&context, 4, mlir::IntegerType::Unsigned);
  bytes = getConstantBytes(make<int32_t>(ui4, {15, 0}), storage);
  EXPECT_EQ(std::vector<char>(bytes), (std::vector<char>{15, 0}));
}

TEST_F(ConstantDataTest, SplatsAreExpanded) {
  auto type = RankedTensorType::get({3}, builder.getF32Type());
  auto value = mlir::DenseElementsAttr::get(type, 2.0f);
  auto constant = qir::ConstantOp::create(builder, location, type, value, nullptr);
  EXPECT_EQ(*readConstant<float>(constant), (std::vector<float>{2, 2, 2}));
}

TEST_F(ConstantDataTest, ScalarsAndWhatIsNone) {
  qir::ConstantOp one = make<float>(builder.getF32Type(), {3.0f});
  EXPECT_EQ(readScalarConstant<float>(one), 3.0f);
  EXPECT_FALSE(readScalarConstant<float>(make<float>(builder.getF32Type(), {1.0f, 2.0f})));
  auto other = qir::ReshapeOp::create(builder, location, one.getType(), one);
  EXPECT_FALSE(getConstant(other));
  EXPECT_FALSE(readConstant<float>(other));
}

TEST_F(ConstantDataTest, BytesThatAreNotThereReadAsNone) {
  auto type = RankedTensorType::get({32}, builder.getF32Type());
  auto blob = qir::BlobAttr::get(&context, "00112233445566778899aabbccddeeff", 128);
  auto constant = qir::ConstantOp::create(builder, location, type, blob, nullptr);
  EXPECT_TRUE(mlir::succeeded(constant.verify()));
  EXPECT_FALSE(readConstant<float>(constant));
}

} // namespace
} // namespace quern
