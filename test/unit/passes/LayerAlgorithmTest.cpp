// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file The algorithms that work on one layer, on random layers whose inputs are correlated, as
/// those of real ones are.

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

#include "mlir/Parser/Parser.h"
#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <gtest/gtest.h>

#include <random>

using namespace quern;

static const char *const product = R"(
func.func @main(%x: tensor<1x48xf32> {quern.name = "x"}) -> (tensor<1x24xf32> {quern.name = "y"}) {
  %w = quern.constant(dense<1.0> : tensor<48x24xf32>) {site = "w"} : tensor<48x24xf32>
  %y = onnx.node "MatMul"(%x, %w) since 13 outputs ["y"]
      : (tensor<1x48xf32>, tensor<48x24xf32>) -> tensor<1x24xf32>
  return %y : tensor<1x24xf32>
})";

namespace {

class LayerAlgorithmTest : public testing::Test {
protected:
  static constexpr int64_t depth = 48, outputs = 24, samples = 400;

  LayerAlgorithmTest() {
    context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(product, &context);
    placement = findPlacement(module->lookupSymbol<mlir::func::FuncOp>("main"));
    // A few common causes and some noise of their own, channels of very different size.
    Eigen::MatrixXf causes = makeRandom(12, samples), mixing = makeRandom(depth, 12);
    inputs = mixing * causes + 0.3F * makeRandom(depth, samples);
    for (int64_t i = 0; i < depth; ++i)
      inputs.row(i) *= std::exp(0.5F * normal(engine));
    weights = makeRandom(outputs, depth);
  }
  Eigen::MatrixXf makeRandom(int64_t rows, int64_t columns) {
    return Eigen::MatrixXf::NullaryExpr(rows, columns, [&] { return normal(engine); });
  }
  /// A layer with `quantized` in place of its inputs.
  LayerTask makeTask(llvm::StringRef scheme, const Eigen::MatrixXf &quantized, int64_t group = 0) {
    InputMoments moments;
    Eigen::MatrixXd x = inputs.cast<double>(), q = quantized.cast<double>();
    moments.own = q * q.transpose() / samples;
    moments.cross = x * q.transpose() / samples;
    moments.original = inputs;
    moments.quantized = quantized;
    moments.meanFloat = x.rowwise().mean();
    moments.mean = q.rowwise().mean();
    LayerTask task(placement.weights.at(0), {lookupWeightScheme(scheme), group}, {moments});
    task.original = task.weights = weights;
    task.bias.assign(outputs, 0);
    return task;
  }
  /// Mean squared difference of the outputs from the float model's.
  double getError(const LayerTask &task, const Eigen::MatrixXf &quantized) const {
    Eigen::MatrixXf difference = weights * inputs - task.grid.dequantize(task.codes) * quantized;
    return difference.cast<double>().squaredNorm() / samples;
  }
  static void run(llvm::Error (*algorithm)(LayerTask &), LayerTask &task) {
    llvm::Error error = algorithm(task);
    ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
  }

  std::mt19937 engine{7}; // NOLINT(bugprone-random-generator-seed): the same in every run
  std::normal_distribution<float> normal;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Placement placement;
  Eigen::MatrixXf inputs, weights;
};

} // namespace

TEST_F(LayerAlgorithmTest, OutputErrorIsThatOfTheOutputs) {
  LayerTask task = makeTask("s4", inputs);
  run(clipByError, task);
  double expected = getError(task, inputs);
  EXPECT_NEAR(getOutputError(weights, task.grid.dequantize(task.codes), task.inputs[0].own),
              expected, 1e-4 * expected);
}

TEST_F(LayerAlgorithmTest, GptqBeatsRoundingInEveryScheme) {
  for (llvm::StringRef scheme : {"s4", "u4", "s3", "s2", "ternary"})
    for (int64_t group : {0, 32}) {
      LayerTask rounded = makeTask(scheme, inputs, group),
                ordered = makeTask(scheme, inputs, group);
      run(clipByError, rounded);
      run(roundInOrder, ordered);
      // Correlated inputs let errors make up for each other.
      EXPECT_LT(getError(ordered, inputs), 0.7 * getError(rounded, inputs)) << scheme.str();
      for (int8_t code : ordered.codes.reshaped()) {
        EXPECT_GE(code, ordered.grid.getScheme().low);
        EXPECT_LE(code, ordered.grid.getScheme().high);
      }
    }
}

/// The algorithm as the paper has it: column by column, the inverse of what is left of the damped
/// moments computed anew each time.
TEST_F(LayerAlgorithmTest, GptqIsThePapersAlgorithm) {
  LayerTask task = makeTask("s3", inputs);
  run(roundInOrder, task);
  Eigen::MatrixXd moments = task.inputs[0].own;
  moments.diagonal().array() += 0.01 * task.inputs[0].own.diagonal().mean();
  std::vector<int64_t> left(depth);
  for (int64_t i = 0; i < depth; ++i)
    left[i] = i;
  llvm::sort(left, [&](int64_t a, int64_t b) { return moments(a, a) > moments(b, b); });
  Eigen::MatrixXd work = weights.cast<double>();
  int64_t different = 0;
  while (!left.empty()) {
    auto count = static_cast<int64_t>(left.size());
    Eigen::MatrixXd part(count, count);
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < count; ++j)
        part(i, j) = moments(left[i], left[j]);
    Eigen::MatrixXd inverse = part.llt().solve(Eigen::MatrixXd::Identity(count, count));
    int64_t column = left[0];
    for (int64_t row = 0; row < outputs; ++row) {
      int8_t code = task.grid.quantize(static_cast<float>(work(row, column)), row, 0);
      different += code != task.codes(row, column);
      // Go on from the codes that were found: one that fell the other way changes all later ones.
      double off = work(row, column) - task.grid.dequantize(task.codes(row, column), row, 0);
      for (int64_t i = 0; i < count; ++i)
        work(row, left[i]) -= off * inverse(0, i) / inverse(0, 0);
    }
    left.erase(left.begin());
  }
  // Single precision may put a weight on the other side of a middle.
  EXPECT_LE(different, outputs * depth / 200);
}

TEST_F(LayerAlgorithmTest, GptqTakesInputsThatAreAlwaysZero) {
  inputs.row(5).setZero();
  LayerTask task = makeTask("s4", inputs);
  run(roundInOrder, task);
  EXPECT_TRUE(std::isfinite(getError(task, inputs)));
  inputs.setZero();
  LayerTask silent = makeTask("s4", inputs);
  run(refitToFloat, silent);
  run(roundInOrder, silent);
  EXPECT_TRUE(silent.weights == weights);
}

TEST_F(LayerAlgorithmTest, RefitIsTheFormula) {
  Eigen::MatrixXf damaged = inputs + 0.5F * makeRandom(depth, samples);
  LayerTask task = makeTask("s8", damaged);
  run(refitToFloat, task);
  Eigen::MatrixXd x = inputs.cast<double>(), q = damaged.cast<double>();
  Eigen::MatrixXd own = q * q.transpose(), cross = x * q.transpose();
  Eigen::MatrixXd damping = Eigen::MatrixXd::Identity(depth, depth) * (0.1 * own.diagonal().mean());
  Eigen::MatrixXd expected = weights.cast<double>() * (cross + damping) * (own + damping).inverse();
  EXPECT_LT((task.weights.cast<double>() - expected).norm(), 1e-4 * expected.norm());
  // Nearer to the float outputs than the weights as they were.
  EXPECT_LT((weights * inputs - task.weights * damaged).norm(),
            (weights * inputs - weights * damaged).norm());
}

TEST_F(LayerAlgorithmTest, RefitLeavesALayerWithGoodInputs) {
  LayerTask task = makeTask("s8", inputs);
  run(refitToFloat, task);
  EXPECT_LT((task.weights - weights).norm(), 1e-4F * weights.norm());
}

TEST_F(LayerAlgorithmTest, AdaRoundNeverRaisesTheError) {
  for (auto *maker : {clipByError, roundInOrder}) {
    LayerTask task = makeTask("s3", inputs);
    run(maker, task);
    double before = getError(task, inputs);
    run(moveCodes, task);
    double after = getError(task, inputs);
    EXPECT_LT(after, maker == clipByError ? 0.7 * before : before);
    // At rest: no single step helps.
    CodeMatrix codes = task.codes;
    run(moveCodes, task);
    EXPECT_LT(getError(task, inputs), after * (1 + 1e-5));
    EXPECT_LE((task.codes.cast<int>() - codes.cast<int>()).cwiseAbs().sum(), 0.01 * codes.size());
  }
}

TEST_F(LayerAlgorithmTest, CorrectedBiasesKeepTheMeans) {
  Eigen::MatrixXf damaged = inputs;
  damaged.colwise() += makeRandom(depth, 1).col(0);
  for (RealRange range : {RealRange{-1e9, 1e9}, RealRange{0, 6}}) {
    LayerTask task = makeTask("s4", damaged);
    task.bias.assign(outputs, 0.5);
    if (range.high == 6)
      task.clamps.assign(outputs, range);
    run(roundToNearest, task);
    run(correctBias, task);
    auto clamp = [&](const Eigen::MatrixXf &values) {
      return values.cwiseMax(static_cast<float>(range.low))
          .cwiseMin(static_cast<float>(range.high));
    };
    // Where a clamp follows, a layer makes up for its own weights alone.
    Eigen::MatrixXf wanted = weights * (range.high == 6 ? damaged : inputs);
    Eigen::MatrixXf found = task.grid.dequantize(task.codes) * damaged;
    for (int64_t row = 0; row < outputs; ++row) {
      wanted.row(row).array() += 0.5F;
      found.row(row).array() += static_cast<float>(task.bias[row]);
    }
    Eigen::VectorXf means = clamp(wanted).rowwise().mean(), others = clamp(found).rowwise().mean();
    EXPECT_LT((means - others).cwiseAbs().maxCoeff(), 2e-3F) << range.high;
  }
}

TEST_F(LayerAlgorithmTest, ValuesBehindTheClampDoNotShiftTheOthers) {
  Eigen::MatrixXf damaged = inputs;
  damaged.col(0) *= 1000; // one place in which the quantized model is far off
  LayerTask task = makeTask("s8", damaged);
  task.clamps.assign(outputs, {-60, 60});
  run(roundToNearest, task);
  run(correctBias, task);
  Eigen::VectorXf changed =
      (task.grid.dequantize(task.codes) * damaged - weights * inputs).rowwise().mean();
  for (int64_t row = 0; row < outputs; ++row)
    EXPECT_LT(std::abs(task.bias[row]), 0.5);
  EXPECT_GT(changed.cwiseAbs().maxCoeff(), 5); // what the plain means are off
}

TEST_F(LayerAlgorithmTest, LargeBiasesGetAScaleThatHoldsThem) {
  LayerTask task = makeTask("s8", inputs);
  task.inputScales.assign(outputs, 1.0F);
  run(roundToNearest, task);
  float before = task.grid.getScale(3, 0), other = task.grid.getScale(2, 0);
  task.bias[3] = 4 * 1073741824.0 * before; // 2^32 steps would not fit into 32 bits
  run(roundToNearest, task);
  EXPECT_FLOAT_EQ(task.grid.getScale(3, 0), 4 * before);
  EXPECT_EQ(task.grid.getScale(2, 0), other);
}
