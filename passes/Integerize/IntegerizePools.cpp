// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>

namespace quern {
#define GEN_PASS_DEF_INTEGERIZEPOOLS
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// How many of the window's steps fall inside the input, for each position along one dimension.
static std::vector<int64_t> countInside(int64_t outputs, int64_t input, int64_t kernel,
                                        int64_t stride, int64_t pad, int64_t dilation) {
  std::vector<int64_t> counts(outputs);
  for (int64_t out = 0; out < outputs; ++out)
    for (int64_t k = 0; k < kernel; ++k) {
      int64_t at = out * stride + k * dilation - pad;
      counts[out] += at >= 0 && at < input;
    }
  return counts;
}

/// Elements under each window, [1, OH, OW, 1].
static std::vector<int64_t> countWindows(qir::PoolOp pool) {
  auto in = tensorOf(pool.getInput()).getShape(), out = tensorOf(pool.getResult()).getShape();
  std::vector<int64_t> along[2], counts;
  for (int d = 0; d < 2; ++d)
    along[d] = countInside(out[1 + d], in[1 + d], pool.getKernel()[d], pool.getStrides()[d],
                           pool.getPads()[d], pool.getDilations()[d]);
  for (int64_t rows : along[0])
    for (int64_t columns : along[1])
      counts.push_back(rows * columns);
  return counts;
}

/// The sum over `counts` elements each: float(sum - zero * count) * scale. None when it may leave
/// 32 bits.
static std::optional<LinearValue> describeSum(Value value, const CodeFacts &facts,
                                              ArrayRef<int64_t> shape,
                                              llvm::ArrayRef<int64_t> counts) {
  LinearValue linear;
  linear.value = value;
  linear.shape.assign(shape.begin(), shape.end());
  int64_t zero = facts.zeroPoints.front();
  int64_t code = std::max(std::abs(facts.low), std::abs(facts.high));
  int64_t distance = std::max(std::abs(facts.high - zero), std::abs(facts.low - zero));
  for (int64_t count : counts) {
    if (count > INT32_MAX / std::max(code, distance))
      return std::nullopt;
    linear.offsets.push_back(-zero * count);
    linear.multipliers.push_back(facts.scales.front());
    linear.bound = std::max(linear.bound, static_cast<double>(distance * count));
  }
  return linear;
}

static void integerize(OpBuilder &builder, qir::PoolOp pool, const CodeFacts &facts) {
  auto out = tensorOf(pool.getResult()).getShape();
  std::vector<int64_t> counts = countWindows(pool);
  SmallVector<int64_t> shape{1, out[1], out[2], 1};
  if (llvm::all_equal(counts)) {
    counts.resize(1);
    shape = {1};
  }
  auto linear = describeSum(pool.getResult(), facts, shape, counts);
  if (!linear) {
    pool.emitRemark("computed in float: expected sums that fit 32 bits");
    return;
  }
  auto type = RankedTensorType::get(out, builder.getIntegerType(32, /*isSigned=*/true));
  auto sum =
      qir::PoolOp::create(builder, pool.getLoc(), type, pool.getKind(), facts.codes,
                          pool.getKernel(), pool.getStrides(), pool.getPads(), pool.getDilations());
  replaceLinear(builder, *linear, [&](MapBuilder &map) { return map.read(sum.getResult()); });
}

static void integerize(OpBuilder &builder, qir::ReduceOp reduce, const CodeFacts &facts) {
  auto in = tensorOf(reduce.getInput()), out = tensorOf(reduce.getResult());
  int64_t count = 1;
  for (int64_t axis : reduce.getAxes())
    count *= in.getDimSize(axis);
  auto linear = describeSum(reduce.getResult(), facts, {1}, {count});
  if (!linear) {
    reduce.emitRemark("computed in float: expected sums that fit 32 bits");
    return;
  }
  if (reduce.getKind() == qir::ReduceKind::Mean)
    linear->multipliers.front() /= static_cast<double>(count);
  auto type = RankedTensorType::get(out.getShape(), builder.getIntegerType(32, /*isSigned=*/true));
  auto sum = qir::ReduceOp::create(builder, reduce.getLoc(), type, qir::ReduceKind::Sum,
                                   facts.codes, reduce.getAxes());
  replaceLinear(builder, *linear, [&](MapBuilder &map) { return map.read(sum.getResult()); });
}

static bool isSum(Operation *op) {
  if (auto pool = llvm::dyn_cast<qir::PoolOp>(op))
    return pool.getKind() == qir::PoolKind::Sum;
  auto reduce = llvm::dyn_cast<qir::ReduceOp>(op);
  return reduce &&
         (reduce.getKind() == qir::ReduceKind::Sum || reduce.getKind() == qir::ReduceKind::Mean);
}

namespace {

class IntegerizePoolsPass : public impl::IntegerizePoolsBase<IntegerizePoolsPass> {
public:
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isSum(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      auto facts = CodeFacts::behind(op->getOperand(0));
      if (!facts || !facts->isUniform() || !isByteCode(elementOf(facts->codes)))
        continue;
      OpBuilder builder(op);
      if (auto pool = llvm::dyn_cast<qir::PoolOp>(op))
        integerize(builder, pool, *facts);
      else
        integerize(builder, llvm::cast<qir::ReduceOp>(op), *facts);
    }
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }
};

} // namespace

} // namespace quern
