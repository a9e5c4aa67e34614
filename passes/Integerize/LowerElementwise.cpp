// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapBuilder.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace quern {
#define GEN_PASS_DEF_LOWERELEMENTWISE
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// Constants of at most this many codes are dequantized now, whoever reads them.
static constexpr int64_t smallConstant = 4096;

namespace {

/// How a scale or zero point is read at an element: scalar, along an axis, or by block once the
/// data is seen as [.., blocks, block, ..].
struct ScaleAccess {
  SmallVector<int64_t> space; ///< the iteration space (blocks split off)
  AffineMap map;              ///< into the scale's shape
};

} // namespace

/// Fails when a block does not divide its axis.
static FailureOr<ScaleAccess> accessScale(ArrayRef<int64_t> shape, Value scale,
                                          std::optional<int64_t> axis,
                                          std::optional<int64_t> block) {
  MLIRContext *context = scale.getContext();
  ScaleAccess access{SmallVector<int64_t>(shape), {}};
  int64_t rank = tensorOf(scale).getRank();
  if (block) {
    if (shape[*axis] % *block != 0)
      return failure();
    access.space[*axis] = *block;
    access.space.insert(access.space.begin() + *axis, shape[*axis] / *block);
    SmallVector<AffineExpr> exprs;
    for (int64_t d = 0; d <= rank; ++d)
      if (d != *axis + 1)
        exprs.push_back(getAffineDimExpr(d, context));
    access.map = AffineMap::get(rank + 1, 0, exprs, context);
    return access;
  }
  AffineExpr expr = tensorOf(scale).getNumElements() == 1 ? getAffineConstantExpr(0, context)
                                                          : getAffineDimExpr(*axis, context);
  access.map = AffineMap::get(shape.size(), 0, SmallVector<AffineExpr>(rank, expr), context);
  return access;
}

/// The zero point has the scale's shape, or one element of another rank.
static Value readZeroPoint(MapBuilder &map, const ScaleAccess &access, Value zeroPoint) {
  if (tensorOf(zeroPoint).getNumElements() == 1)
    return map.read(zeroPoint);
  return map.read(zeroPoint, access.map);
}

static Value reshapeTo(OpBuilder &builder, Value value, ArrayRef<int64_t> shape) {
  if (tensorOf(value).getShape() == shape)
    return value;
  auto type = RankedTensorType::get(shape, elementOf(value));
  return qir::ReshapeOp::create(builder, value.getLoc(), type, value);
}

/// 1/scale as an f32 tensor of the scale's shape: a constant, or a map that computes it once.
static Value makeReciprocal(OpBuilder &builder, Location location, Value scale) {
  if (auto values = readConstant<float>(scale)) {
    for (float &value : *values)
      value = 1.0f / value;
    auto type = RankedTensorType::get(tensorOf(scale).getShape(), builder.getF32Type());
    return makeConstant<float>(builder, location, type, *values);
  }
  MapBuilder map(builder, location, tensorOf(scale).getShape());
  Value reciprocal = numerics::emitReciprocal(map.body(), map.read(scale));
  return map.finish(reciprocal, builder.getF32Type()).getResult(0);
}

static Value emitIntegerCode(MapBuilder &map, const CodeFacts &facts, const ScaleAccess &access,
                             Value scaled) {
  int64_t literal = 0;
  Value dynamic;
  if (facts.hasConstantZeroPoint() && llvm::all_equal(facts.zeroPoints))
    literal = facts.zeroPoints.front();
  else
    dynamic = readZeroPoint(map, access, facts.zeroPoint);
  return qir::ToCodeOp::create(map.body(), scaled, dynamic, literal, facts.low, facts.high, false);
}

/// Float codes saturate; storing rounds them.
static Value emitFloatCode(MapBuilder &map, FloatType type, Value scaled) {
  auto largest = llvm::APFloat::getLargest(type.getFloatSemantics());
  bool losesInfo;
  largest.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  float most = largest.convertToFloat();
  return numerics::emitClamp(map.body(), scaled, -most, most);
}

static LogicalResult lower(OpBuilder &builder, qir::QuantizeOp op) {
  auto access =
      accessScale(tensorOf(op).getShape(), op.getScale(), op.getAxis(), op.getBlockSize());
  if (failed(access))
    return op.emitError("expected blocks that divide their axis of size ")
           << tensorOf(op).getDimSize(*op.getAxis()) << ", found a block size of "
           << *op.getBlockSize();
  Value reciprocal = makeReciprocal(builder, op.getLoc(), op.getScale());
  Value input = reshapeTo(builder, op.getInput(), access->space);
  MapBuilder map(builder, op.getLoc(), access->space);
  Value scaled =
      arith::MulFOp::create(map.body(), map.read(input), map.read(reciprocal, access->map));
  Type element = elementOf(op.getResult());
  auto facts = CodeFacts::of(op);
  Value code = facts ? emitIntegerCode(map, *facts, *access, scaled)
                     : emitFloatCode(map, llvm::cast<FloatType>(element), scaled);
  Value result = map.finish(code, element, op.getSiteAttr()).getResult(0);
  op.getResult().replaceAllUsesWith(reshapeTo(builder, result, tensorOf(op).getShape()));
  return success();
}

/// The values of a dequantize of constants.
static std::optional<std::vector<float>> evaluate(qir::DequantizeOp op) {
  auto codes = readConstant<float>(op.getInput());
  auto scales = readConstant<float>(op.getScale());
  if (!codes || !scales)
    return std::nullopt;
  std::vector<float> zeros(scales->size(), 0.0f);
  if (Value zeroPoint = op.getZeroPoint()) {
    auto values = readConstant<float>(zeroPoint);
    if (!values)
      return std::nullopt;
    zeros = *values;
  }
  std::vector<float> codebook;
  if (Value book = op.getCodebook()) {
    auto values = readConstant<float>(book);
    if (!values)
      return std::nullopt;
    codebook = *values;
  }
  auto shape = tensorOf(op).getShape();
  int64_t axis = op.getAxis().value_or(0), block = op.getBlockSize().value_or(1), inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d)
    inner *= shape[d];
  int64_t size = shape.empty() ? 1 : shape[axis], steps = (size + block - 1) / block;
  for (size_t i = 0; i < codes->size(); ++i) {
    int64_t element = i, step = element / inner % size / block, which = 0;
    if (op.getBlockSize())
      which = (element / (inner * size) * steps + step) * inner + element % inner;
    else if (scales->size() > 1)
      which = step;
    float &value = (*codes)[i];
    value = codebook.empty() ? value - zeros[which] : codebook[static_cast<size_t>(value)];
    value *= (*scales)[which];
  }
  return codes;
}

/// Weights that stay float must be constants for their kernels to pack; others when small.
static bool shouldEvaluate(qir::DequantizeOp op) {
  if (!getConstant(op.getInput()))
    return false;
  if (op.getCodebook() || tensorOf(op).getNumElements() <= smallConstant)
    return true;
  if (auto block = op.getBlockSize(); block && tensorOf(op).getDimSize(*op.getAxis()) % *block != 0)
    return true;
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    return llvm::isa<qir::ConvOp, qir::MatMulOp>(user) && user->getOperand(1) == op.getResult();
  });
}

/// Scales or zero points as `quern.matmul` has them, [blocks, columns]; null when they vary
/// otherwise.
static Value arrangeBlocks(OpBuilder &builder, Value params, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, elementOf(params));
  qir::ConstantOp constant = getConstant(params);
  if (!constant || constant.getType().getNumElements() != type.getNumElements())
    return nullptr;
  return reshapeTo(builder, params, shape);
}

/// Zero points that are all the same are one.
static Value shareZero(OpBuilder &builder, Value zeros) {
  auto values = readConstant<int64_t>(zeros);
  if (!values || values->empty() || !llvm::all_equal(*values))
    return zeros;
  auto type = RankedTensorType::get({1}, elementOf(zeros));
  return makeConstant<int64_t>(builder, zeros.getLoc(), type, {values->front()});
}

/// Products of floats read weights as they are stored where these have scales by blocks of the
/// reduction: smaller, and less to read. (With one scale for each column, f32 weights are faster.)
static bool readCodesAsStored(OpBuilder &builder, qir::DequantizeOp op) {
  auto type = tensorOf(op);
  auto codes = llvm::dyn_cast<IntegerType>(elementOf(op.getInput()));
  bool isBlocked = op.getBlockSize() && op.getAxis() && *op.getAxis() == 0;
  if (!isBlocked || op.getCodebook() || type.getRank() != 2 || !codes || codes.getWidth() > 8 ||
      !getConstant(op.getInput()) || type.getDimSize(0) % *op.getBlockSize() != 0 ||
      type.getNumElements() <= smallConstant)
    return false;
  SmallVector<int64_t> shape{type.getDimSize(0) / static_cast<int64_t>(*op.getBlockSize()),
                             type.getDimSize(1)};
  Value scales = arrangeBlocks(builder, op.getScale(), shape), zeros;
  if (op.getZeroPoint())
    zeros = arrangeBlocks(builder, op.getZeroPoint(), shape);
  if (!scales || (op.getZeroPoint() && !zeros))
    return false;
  zeros = zeros ? shareZero(builder, zeros) : zeros;
  bool all = true;
  for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
    auto matmul = llvm::dyn_cast<qir::MatMulOp>(use.getOwner());
    if (!matmul || use.getOperandNumber() != 1 || matmul.getTransposeRhs()) {
      all = false;
      continue;
    }
    OpBuilder at(matmul);
    auto stored =
        qir::MatMulOp::create(at, matmul.getLoc(), matmul.getResult().getType(), Type(), Type(),
                              matmul.getLhs(), op.getInput(), scales, zeros, Value(), Value(),
                              /*transpose_rhs=*/false, op.getBlockSizeAttr());
    matmul.getResult().replaceAllUsesWith(stored.getResult()); // and is dead
  }
  return all;
}

static LogicalResult lower(OpBuilder &builder, qir::DequantizeOp op) {
  if (readCodesAsStored(builder, op))
    return success();
  if (shouldEvaluate(op)) {
    if (auto values = evaluate(op)) {
      auto constant = makeConstant<float>(builder, op.getLoc(), tensorOf(op), *values);
      constant.setSiteAttr(op.getSiteAttr());
      op.getResult().replaceAllUsesWith(constant);
      return success();
    }
  }
  if (op.getCodebook())
    return op.emitError("expected constant codes and scales with a codebook");
  auto access =
      accessScale(tensorOf(op).getShape(), op.getScale(), op.getAxis(), op.getBlockSize());
  if (failed(access))
    return op.emitError("expected blocks that divide their axis of size ")
           << tensorOf(op).getDimSize(*op.getAxis()) << ", found a block size of "
           << *op.getBlockSize();
  Value input = reshapeTo(builder, op.getInput(), access->space);
  MapBuilder map(builder, op.getLoc(), access->space);
  Value code = map.read(input), scale = map.read(op.getScale(), access->map), real;
  if (code.getType().isF32()) {
    real = arith::MulFOp::create(map.body(), code, scale);
  } else {
    auto zeros = op.getZeroPoint() ? readConstant<int64_t>(op.getZeroPoint()) : std::nullopt;
    bool isZero = !op.getZeroPoint() ||
                  (zeros && llvm::all_of(*zeros, [](int64_t value) { return value == 0; }));
    Value zero = isZero ? Value() : readZeroPoint(map, *access, op.getZeroPoint());
    real = numerics::emitDequantize(map.body(), code, zero, scale);
  }
  Value result = map.finish(real, builder.getF32Type(), op.getSiteAttr()).getResult(0);
  op.getResult().replaceAllUsesWith(reshapeTo(builder, result, tensorOf(op).getShape()));
  return success();
}

/// Ends a map that replaces `op`; a null value says that numerics.md knows no such function.
static LogicalResult replaceBy(Operation *op, MapBuilder &map, Value value) {
  if (!value)
    return op->emitError("is not defined on elements of type ") << elementOf(op->getOperand(0));
  Value result = map.finish(value, elementOf(op->getResult(0))).getResult(0);
  op->getResult(0).replaceAllUsesWith(result);
  return success();
}

static std::optional<float> toFloat(std::optional<llvm::APFloat> value) {
  return value ? std::optional<float>(value->convertToFloat()) : std::nullopt;
}

static LogicalResult lower(MapBuilder &map, qir::UnaryOp op) {
  Value x = map.read(op.getInput());
  return replaceBy(op, map,
                   numerics::emitUnary(map.body(), op.getKind(), x, toFloat(op.getAlpha()),
                                       toFloat(op.getBeta())));
}

static LogicalResult lower(MapBuilder &map, qir::BinaryOp op) {
  Value lhs = map.read(op.getLhs());
  if (op.getKind() == qir::BinaryKind::Pow && lhs.getType().isF32())
    if (auto exponent = readScalarConstant<float>(op.getRhs()))
      return replaceBy(op, map, numerics::emitPowConstant(map.body(), lhs, *exponent));
  Value rhs = map.read(op.getRhs());
  return replaceBy(op, map, numerics::emitBinary(map.body(), op.getKind(), lhs, rhs));
}

static LogicalResult lower(MapBuilder &map, qir::ClampOp op) {
  Value x = map.read(op.getInput());
  return replaceBy(op, map,
                   numerics::emitClamp(map.body(), x, op.getLow().convertToFloat(),
                                       op.getHigh().convertToFloat()));
}

static LogicalResult lower(MapBuilder &map, qir::SelectOp op) {
  Value condition = map.read(op.getCondition()), onTrue = map.read(op.getOnTrue());
  return replaceBy(op, map,
                   numerics::emitSelect(map.body(), condition, onTrue, map.read(op.getOnFalse())));
}

/// Contractions widen stored f16 and bf16 weights themselves.
static bool readWeightsAsStored(qir::CastOp op) {
  Type from = elementOf(op.getInput());
  if (!getConstant(op.getInput()) || !(from.isF16() || from.isBF16()) || !elementOf(op).isF32())
    return false;
  for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
    auto conv = llvm::dyn_cast<qir::ConvOp>(use.getOwner());
    bool isContraction = llvm::isa<qir::MatMulOp>(use.getOwner()) || (conv && !conv.isDepthwise());
    if (isContraction && use.getOperandNumber() == 1)
      use.set(op.getInput());
  }
  return op->use_empty();
}

static LogicalResult lower(MapBuilder &map, qir::CastOp op) {
  Value x = map.read(op.getInput());
  return replaceBy(
      op, map,
      numerics::emitCast(map.body(), x, elementOf(op.getInput()), elementOf(op.getResult())));
}

namespace {

class LowerElementwisePass : public impl::LowerElementwiseBase<LowerElementwisePass> {
public:
  void runOnOperation() override {
    SmallVector<Operation *> work;
    for (Block &block : getOperation().getBody())
      for (Operation &op : block)
        work.push_back(&op);
    for (Operation *op : work)
      if (failed(lowerOp(op)))
        return signalPassFailure();
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }

private:
  static LogicalResult lowerOp(Operation *op) {
    OpBuilder builder(op);
    if (auto quantize = llvm::dyn_cast<qir::QuantizeOp>(op))
      return lower(builder, quantize);
    if (auto dequantize = llvm::dyn_cast<qir::DequantizeOp>(op))
      return lower(builder, dequantize);
    if (!llvm::isa<qir::UnaryOp, qir::BinaryOp, qir::ClampOp, qir::SelectOp, qir::CastOp>(op))
      return success();
    if (auto cast = llvm::dyn_cast<qir::CastOp>(op); cast && readWeightsAsStored(cast))
      return success();
    MapBuilder map(builder, op->getLoc(), tensorOf(op->getResult(0)).getShape());
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case<qir::UnaryOp, qir::BinaryOp, qir::ClampOp, qir::SelectOp, qir::CastOp>(
            [&](auto typed) { return lower(map, typed); });
  }
};

} // namespace

} // namespace quern
