// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace quern {

#define GEN_PASS_DEF_DETACHSUMS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct DetachSums : impl::DetachSumsBase<DetachSums> {
  void runOnOperation() override;
};

} // namespace

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// Estimated cycles: inside a product a step sums 4 codes of one row, once for each panel of
/// about 64 columns; a reduction sums 64 codes a step, and costs a launch.
static bool isWorthwhile(int64_t rows, int64_t terms, int64_t columns) {
  constexpr int64_t perStep = 4, perRow = 8, panelColumns = 64, launch = 4000;
  int64_t inside = rows * (terms / perStep) * llvm::divideCeil(columns, panelColumns);
  int64_t apart = rows * (terms / 64 + perRow) + launch;
  return inside > apart;
}

/// The sums of the operand's codes along its last dimension.
static Value sumRows(OpBuilder &builder, Operation *op, Value operand, Type type) {
  int64_t last = typeOf(operand).getRank() - 1;
  return qir::ReduceOp::create(builder, op->getLoc(), type, qir::ReduceKind::Sum, operand, {last});
}

static void detach(OpBuilder &builder, qir::MatMulOp matmul) {
  Value sum = matmul.getLhsSum();
  auto lhs = typeOf(matmul.getLhs()), result = typeOf(matmul.getResult());
  int64_t terms = lhs.getShape().back();
  if (!sum || sum.use_empty() || terms == 0 ||
      !isWorthwhile(lhs.getNumElements() / terms, terms, result.getShape().back()))
    return;
  builder.setInsertionPoint(matmul);
  sum.replaceAllUsesWith(sumRows(builder, matmul, matmul.getLhs(), sum.getType()));
  Value rightSum = matmul.getRhsSum();
  auto plain = qir::MatMulOp::create(builder, matmul.getLoc(), result, Type(),
                                     rightSum ? rightSum.getType() : Type(), matmul.getLhs(),
                                     matmul.getRhs(), matmul.getTransposeRhs());
  matmul.getResult().replaceAllUsesWith(plain.getResult());
  if (rightSum)
    rightSum.replaceAllUsesWith(plain.getRhsSum());
  matmul.erase();
}

/// Whether each output position reads one input position, and all are read in order.
static bool isPointwise(qir::ConvOp conv) {
  ArrayRef<int64_t> window = typeOf(conv.getWeights()).getShape().slice(1, 2);
  auto isOne = [](int64_t value) { return value == 1; };
  return conv.getGroups() == 1 && llvm::all_of(window, isOne) &&
         llvm::all_of(conv.getStrides(), isOne) &&
         llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; });
}

static void detach(OpBuilder &builder, qir::ConvOp conv) {
  Value sum = conv.getWindowSum();
  auto input = typeOf(conv.getInput()), result = typeOf(conv.getResult());
  int64_t terms = input.getShape().back();
  if (!sum || sum.use_empty() || terms == 0 || !isPointwise(conv) ||
      !isWorthwhile(input.getNumElements() / terms, terms, result.getShape().back()))
    return;
  builder.setInsertionPoint(conv);
  sum.replaceAllUsesWith(sumRows(builder, conv, conv.getInput(), sum.getType()));
  auto plain = qir::ConvOp::create(builder, conv.getLoc(), result, Type(), conv.getInput(),
                                   conv.getWeights(), conv.getPadValue(), conv.getStrides(),
                                   conv.getPads(), conv.getDilations(), conv.getGroups());
  conv.getResult().replaceAllUsesWith(plain.getResult());
  conv.erase();
}

void DetachSums::runOnOperation() {
  OpBuilder builder(&getContext());
  SmallVector<Operation *> contractions;
  getOperation().walk([&](Operation *op) {
    if (llvm::isa<qir::MatMulOp, qir::ConvOp>(op))
      contractions.push_back(op);
  });
  for (Operation *op : contractions) {
    if (auto matmul = llvm::dyn_cast<qir::MatMulOp>(op))
      detach(builder, matmul);
    else
      detach(builder, llvm::cast<qir::ConvOp>(op));
  }
}

} // namespace quern
