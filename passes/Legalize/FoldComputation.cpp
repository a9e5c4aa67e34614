// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An elementwise op of constants is written as the `quern.map` that stands for it, which the host
// evaluator runs: folded values have the bits that compiled code would compute.

#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Legalize/FoldConstants.h"
#include "passes/Numerics/Algorithms.h"
#include "passes/Numerics/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Folding must not make a model much larger than its file.
static bool isWorthFolding(Operation *op) {
  int64_t largest = 65536;
  for (Value operand : op->getOperands())
    largest = std::max(largest, 4 * typeOf(operand).getNumElements());
  return typeOf(op->getResult(0)).getNumElements() <= largest;
}

/// How an operand is read at an index of `result`: by NumPy's broadcasting, or along `axis`.
static AffineMap getOperandMap(Value operand, RankedTensorType result,
                               std::optional<int64_t> axis = {}) {
  MLIRContext *context = operand.getContext();
  RankedTensorType type = typeOf(operand);
  llvm::SmallVector<AffineExpr> results;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    int64_t dimension = axis ? *axis : d + result.getRank() - type.getRank();
    bool repeats = type.getDimSize(d) == 1;
    results.push_back(repeats ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(dimension, context));
  }
  return AffineMap::get(result.getRank(), 0, results, context);
}

namespace {
/// Which operands a folded op reads, and how.
struct Reads {
  llvm::SmallVector<Value> inputs;
  llvm::SmallVector<Attribute> maps;

  void add(Value input, AffineMap map) {
    inputs.push_back(input);
    maps.push_back(AffineMapAttr::get(map));
  }
};
} // namespace

using Emit = llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

/// Evaluates the map that `emit` writes, in `result`'s place.
static qir::ConstantOp evaluate(OpBuilder &builder, Value result, const Reads &reads, Emit emit) {
  Location location = result.getLoc();
  RankedTensorType type = typeOf(result);
  auto map = qir::MapOp::create(builder, location, TypeRange{type}, reads.inputs,
                                builder.getArrayAttr(reads.maps), StringAttr());
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&map.getBody());
  for (Value input : reads.inputs)
    body->addArgument(getComputeType(typeOf(input).getElementType()), location);
  ImplicitLocOpBuilder b(location, builder);
  Value value = emit(b, body->getArguments());
  llvm::SmallVector<Value> constants;
  if (value) {
    qir::YieldOp::create(b, value);
    builder.setInsertionPoint(map);
    constants = numerics::evaluateMap(builder, map);
  }
  map.erase();
  return constants.empty() ? qir::ConstantOp() : getConstant(constants.front());
}

static std::optional<float> toFloat(std::optional<llvm::APFloat> value) {
  return value ? std::optional(value->convertToFloat()) : std::nullopt;
}

/// The value of one element of an elementwise op.
static Value emitElement(ImplicitLocOpBuilder &b, Operation *op, ValueRange x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](qir::UnaryOp unary) {
        return numerics::emitUnary(b, unary.getKind(), x[0], toFloat(unary.getAlpha()),
                                   toFloat(unary.getBeta()));
      })
      .Case([&](qir::BinaryOp binary) -> Value {
        if (binary.getKind() == qir::BinaryKind::Pow && x[0].getType().isF32())
          if (auto exponent = readScalarConstant<float>(binary.getRhs()))
            return numerics::emitPowConstant(b, x[0], *exponent);
        return numerics::emitBinary(b, binary.getKind(), x[0], x[1]);
      })
      .Case([&](qir::ClampOp clamp) {
        return numerics::emitClamp(b, x[0], clamp.getLow().convertToFloat(),
                                   clamp.getHigh().convertToFloat());
      })
      .Case([&](qir::SelectOp) { return numerics::emitSelect(b, x[0], x[1], x[2]); })
      .Case([&](qir::CastOp cast) {
        return numerics::emitCast(b, x[0], typeOf(cast.getInput()).getElementType(),
                                  typeOf(cast.getResult()).getElementType());
      })
      .Default(Value());
}

/// The f32 value of a constant of narrower floats, which is exact and needs no program.
static qir::ConstantOp widenFloats(OpBuilder &builder, qir::CastOp op) {
  auto from = dyn_cast<FloatType>(typeOf(op.getInput()).getElementType());
  RankedTensorType type = typeOf(op.getResult());
  if (!from || from.getWidth() >= 32 || !type.getElementType().isF32())
    return {};
  std::optional<std::vector<float>> values = readConstant<float>(op.getInput());
  return values ? makeConstant<float>(builder, op.getLoc(), type, *values) : qir::ConstantOp();
}

static qir::ConstantOp foldElementwise(OpBuilder &builder, Operation *op) {
  if (auto cast = dyn_cast<qir::CastOp>(op))
    if (qir::ConstantOp widened = widenFloats(builder, cast))
      return widened;
  Reads reads;
  for (Value operand : op->getOperands())
    reads.add(operand, getOperandMap(operand, typeOf(op->getResult(0))));
  return evaluate(builder, op->getResult(0), reads,
                  [&](ImplicitLocOpBuilder &b, ValueRange x) { return emitElement(b, op, x); });
}

/// Adds scale and zero point of a quantize or dequantize.
template <typename Op> static void addParameters(Reads &reads, Op op) {
  RankedTensorType type = typeOf(op.getResult());
  reads.add(op.getInput(), getOperandMap(op.getInput(), type));
  std::optional<int64_t> axis;
  if (op.getAxis())
    axis = static_cast<int64_t>(*op.getAxis());
  reads.add(op.getScale(), getOperandMap(op.getScale(), type, axis));
  if (Value zeroPoint = op.getZeroPoint())
    reads.add(zeroPoint, getOperandMap(zeroPoint, type, axis));
}

static qir::ConstantOp foldDequantize(OpBuilder &builder, qir::DequantizeOp op) {
  if (op.getBlockSize() || op.getCodebook())
    return {};
  Reads reads;
  addParameters(reads, op);
  bool isFloatCode = isa<FloatType>(typeOf(op.getInput()).getElementType());
  auto emit = [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    if (isFloatCode)
      return arith::MulFOp::create(b, x[0], x[1]);
    return numerics::emitDequantize(b, x[0], x.size() > 2 ? x[2] : Value(), x[1]);
  };
  return evaluate(builder, op.getResult(), reads, emit);
}

static qir::ConstantOp foldQuantize(OpBuilder &builder, qir::QuantizeOp op) {
  Type codeType = typeOf(op.getResult()).getElementType();
  std::optional<StorageScheme> scheme = getStorageScheme(codeType);
  if (op.getBlockSize() || !scheme)
    return {};
  Reads reads;
  addParameters(reads, op);
  auto emit = [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value scaled = arith::MulFOp::create(b, x[0], numerics::emitReciprocal(b, x[1]));
    if (scheme->isFloat) {
      const auto &semantics = cast<FloatType>(codeType).getFloatSemantics();
      llvm::APFloat largest = llvm::APFloat::getLargest(semantics);
      bool losesInfo;
      largest.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      return numerics::emitClamp(b, scaled, -largest.convertToFloat(), largest.convertToFloat());
    }
    auto lo = static_cast<int32_t>(op.getLo().value_or(scheme->min));
    auto hi = static_cast<int32_t>(op.getHi().value_or(scheme->max));
    Value zeroPoint = x.size() > 2 ? x[2] : Value();
    return qir::ToCodeOp::create(b, b.getI32Type(), scaled, zeroPoint, 0, lo, hi, false);
  };
  return evaluate(builder, op.getResult(), reads, emit);
}

/// Reduces in double precision (exact for integers below 2^53), rounding once at the end.
static qir::ConstantOp foldReduce(OpBuilder &builder, qir::ReduceOp op) {
  RankedTensorType input = typeOf(op.getInput());
  RankedTensorType type = typeOf(op.getResult());
  std::optional<std::vector<double>> values = readConstant<double>(op.getInput());
  if (!values || values->empty())
    return {};
  bool isProduct = op.getKind() == qir::ReduceKind::Prod;
  std::vector<double> results(type.getNumElements(), isProduct ? 1.0 : 0.0);
  std::vector<bool> started(results.size(), false);
  for (int64_t i = 0; i < input.getNumElements(); ++i) {
    int64_t rest = i;
    int64_t index = 0;
    int64_t stride = 1;
    for (int64_t d = input.getRank() - 1; d >= 0; --d) {
      index += type.getDimSize(d) == 1 ? 0 : rest % input.getDimSize(d) * stride;
      rest /= input.getDimSize(d);
      stride *= type.getDimSize(d);
    }
    double value = (*values)[i];
    double &result = results[index];
    if (op.getKind() == qir::ReduceKind::Max)
      result = started[index] ? std::max(result, value) : value;
    else if (op.getKind() == qir::ReduceKind::Min)
      result = started[index] ? std::min(result, value) : value;
    else
      result = isProduct ? result * value : result + value;
    started[index] = true;
  }
  int64_t count = input.getNumElements() / type.getNumElements();
  if (op.getKind() == qir::ReduceKind::Mean)
    for (double &result : results)
      result /= static_cast<double>(count);
  return makeConstant<double>(builder, op.getLoc(), type, results);
}

qir::ConstantOp foldComputation(OpBuilder &builder, Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || !isWorthFolding(op) ||
      !llvm::all_of(op->getOperands(), [](Value operand) { return getConstant(operand); }))
    return {};
  return llvm::TypeSwitch<Operation *, qir::ConstantOp>(op)
      .Case<qir::UnaryOp, qir::BinaryOp, qir::ClampOp, qir::SelectOp, qir::CastOp>(
          [&](Operation *elementwise) { return foldElementwise(builder, elementwise); })
      .Case([&](qir::DequantizeOp dequantize) { return foldDequantize(builder, dequantize); })
      .Case([&](qir::QuantizeOp quantize) { return foldQuantize(builder, quantize); })
      .Case([&](qir::ReduceOp reduce) { return foldReduce(builder, reduce); })
      .Default(qir::ConstantOp());
}

} // namespace quern
