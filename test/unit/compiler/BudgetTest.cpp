// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Budget.h"
#include "compiler/board/Latency.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Codegen/CostModel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/Module.h"
#include <gtest/gtest.h>

using namespace quern;
using artifact::Argument;
using artifact::Launch;
using artifact::Program;

namespace {

/// One scalar operation a cycle.
class PlainTarget : public TargetModel {
public:
  llvm::StringRef getName() const override { return "plain"; }
  bool wantsPaddedInputs() const override { return false; }
  qir::PackedAttr getPackedForm(mlir::Operation *) const override { return {}; }
  std::vector<char> pack(mlir::Operation *, qir::PackedAttr, llvm::ArrayRef<char>) const override {
    return {};
  }
  mlir::DictionaryAttr chooseTile(qir::DispatchOp) const override { return {}; }
  int64_t getUnits(qir::DispatchOp) const override { return 1; }
  TargetRates getRates() const override {
    TargetRates rates;
    rates.elementOps = modelClock;
    rates.bytes = 1e15;
    return rates;
  }
};

} // namespace

/// 1000 additions.
static const char *const oneDispatch = R"(
#id = affine_map<(d0) -> (d0)>
func.func @main(%x: tensor<1000xf32>, %c: tensor<1000xf32>) -> tensor<1000xf32> {
  %y = quern.dispatch ins(%x, %c : tensor<1000xf32>, tensor<1000xf32>) {
  ^bb0(%a: tensor<1000xf32>, %b: tensor<1000xf32>):
    %s = quern.map ins(%a, %b : tensor<1000xf32>, tensor<1000xf32>) maps [#id, #id] {
    ^bb0(%u: f32, %v: f32):
      %w = arith.addf %u, %v : f32
      quern.yield %w : f32
    } -> tensor<1000xf32>
    quern.return %s : tensor<1000xf32>
  } -> tensor<1000xf32>
  return %y : tensor<1000xf32>
})";

static Launch makeLaunch(const char *node, uint64_t weightOffset, uint64_t weightBytes,
                         uint64_t activationBytes) {
  Launch launch;
  launch.kernel = std::string("kernel_") + node;
  launch.nodes = {node};
  launch.arguments = {{Argument::Segment, 0, weightOffset, weightBytes, false},
                      {Argument::Arena, 0, 0, activationBytes, true}};
  return launch;
}

static double estimate(Launch launch, const Board *board, int threads, uint64_t segmentBytes) {
  mlir::MLIRContext context;
  context.loadDialect<qir::QuernDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(oneDispatch, &context);
  Program program;
  program.launches = {std::move(launch)};
  program.segmentBytes = segmentBytes;
  estimateLatency(program, *module, PlainTarget(), board, threads);
  EXPECT_EQ(program.estimate.seconds, program.launches[0].seconds);
  EXPECT_NE(program.estimate.basis.find("not measured"), std::string::npos);
  return program.estimate.seconds;
}

static Board makeBoard() {
  Board board;
  board.name = "toy";
  board.cores = 4;
  board.clock = 2e9;
  board.caches = {{1, 10000, 1}};
  board.bandwidth = 1e9;
  return board;
}

TEST(Latency, ScalesWithTheClock) {
  Launch launch = makeLaunch("a", 0, 4000, 4000);
  EXPECT_DOUBLE_EQ(estimate(launch, nullptr, 0, 4000), 1000 / modelClock);
  Board board = makeBoard();
  EXPECT_DOUBLE_EQ(estimate(launch, &board, 0, 4000), 0.5e-6);
}

TEST(Latency, IsBoundByTheMemoryOnceTheCacheIsTooSmall) {
  Board board = makeBoard();
  EXPECT_DOUBLE_EQ(estimate(makeLaunch("a", 0, 4000, 4000), &board, 0, 10001), 4e-6);
  EXPECT_DOUBLE_EQ(estimate(makeLaunch("a", 0, 4000, 10001), &board, 0, 4000), 10.001e-6);
}

TEST(Latency, ThreadsShareChunks) {
  Board board = makeBoard();
  Launch launch = makeLaunch("a", 0, 4000, 4000);
  launch.units = 10;
  launch.grain = 2; // five chunks: three turns of two threads
  EXPECT_DOUBLE_EQ(estimate(launch, &board, 2, 4000), 0.5e-6 * 3 / 5 + 2e-6);
  // No more threads than cores.
  EXPECT_DOUBLE_EQ(estimate(launch, &board, 100, 4000), 0.5e-6 * 2 / 5 + 2e-6);
  launch.grain = 10;
  EXPECT_DOUBLE_EQ(estimate(launch, &board, 4, 4000), 0.5e-6);
}

namespace {

class BudgetTest : public testing::Test {
protected:
  BudgetTest() {
    artifact::Variant &variant = variants.emplace_back();
    Program &program = variant.program;
    program.launches = {makeLaunch("small", 0, 100, 0), makeLaunch("big", 128, 700, 0),
                        makeLaunch("again", 128, 700, 0)};
    program.segmentBytes = 832;
    program.arenaBytes = 5000;
    program.arena = {{"x", 0, 1000, 0, 1}, {"y", 1000, 4000, 1, 2}, {"z", 0, 900, 2, 2}};
    program.launches[1].seconds = 2e-3;
    program.launches[2].seconds = 1e-3;
    program.estimate = {3e-3, 1, "some model; not measured"};
    figures = {2000, 512, {{"kernel_big", 400}, {"kernel_small", 16}}};
  }
  std::vector<BrokenLimit> check(const Board *board = nullptr) {
    return checkBudget(budget, board, variants, figures);
  }
  std::vector<artifact::Variant> variants;
  artifact::Figures figures;
  Budget budget;
};

} // namespace

TEST_F(BudgetTest, LimitsThatAreJustMetHold) {
  budget = {2000, 5000, 512, 3e-3};
  Board board = makeBoard();
  board.flashBytes = 2000;
  board.memoryBytes = 2000 + 5000 + 512;
  EXPECT_TRUE(check(&board).empty());
  EXPECT_TRUE(check().empty());
}

TEST_F(BudgetTest, SizeNamesTheLargestWeightsOnce) {
  budget.size = 1999;
  auto broken = check();
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].message, "size: expected at most 1999 bytes (--max-size), found 2000");
  EXPECT_EQ(broken[0].largest, "weights take 832 bytes, code and tables 1168 bytes; the largest "
                               "weights: 'big' 700 bytes, 'small' 100 bytes");
}

TEST_F(BudgetTest, ArenaNamesWhatIsAliveWhenItIsFullest) {
  budget.arena = 4096;
  auto broken = check();
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].message, "arena: expected at most 4096 bytes (--max-arena), found 5000");
  EXPECT_EQ(broken[0].largest, "where it is fullest: 'y' 4000 bytes, 'x' 1000 bytes");
}

TEST_F(BudgetTest, StackNamesTheNodesOfTheLargestFrames) {
  budget.stack = 256;
  auto broken = check();
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].message, "stack: expected at most 256 bytes (--max-stack), found 512");
  EXPECT_EQ(broken[0].largest, "the largest frames: 'big' 400 bytes, 'small' 16 bytes");
}

TEST_F(BudgetTest, LatencySaysOnWhatItIsBased) {
  budget.latency = 2.5e-3;
  auto broken = check();
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].message, "latency: expected at most 2.50 ms (--max-latency), estimated 3.00 "
                               "ms on 1 thread (some model; not measured)");
  EXPECT_EQ(broken[0].largest.find("the longest: 'big' 2.00 ms, 'again' 1.00 ms"), 0u);
}

TEST_F(BudgetTest, BoardsHaveFlashAndMemory) {
  Board board = makeBoard();
  board.flashBytes = 1999;
  board.memoryBytes = 2000 + 5000 + 511;
  auto broken = check(&board);
  ASSERT_EQ(broken.size(), 2u);
  EXPECT_EQ(broken[0].message, "size: expected at most 1999 bytes (the flash of toy), found 2000");
  EXPECT_EQ(broken[1].message,
            "file, arena and stack: expected at most 7511 bytes (the memory of toy), found 7512");
}
