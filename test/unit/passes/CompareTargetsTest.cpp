// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/CompareTargets.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sites.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <limits>

using namespace quern;

static const char *const model = R"(
func.func @main(%x: tensor<2x2xf32> {quern.name = "x"})
    -> (tensor<2x2xf32> {quern.name = "y"}) {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %q = onnx.node "QuantizeLinear"(%x, %s, %z) since 13 outputs ["q"]
      : (tensor<2x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x2xui8>
  %y = onnx.node "DequantizeLinear"(%q, %s, %z) since 13 outputs ["y"]
      : (tensor<2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
})";

namespace {

/// Outputs that the test chooses: codes, then floats.
struct Outputs {
  std::array<uint8_t, 4> codes;
  std::array<float, 4> floats;
};

class FakeModel : public CompiledModel {
public:
  FakeModel(mlir::func::FuncOp main, Outputs values) : values(values) {
    inputs.push_back({"x", llvm::cast<mlir::RankedTensorType>(main.getArgumentTypes()[0])});
    for (mlir::Type type : main.getResultTypes())
      outputs.push_back({"", llvm::cast<mlir::RankedTensorType>(type)});
  }
  llvm::ArrayRef<TensorSlot> getInputs() const override { return inputs; }
  llvm::ArrayRef<TensorSlot> getOutputs() const override { return outputs; }
  llvm::Error run(llvm::ArrayRef<const void *>, llvm::ArrayRef<void *> out) const override {
    std::memcpy(out[0], values.codes.data(), sizeof(values.codes));
    std::memcpy(out[1], values.floats.data(), sizeof(values.floats));
    return llvm::Error::success();
  }

private:
  Outputs values;
  std::vector<TensorSlot> inputs, outputs;
};

class FakeRunner : public ModelRunner {
public:
  explicit FakeRunner(Outputs values) : values(values) {}
  mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp module) const override {
    return std::unique_ptr<CompiledModel>(std::make_unique<FakeModel>(getMain(module), values));
  }

private:
  Outputs values;
};

class FakeSource : public SampleSource {
public:
  size_t size() const override { return 3; } // the last batch of two is not full
  llvm::Error read(size_t, llvm::ArrayRef<char *>) override { return llvm::Error::success(); }
};

} // namespace

static std::vector<TargetEdgeReport> compare(Outputs left, Outputs right) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  FakeSource source;
  auto reports = compareTargets(*module, FakeRunner(left), FakeRunner(right), source);
  EXPECT_TRUE(static_cast<bool>(reports)) << llvm::toString(reports.takeError());
  return *reports;
}

static const Outputs reference = {{1, 2, 3, 4},
                                  {1, -100, 2, std::numeric_limits<float>::quiet_NaN()}};

TEST(CompareTargets, EqualBitsAgree) {
  auto reports = compare(reference, reference);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].name, "q");
  EXPECT_TRUE(reports[0].hasCodes && reports[0].agrees());
  EXPECT_EQ(reports[0].count, 6u); // three samples of two
  EXPECT_FALSE(reports[1].hasCodes);
  EXPECT_TRUE(reports[1].agrees()); // NaN, too
}

TEST(CompareTargets, OneCodeIsTooMuch) {
  Outputs other = reference;
  other.codes[1] = 5;
  auto reports = compare(reference, other);
  EXPECT_FALSE(reports[0].agrees());
  EXPECT_EQ(reports[0].differing, 2u);
  EXPECT_EQ(reports[0].largest, 3);
  EXPECT_TRUE(reports[0].inputsAgree);
  EXPECT_FALSE(reports[1].inputsAgree);
}

TEST(CompareTargets, FloatsMayDifferBeneathTheLargest) {
  Outputs other = reference;
  other.floats[0] = 1 + 9e-4F; // of 100
  EXPECT_TRUE(compare(reference, other)[1].agrees());
  other.floats[0] = 1 + 1.2e-3F;
  EXPECT_FALSE(compare(reference, other)[1].agrees());
  other.floats[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(compare(reference, other)[1].agrees());
}
