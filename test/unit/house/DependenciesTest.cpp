// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The libraries that Quern stands on are the versions we expect and live in one process:
/// what setup.sh built, Debian's protobuf, and the shared MLIR and LLVM.

#include "cmake/Version.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "onnx/checker.h"
#include "onnx/common/version.h"
#include "onnx/onnx_pb.h"
#include "llvm/Config/llvm-config.h"
#include <gtest/gtest.h>

TEST(Dependencies, VersionsAreThePinnedOnes) {
  EXPECT_EQ(LLVM_VERSION_MAJOR, 22);
  EXPECT_STREQ(onnx::LAST_RELEASE_VERSION, "1.22.0");
  EXPECT_STREQ(QUERN_VERSION_STRING, "0.1.0");
}

TEST(Dependencies, MlirParsesInProcess) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @f(%x: tensor<2xi8>) -> tensor<2xi8> { return %x : tensor<2xi8> }", &context);
  ASSERT_TRUE(module);
  EXPECT_TRUE(module->lookupSymbol<mlir::func::FuncOp>("f"));
}

TEST(Dependencies, OnnxCheckerThrowsAcrossTheLibrary) {
  onnx::ModelProto model;
  EXPECT_THROW(onnx::checker::check_model(model), onnx::checker::ValidationError);
}
