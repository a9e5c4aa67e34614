// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace quern {

#define GEN_PASS_DEF_FOLDBATCHNORM
#include "passes/Legalize/Passes.h.inc"

namespace {

using namespace mlir;
using qir::BinaryKind;
using qir::BinaryOp;

RankedTensorType typeOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

/// A constant in f32, perhaps stored in another float type or another order, or computed from such
/// (by this very pass; `fold-constants` evaluates it); not codes.
bool isFloatWeight(Value value) {
  if (getConstant(value))
    return llvm::isa<FloatType>(typeOf(value).getElementType());
  Operation *op = value.getDefiningOp();
  return llvm::isa_and_nonnull<qir::TransposeOp, qir::ReshapeOp, qir::CastOp, BinaryOp>(op) &&
         llvm::all_of(op->getOperands(), isFloatWeight);
}

/// A float constant with one value, or one for each index of the last dimension.
bool isPerChannel(Value value, int64_t channels) {
  RankedTensorType type = typeOf(value);
  if (!isFloatWeight(value) || !type.getElementType().isF32())
    return false;
  int64_t count = type.getNumElements();
  return count == 1 || (count == channels && type.getShape().back() == channels);
}

/// `op` of two operands as (value, per-channel constant).
struct Scaled {
  Value value, constant;
};

std::optional<Scaled> matchConstant(Value result, BinaryKind kind) {
  auto op = result.getDefiningOp<BinaryOp>();
  if (!op || op.getKind() != kind || typeOf(result).getRank() == 0)
    return std::nullopt;
  int64_t channels = typeOf(result).getShape().back();
  for (auto [value, constant] : {Scaled{op.getLhs(), op.getRhs()}, {op.getRhs(), op.getLhs()}})
    if (isPerChannel(constant, channels) && value.getType() == result.getType())
      return Scaled{value, constant};
  return std::nullopt;
}

Value makeReshape(PatternRewriter &rewriter, Location location, Value value,
                  ArrayRef<int64_t> shape) {
  RankedTensorType type = typeOf(value).clone(shape);
  return type == value.getType()
             ? value
             : qir::ReshapeOp::create(rewriter, location, type, value).getResult();
}

/// One value stays a scalar; more become `shape`.
Value shapeFactor(PatternRewriter &rewriter, Location location, Value factor,
                  ArrayRef<int64_t> shape) {
  bool isScalar = typeOf(factor).getNumElements() == 1;
  return makeReshape(rewriter, location, factor, isScalar ? ArrayRef<int64_t>() : shape);
}

/// A copy of a conv or matmul, its weights times the factor of each output channel.
Value scaleWeights(PatternRewriter &rewriter, Operation *product, Value factor) {
  Value weights = product->getOperand(1);
  RankedTensorType type = typeOf(weights);
  SmallVector<int64_t> shape;
  if (llvm::isa<qir::ConvOp>(product))
    shape = {type.getDimSize(0), 1, 1, 1};
  else if (llvm::cast<qir::MatMulOp>(product).getTransposeRhs())
    shape = {type.getDimSize(0), 1};
  else
    shape = {1, type.getShape().back()};
  Location location = weights.getLoc();
  Value wide = shapeFactor(rewriter, location, factor, shape);
  Value scaled =
      BinaryOp::create(rewriter, location, type, BinaryKind::Mul, weights, wide).getResult();
  Operation *copy = rewriter.clone(*product);
  copy->setOperand(1, scaled);
  return copy->getResult(0);
}

Operation *matchProduct(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !llvm::isa<qir::ConvOp, qir::MatMulOp>(op) || !value.hasOneUse())
    return nullptr;
  bool isMatrix = llvm::isa<qir::ConvOp>(op) || typeOf(op->getOperand(1)).getRank() == 2;
  return isMatrix && isFloatWeight(op->getOperand(1)) ? op : nullptr;
}

/// (w*x + b) * m to (w*m)*x + b*m.
struct FoldFactor : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    auto scaled = matchConstant(op.getResult(), BinaryKind::Mul);
    if (!scaled)
      return failure();
    auto biased = matchConstant(scaled->value, BinaryKind::Add);
    if (biased && !scaled->value.hasOneUse())
      return failure();
    Operation *product = matchProduct(biased ? biased->value : scaled->value);
    if (!product)
      return failure();
    // The factor may be defined after the product, so its copy goes here.
    Value result = scaleWeights(rewriter, product, scaled->constant);
    if (!biased) {
      rewriter.replaceOp(op, result);
      return success();
    }
    int64_t channels = typeOf(op.getResult()).getShape().back();
    Value bias = shapeFactor(rewriter, op.getLoc(), biased->constant, {channels});
    Value factor = shapeFactor(rewriter, op.getLoc(), scaled->constant, {channels});
    Type listType = typeOf(bias).getRank() ? bias.getType() : factor.getType();
    Value offset = BinaryOp::create(rewriter, op.getLoc(), listType, BinaryKind::Mul, bias, factor);
    rewriter.replaceOpWithNewOp<BinaryOp>(op, op.getType(), BinaryKind::Add, result, offset);
    return success();
  }
};

/// (p + b) + c to p + (b + c), where p is a product.
struct JoinBiases : OpRewritePattern<BinaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BinaryOp op, PatternRewriter &rewriter) const override {
    auto outer = matchConstant(op.getResult(), BinaryKind::Add);
    auto inner = outer ? matchConstant(outer->value, BinaryKind::Add) : std::nullopt;
    if (!inner || !outer->value.hasOneUse() || !matchProduct(inner->value))
      return failure();
    int64_t channels = typeOf(op.getResult()).getShape().back();
    Value first = shapeFactor(rewriter, op.getLoc(), inner->constant, {channels});
    Value second = shapeFactor(rewriter, op.getLoc(), outer->constant, {channels});
    Type listType = typeOf(first).getRank() ? first.getType() : second.getType();
    Value sum = BinaryOp::create(rewriter, op.getLoc(), listType, BinaryKind::Add, first, second);
    rewriter.replaceOpWithNewOp<BinaryOp>(op, op.getType(), BinaryKind::Add, inner->value, sum);
    return success();
  }
};

struct FoldBatchNorm : impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldFactor, JoinBiases>(&getContext());
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
} // namespace quern
