// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapBuilder.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {
#define GEN_PASS_DEF_SCALEFLOATCODES
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

namespace {

/// One operand of a product: codes, and their scale as it is seen from the product's result.
struct FloatCodes {
  Value codes, scale;
  /// The dimension of the result along which the scale varies; none: one scale.
  std::optional<int64_t> dimension;
};

} // namespace

/// The codes behind `value` if they are 8-bit floats with one scale, or one for each index of the
/// operand's dimension `axis`, which is the result's `dimension`.
static std::optional<FloatCodes> readCodes(Value value,
                                           ArrayRef<std::pair<int64_t, int64_t>> axes) {
  auto op = value.getDefiningOp<qir::DequantizeOp>();
  if (!op || op.getCodebook() || op.getBlockSize() ||
      !numerics::isSmallFloat(elementOf(op.getInput())))
    return std::nullopt;
  FloatCodes found{op.getInput(), op.getScale(), std::nullopt};
  if (tensorOf(op.getScale()).getNumElements() == 1)
    return found;
  for (auto [axis, dimension] : axes)
    if (static_cast<int64_t>(*op.getAxis()) == axis) {
      found.dimension = dimension;
      return found;
    }
  return std::nullopt;
}

/// The scale at the map's position: the first element, or that of the index of `dimension`.
static Value readScale(MapBuilder &map, const FloatCodes &operand, int64_t rank) {
  MLIRContext *context = operand.scale.getContext();
  AffineExpr index = operand.dimension ? getAffineDimExpr(*operand.dimension, context)
                                       : getAffineConstantExpr(0, context);
  SmallVector<AffineExpr> indices(tensorOf(operand.scale).getRank(), index);
  return map.read(operand.scale, AffineMap::get(rank, 0, indices, context));
}

/// The factors of a product whose scales are known and vary along the last dimension at most.
static std::optional<std::vector<float>> knownFactors(const FloatCodes &left,
                                                      const FloatCodes &right, int64_t rank) {
  auto lefts = readConstant<float>(left.scale), rights = readConstant<float>(right.scale);
  auto isLast = [&](const FloatCodes &operand) {
    return !operand.dimension || *operand.dimension == rank - 1;
  };
  if (!lefts || !rights || !isLast(left) || !isLast(right))
    return std::nullopt;
  std::vector<float> factors(std::max(lefts->size(), rights->size()));
  for (size_t i = 0; i < factors.size(); ++i)
    factors[i] = (*lefts)[i % lefts->size()] * (*rights)[i % rights->size()];
  return factors;
}

/// The codes' values as f32, exact.
static Value widen(OpBuilder &builder, Value codes) {
  auto type = RankedTensorType::get(tensorOf(codes).getShape(), builder.getF32Type());
  if (auto values = readConstant<float>(codes))
    return makeConstant<float>(builder, codes.getLoc(), type, *values);
  MapBuilder map(builder, codes.getLoc(), type.getShape());
  Value code = map.read(codes);
  return map.finish(code, builder.getF32Type()).getResult(0);
}

static void replace(OpBuilder &builder, Operation *op, const FloatCodes &left,
                    const FloatCodes &right, bool widens) {
  Operation *product = builder.clone(*op);
  product->setOperand(0, widens ? widen(builder, left.codes) : left.codes);
  product->setOperand(1, widens ? widen(builder, right.codes) : right.codes);
  if (widens) // what was made for the product comes before it
    product->moveBefore(op);
  RankedTensorType type = tensorOf(op->getResult(0));
  MapBuilder map(builder, op->getLoc(), type.getShape());
  Value sum = map.read(product->getResult(0)), factor;
  if (auto factors = knownFactors(left, right, type.getRank()))
    factor = map.readFloats({static_cast<int64_t>(factors->size())}, *factors);
  else
    factor = arith::MulFOp::create(map.body(), readScale(map, left, type.getRank()),
                                   readScale(map, right, type.getRank()));
  Value scaled = arith::MulFOp::create(map.body(), sum, factor);
  op->getResult(0).replaceAllUsesWith(map.finish(scaled, builder.getF32Type()).getResult(0));
}

static void scaleProduct(Operation *op, bool widens) {
  int64_t rank = tensorOf(op->getResult(0)).getRank();
  SmallVector<std::pair<int64_t, int64_t>> left, right;
  if (auto matmul = llvm::dyn_cast<qir::MatMulOp>(op)) {
    if (matmul.getScales())
      return;
    for (int64_t d = 0; d + 1 < rank; ++d)
      left.push_back({d, d});
    int64_t rhsRank = tensorOf(matmul.getRhs()).getRank();
    right.push_back({rhsRank - (matmul.getTransposeRhs() ? 2 : 1), rank - 1});
  } else {
    if (llvm::cast<qir::ConvOp>(op).getPadValue())
      return;
    left.push_back({0, 0});
    right.push_back({0, rank - 1});
  }
  auto lhs = readCodes(op->getOperand(0), left), rhs = readCodes(op->getOperand(1), right);
  if (!lhs || !rhs)
    return;
  OpBuilder builder(op);
  replace(builder, op, *lhs, *rhs, widens);
}

namespace {

class ScaleFloatCodesPass : public impl::ScaleFloatCodesBase<ScaleFloatCodesPass> {
public:
  using ScaleFloatCodesBase::ScaleFloatCodesBase;

  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work)
      scaleProduct(op, widens);
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }
};

} // namespace

} // namespace quern
