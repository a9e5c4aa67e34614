// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/ValueMovers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace quern {
#define GEN_PASS_DEF_PROPAGATECODES
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// The same op on codes: `data` instead of the moved operands, `fill` instead of a pad's value.
static Value moveCodes(PatternRewriter &rewriter, Operation *op, ValueRange data, Value fill) {
  Operation *clone = rewriter.clone(*op);
  for (auto [operand, value] : llvm::zip(movedOperands(clone), data))
    operand.set(value);
  if (auto pad = llvm::dyn_cast<qir::PadOp>(clone))
    pad.getValueMutable().set(fill);
  auto type = tensorOf(op->getResult(0));
  clone->getResult(0).setType(RankedTensorType::get(type.getShape(), elementOf(data.front())));
  return clone->getResult(0);
}

/// The code with which a pad fills; null when it is not known, or not exact where it must be.
static Value makeFill(PatternRewriter &rewriter, qir::PadOp pad, const CodeFacts &facts,
                      bool exactly) {
  auto value = readScalarConstant<float>(pad.getValue());
  if (!value || !facts.isUniform())
    return {};
  int64_t code = facts.quantize(*value);
  float back = static_cast<float>(code - facts.zeroPoints.front()) * facts.scales.front();
  if (exactly && back != *value)
    return {};
  auto type = RankedTensorType::get(tensorOf(pad.getValue()).getShape(), elementOf(facts.codes));
  return makeConstant<int64_t>(rewriter, pad.getLoc(), type, {code});
}

namespace {

/// mover(dequantize(x)) -> dequantize(mover(x)).
class SinkDequantize : public RewritePattern {
public:
  explicit SinkDequantize(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!movesValues(op))
      return failure();
    SmallVector<Value> codes;
    std::optional<CodeFacts> first;
    for (OpOperand &operand : movedOperands(op)) {
      auto facts = CodeFacts::behind(operand.get());
      if (!facts || facts->axis || facts->block || (first && !facts->agreesWith(*first)))
        return failure();
      codes.push_back(facts->codes);
      if (!first)
        first = facts;
    }
    if (!first)
      return failure();
    Value fill;
    if (auto pad = llvm::dyn_cast<qir::PadOp>(op)) {
      fill = makeFill(rewriter, pad, *first, /*exactly=*/true);
      if (!fill)
        return failure();
    }
    Value moved = moveCodes(rewriter, op, codes, fill);
    auto source = llvm::cast<qir::DequantizeOp>(first->op);
    rewriter.replaceOpWithNewOp<qir::DequantizeOp>(
        op, op->getResult(0).getType(), moved, source.getScale(), source.getZeroPoint(), Value(),
        IntegerAttr(), IntegerAttr(), source.getSiteAttr());
    return success();
  }
};

/// quantize(mover(x)) -> mover(quantize(x)).
class HoistQuantize : public OpRewritePattern<qir::QuantizeOp> {
public:
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(qir::QuantizeOp op, PatternRewriter &rewriter) const override {
    Operation *mover = op.getInput().getDefiningOp();
    auto facts = CodeFacts::of(op);
    if (!mover || !mover->hasOneUse() || !movesValues(mover) || !facts || facts->axis ||
        facts->block || !isWorthIt(mover))
      return failure();
    Value fill;
    if (auto pad = llvm::dyn_cast<qir::PadOp>(mover)) {
      fill = makeFill(rewriter, pad, *facts, /*exactly=*/false);
      if (!fill)
        return failure();
    }
    SmallVector<Value> codes;
    for (OpOperand &operand : movedOperands(mover)) {
      auto type = RankedTensorType::get(tensorOf(operand.get()).getShape(), elementOf(op));
      codes.push_back(qir::QuantizeOp::create(
          rewriter, op.getLoc(), type, operand.get(), op.getScale(), op.getZeroPoint(),
          IntegerAttr(), IntegerAttr(), op.getLoAttr(), op.getHiAttr(), op.getSiteAttr()));
    }
    rewriter.replaceOp(op, moveCodes(rewriter, mover, codes, fill));
    return success();
  }

private:
  /// Slices join affine maps; a gather must not quantize rows that it does not pick.
  static bool isWorthIt(Operation *mover) {
    if (llvm::isa<qir::SliceOp>(mover))
      return false;
    return !llvm::isa<qir::GatherOp>(mover) || tensorOf(mover->getOperand(0)).getNumElements() <=
                                                   tensorOf(mover->getResult(0)).getNumElements();
  }
};

/// quantize(dequantize(x)) with the same scale and zero point -> x. The error of the two roundings
/// is far below half a step for codes of 8 bits.
class DropRoundTrip : public OpRewritePattern<qir::QuantizeOp> {
public:
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(qir::QuantizeOp op, PatternRewriter &rewriter) const override {
    auto to = CodeFacts::of(op), from = CodeFacts::behind(op.getInput());
    if (!to || !from || !isByteCode(elementOf(from->codes)) ||
        from->codes.getType() != op.getType() || to->low != from->low || to->high != from->high ||
        to->axis || from->axis || to->block || from->block)
      return failure();
    bool sameOperands = to->scale == from->scale && to->zeroPoint == from->zeroPoint;
    if (!sameOperands && !to->agreesWith(*from))
      return failure();
    rewriter.replaceOp(op, from->codes);
    return success();
  }
};

class PropagateCodesPass : public impl::PropagateCodesBase<PropagateCodesPass> {
public:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkDequantize, HoistQuantize, DropRoundTrip>(&getContext());
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setUseTopDownTraversal(true);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

} // namespace quern
