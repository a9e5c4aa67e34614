// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/ContentStore.h"
#include "passes/Codegen/FakeTarget.h"
#include "passes/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace quern {
namespace {

/// Two products whose weights are equal but are two constants.
constexpr const char *source = R"mlir(
func.func @main(%x: tensor<4x4xui8>) -> (tensor<4x16xsi32>, tensor<4x16xsi32>) {
  %v = quern.constant(#quern.blob<"HASH", 64>) : tensor<4x16xsi8>
  %w = quern.constant(#quern.blob<"HASH", 64>) : tensor<4x16xsi8>
  %a = quern.matmul %x, %v : tensor<4x4xui8>, tensor<4x16xsi8> -> tensor<4x16xsi32>
  %b = quern.matmul %x, %w : tensor<4x4xui8>, tensor<4x16xsi8> -> tensor<4x16xsi32>
  return %a, %b : tensor<4x16xsi32>, tensor<4x16xsi32>
}
)mlir";

TEST(PackWeights, PacksEqualWeightsOnceAndReleasesTheOldBytes) {
  MLIRContext context;
  context
      .loadDialect<qir::QuernDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  ContentStore &store = context.getLoadedDialect<qir::QuernDialect>()->getContentStore();
  std::vector<char> bytes(64);
  for (int i = 0; i < 64; ++i)
    bytes[i] = static_cast<char>(i);
  std::string hash = store.add(bytes);
  std::string text(source);
  for (size_t at; (at = text.find("HASH")) != std::string::npos;)
    text.replace(at, 4, hash);
  auto module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  std::unique_ptr<TargetModel> target = makeFakeTarget();
  PassManager manager(&context);
  buildCodegenPipeline(manager, *target);
  ASSERT_TRUE(succeeded(manager.run(*module)));
  EXPECT_FALSE(store.contains(hash));
  SmallVector<qir::ConstantOp> constants;
  module->walk([&](qir::ConstantOp constant) { constants.push_back(constant); });
  ASSERT_EQ(constants.size(), 2u);
  EXPECT_EQ(constants[0].getValue(), constants[1].getValue());
  std::vector<char> storage;
  llvm::ArrayRef<char> packed = getConstantBytes(constants[0], storage);
  ASSERT_EQ(packed.size(), 64u);
  for (int n = 0; n < 16; ++n)
    for (int k = 0; k < 4; ++k)
      EXPECT_EQ(packed[n * 4 + k], bytes[k * 16 + n]);
}

} // namespace
} // namespace quern
