// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Calibrate.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Calibrate/Sweep.h"

#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace quern;

static const char *const model = R"(
func.func @main(%x: tensor<2x3xf32> {quern.name = "x"})
    -> (tensor<2x3xf32> {quern.name = "z"}) {
  %y = onnx.node "Relu"(%x) since 14 outputs ["y"] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %z = onnx.node "Neg"(%y) since 13 outputs ["z"] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
})";

namespace {

/// Whatever the module is: output k holds the input times k + 1.
class FakeModel : public CompiledModel {
public:
  FakeModel(std::vector<TensorSlot> inputs, std::vector<TensorSlot> outputs)
      : inputs(std::move(inputs)), outputs(std::move(outputs)) {}
  llvm::ArrayRef<TensorSlot> getInputs() const override { return inputs; }
  llvm::ArrayRef<TensorSlot> getOutputs() const override { return outputs; }
  llvm::Error run(llvm::ArrayRef<const void *> in, llvm::ArrayRef<void *> out) const override {
    for (size_t k = 0; k < outputs.size(); ++k)
      for (int i = 0; i < 6; ++i)
        static_cast<float *>(out[k])[i] =
            static_cast<const float *>(in[0])[i] * static_cast<float>(k + 1);
    return llvm::Error::success();
  }

private:
  std::vector<TensorSlot> inputs, outputs;
};

class FakeRunner : public ModelRunner {
public:
  mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp module) const override {
    ++compilations;
    auto main = getMain(module);
    std::vector<TensorSlot> inputs, outputs;
    inputs.push_back({"x", llvm::cast<mlir::RankedTensorType>(main.getArgumentTypes()[0])});
    for (unsigned i = 0; i < main.getNumResults(); ++i)
      outputs.push_back({main.getResultAttrOfType<mlir::StringAttr>(i, "quern.name").str(),
                         llvm::cast<mlir::RankedTensorType>(main.getResultTypes()[i])});
    return std::unique_ptr<CompiledModel>(
        std::make_unique<FakeModel>(std::move(inputs), std::move(outputs)));
  }
  mutable int compilations = 0;
};

/// Sample i is [i, 10 i, -i].
class FakeSource : public SampleSource {
public:
  explicit FakeSource(size_t count) : count(count) {}
  size_t size() const override { return count; }
  llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) override {
    if (index == bad)
      return llvm::createStringError("sample 3 is bad");
    auto *values = reinterpret_cast<float *>(buffers[0]);
    auto number = static_cast<float>(index);
    values[0] = number;
    values[1] = 10 * number;
    values[2] = -number;
    return llvm::Error::success();
  }
  size_t count, bad = SIZE_MAX;
};

class CalibrateTest : public testing::Test {
protected:
  CalibrateTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
    options.observer = lookupObserver("minmax");
    options.channelObserver = lookupObserver("average");
  }
  llvm::Expected<Statistics> run(SampleSource &source) {
    return calibrate(*module, {{"x", std::nullopt}, {"y", 1}, {"z", std::nullopt}}, runner, source,
                     options);
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  FakeRunner runner;
  CalibrationOptions options;
};

} // namespace

TEST_F(CalibrateTest, ObservesInputsOutputsAndTaps) {
  ASSERT_TRUE(module);
  FakeSource source(5); // the last batch of two is not full
  auto statistics = run(source);
  ASSERT_TRUE(static_cast<bool>(statistics)) << llvm::toString(statistics.takeError());
  EXPECT_EQ(statistics->samples, 5u);
  EXPECT_EQ(statistics->getRanges("x", 256)[0].high, 40);
  EXPECT_EQ(statistics->getRanges("x", 256)[0].low, -4);
  // z is output 0, y was added as output 1.
  EXPECT_EQ(statistics->getRanges("z", 256)[0].high, 40);
  auto channels = statistics->getRanges("y", 256);
  ASSERT_EQ(channels.size(), 3u);
  EXPECT_NEAR(channels[1].high, 2 * 10 * 2, 1e-9); // mean of 0, 20, 40, 60, 80
  EXPECT_NEAR(channels[2].low, -2 * 2, 1e-9);
  // The module itself is as it was.
  EXPECT_EQ(getMain(*module).getNumResults(), 1u);
}

TEST_F(CalibrateTest, GoesOnWhereItWasInterrupted) {
  FakeSource source(7);
  auto whole = run(source);
  ASSERT_TRUE(static_cast<bool>(whole));
  llvm::json::Value saved = nullptr;
  options.onBatch = [&](const Statistics &statistics, size_t total) -> llvm::Error {
    EXPECT_EQ(total, 7u);
    saved = statistics.save();
    return statistics.samples == 4 ? llvm::createStringError("interrupted")
                                   : llvm::Error::success();
  };
  auto interrupted = run(source);
  ASSERT_FALSE(static_cast<bool>(interrupted));
  EXPECT_EQ(llvm::toString(interrupted.takeError()), "interrupted");
  options.onBatch = nullptr;
  options.resume = &saved;
  auto resumed = run(source);
  ASSERT_TRUE(static_cast<bool>(resumed)) << llvm::toString(resumed.takeError());
  EXPECT_EQ(resumed->save(), whole->save());
  // What is complete needs no model.
  llvm::json::Value complete = resumed->save();
  options.resume = &complete;
  int before = runner.compilations;
  ASSERT_TRUE(static_cast<bool>(run(source)));
  EXPECT_EQ(runner.compilations, before);
}

TEST_F(CalibrateTest, RefusesStatisticsThatDoNotFit) {
  FakeSource source(3);
  auto statistics = run(source);
  ASSERT_TRUE(static_cast<bool>(statistics));
  llvm::json::Value saved = statistics->save();
  options.resume = &saved;
  options.observer = lookupObserver("mse");
  auto other = run(source);
  ASSERT_FALSE(static_cast<bool>(other));
  EXPECT_EQ(llvm::toString(other.takeError()),
            "the statistics are of the observers 'minmax' and 'average', expected 'mse' and "
            "'average'");
  options.observer = lookupObserver("minmax");
  FakeSource fewer(2);
  auto shorter = run(fewer);
  ASSERT_FALSE(static_cast<bool>(shorter));
  EXPECT_EQ(llvm::toString(shorter.takeError()),
            "the statistics are of more samples than there are");
}

TEST_F(CalibrateTest, BadSamplesAndSitesAreErrors) {
  FakeSource source(5);
  source.bad = 3;
  auto statistics = run(source);
  ASSERT_FALSE(static_cast<bool>(statistics));
  EXPECT_EQ(llvm::toString(statistics.takeError()), "sample 3 is bad");
  auto missing = calibrate(*module, {{"nope", std::nullopt}}, runner, source, options);
  ASSERT_FALSE(static_cast<bool>(missing));
  EXPECT_EQ(llvm::toString(missing.takeError()), "there is no tensor 'nope' to observe");
}
