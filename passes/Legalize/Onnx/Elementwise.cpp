// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of one, two or many values, casts and selections.

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Numerics/Algorithms.h"

#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

/// f32 for any float input, other types unchanged.
static Value number(NodeBuilder &n, unsigned index) {
  Value x = n.in(index);
  return llvm::isa<FloatType>(elementOf(x)) ? n.f32(x) : x;
}

template <UnaryKind kind> static LogicalResult buildUnary(NodeBuilder &n) {
  return n.finish(n.unary(kind, n.f32(0)));
}

/// abs, neg, relu and sign are defined on integers too.
template <UnaryKind kind> static LogicalResult buildNumberUnary(NodeBuilder &n) {
  return n.finish(n.unary(kind, number(n, 0)));
}

static LogicalResult buildNot(NodeBuilder &n) { return n.finish(n.unary(UnaryKind::Not, n.in(0))); }

/// Only a NaN differs from itself.
static LogicalResult buildIsNaN(NodeBuilder &n) {
  Value x = n.f32(0);
  return n.finish(n.unary(UnaryKind::Not, n.binary(BinaryKind::Equal, x, x)));
}

static LogicalResult buildElu(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::Elu, n.f32(0), n.node.getFloat("alpha", 1.0f)));
}

static LogicalResult buildLeakyRelu(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::LeakyRelu, n.f32(0), n.node.getFloat("alpha", 0.01f)));
}

static LogicalResult buildHardSigmoid(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::HardSigmoid, n.f32(0), n.node.getFloat("alpha", 0.2f),
                          n.node.getFloat("beta", 0.5f)));
}

static LogicalResult buildGelu(NodeBuilder &n) {
  llvm::StringRef form = n.node.getString("approximate", "none");
  if (form != "none" && form != "tanh")
    return n.error() << "expected approximate none or tanh, found " << form;
  return n.finish(n.unary(form == "tanh" ? UnaryKind::GeluTanh : UnaryKind::Gelu, n.f32(0)));
}

/// x * tanh(softplus(x)).
static LogicalResult buildMish(NodeBuilder &n) {
  Value x = n.f32(0);
  Value factor = n.unary(UnaryKind::Tanh, n.unary(UnaryKind::Softplus, x));
  return n.finish(n.binary(BinaryKind::Mul, x, factor));
}

/// x / (1 + |x|).
static LogicalResult buildSoftsign(NodeBuilder &n) {
  Value x = n.f32(0);
  Value divisor = n.binary(BinaryKind::Add, n.unary(UnaryKind::Abs, x), 1.0f);
  return n.finish(n.binary(BinaryKind::Div, x, divisor));
}

static LogicalResult buildSelu(NodeBuilder &n) {
  Value y = n.unary(UnaryKind::Elu, n.f32(0), n.node.getFloat("alpha", 1.67326319f));
  return n.finish(n.binary(BinaryKind::Mul, y, n.node.getFloat("gamma", 1.05070102f)));
}

/// alpha * elu(x / alpha), which is x for x > 0.
static LogicalResult buildCelu(NodeBuilder &n) {
  float alpha = n.node.getFloat("alpha", 1.0f);
  Value y = n.unary(UnaryKind::Elu, n.binary(BinaryKind::Div, n.f32(0), alpha), 1.0f);
  return n.finish(n.binary(BinaryKind::Mul, y, alpha));
}

static LogicalResult buildThresholdedRelu(NodeBuilder &n) {
  Value x = n.f32(0);
  Value isAbove = n.binary(BinaryKind::Greater, x, n.node.getFloat("alpha", 1.0f));
  return n.finish(n.select(isAbove, x, n.scalarF32(0.0f)));
}

/// x * sigmoid(alpha * x).
static LogicalResult buildSwish(NodeBuilder &n, float alpha) {
  Value x = n.f32(0);
  if (alpha == 1.0f)
    return n.finish(n.unary(UnaryKind::Silu, x));
  Value gate = n.unary(UnaryKind::Sigmoid, n.binary(BinaryKind::Mul, x, alpha));
  return n.finish(n.binary(BinaryKind::Mul, x, gate));
}

static LogicalResult buildSwishNode(NodeBuilder &n) {
  return buildSwish(n, n.node.getFloat("alpha", 1.0f));
}

static LogicalResult buildQuickGelu(NodeBuilder &n) {
  return buildSwish(n, n.node.getFloat("alpha", 1.702f));
}

template <BinaryKind kind> static LogicalResult buildBinary(NodeBuilder &n) {
  return n.finish(n.binary(kind, number(n, 0), number(n, 1)));
}

static LogicalResult buildPow(NodeBuilder &n) {
  Value x = number(n, 0), exponent = number(n, 1);
  if (!x || !exponent)
    return failure();
  auto value = readScalarConstant<double>(exponent);
  bool isSquare = value && *value == 2.0 && rankOf(exponent) <= rankOf(x);
  if (isSquare)
    return n.finish(n.binary(BinaryKind::Mul, x, x));
  if (!elementOf(x).isF32())
    return n.error() << "expected a float base, or the constant exponent 2, found " << elementOf(x);
  return n.finish(n.binary(BinaryKind::Pow, x, n.cast(exponent, n.b.getF32Type())));
}

static LogicalResult buildMod(NodeBuilder &n) {
  bool isFloat = llvm::isa<FloatType>(elementOf(n.in(0)));
  if (n.node.getInt("fmod", 0) || isFloat)
    return n.error() << "expected integers and fmod = 0, found " << elementOf(n.in(0));
  return buildBinary<BinaryKind::Mod>(n);
}

static LogicalResult buildXor(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::Not, n.binary(BinaryKind::Equal, n.in(0), n.in(1))));
}

static Value foldInputs(NodeBuilder &n, BinaryKind kind) {
  Value result = number(n, 0);
  for (unsigned i = 1; i < n.node.getInputs().size(); ++i)
    result = n.binary(kind, result, number(n, i));
  return result;
}

template <BinaryKind kind> static LogicalResult buildVariadic(NodeBuilder &n) {
  return n.finish(foldInputs(n, kind));
}

static LogicalResult buildMean(NodeBuilder &n) {
  auto count = static_cast<float>(n.node.getInputs().size());
  return n.finish(n.binary(BinaryKind::Div, foldInputs(n, BinaryKind::Add), count));
}

/// Bounds that are not constant, or integers, become max and min.
static Value clipByOps(NodeBuilder &n, Value x) {
  if (n.has(1))
    x = n.binary(BinaryKind::Max, x, number(n, 1));
  if (n.has(2))
    x = n.binary(BinaryKind::Min, x, number(n, 2));
  return x;
}

static LogicalResult buildClip(NodeBuilder &n) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  Value x = number(n, 0);
  if (!x)
    return failure();
  float low = n.node.getFloat("min", -infinity), high = n.node.getFloat("max", infinity);
  auto givenLow = n.has(1) ? readScalarConstant<float>(n.in(1)) : std::optional<float>(low);
  auto givenHigh = n.has(2) ? readScalarConstant<float>(n.in(2)) : std::optional<float>(high);
  if (!elementOf(x).isF32() || !givenLow || !givenHigh)
    return n.finish(clipByOps(n, x));
  if (*givenLow > *givenHigh) // ONNX: every value is max then
    givenLow = givenHigh;
  return n.finish(n.clamp(x, *givenLow, *givenHigh));
}

static LogicalResult buildWhere(NodeBuilder &n) {
  return n.finish(n.select(n.in(0), number(n, 1), number(n, 2)));
}

/// Integers that the waist writes in float (see ConvInteger): cast(conv) seen through layout ops.
static Value findExactFloat(Value x) {
  auto cast = x.getDefiningOp<qir::CastOp>();
  if (!cast || !elementOf(x).isSignedInteger(32) || !elementOf(cast.getInput()).isF32())
    return nullptr;
  Value source = cast.getInput();
  while (Operation *op = source.getDefiningOp()) {
    if (llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
      return cast.getInput();
    if (!llvm::isa<qir::TransposeOp, qir::ReshapeOp>(op))
      return nullptr;
    source = op->getOperand(0);
  }
  return nullptr;
}

static LogicalResult castTo(NodeBuilder &n, Type element) {
  Value x = n.in(0);
  if (numerics::isSmallFloat(element) && n.node.getInt("saturate", 1) != 1)
    return n.error() << "expected saturate = 1, found 0; nearest supported form: a saturating cast";
  if (element.isF32())
    if (Value exact = findExactFloat(x))
      return n.finish(exact);
  // Floats of other widths are rounded, then computed with in single precision.
  Value result = n.cast(x, element);
  bool isConstant = getConstant(result) != nullptr;
  if (llvm::isa<Float16Type, BFloat16Type, Float64Type>(element) && !isConstant)
    result = element.isF64() ? n.cast(x, n.b.getF32Type()) : n.cast(result, n.b.getF32Type());
  return n.finish(result);
}

static LogicalResult buildCast(NodeBuilder &n) {
  int64_t dataType = n.node.getInt("to", 0);
  Type element = getElementType(n.b.getContext(), dataType);
  if (!element)
    return n.error() << "expected a numeric data type in 'to', found data type " << dataType;
  return castTo(n, element);
}

static LogicalResult buildCastLike(NodeBuilder &n) { return castTo(n, elementOf(n.in(1))); }

static void addUnaryRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "Abs", 6, latest, 1, "", buildNumberUnary<UnaryKind::Abs>},
                {onnxDomain, "Neg", 6, latest, 1, "", buildNumberUnary<UnaryKind::Neg>},
                {onnxDomain, "Relu", 6, latest, 1, "", buildNumberUnary<UnaryKind::Relu>},
                {onnxDomain, "Sign", 9, latest, 1, "", buildNumberUnary<UnaryKind::Sign>},
                {onnxDomain, "Exp", 6, latest, 1, "", buildUnary<UnaryKind::Exp>},
                {onnxDomain, "Log", 6, latest, 1, "", buildUnary<UnaryKind::Log>},
                {onnxDomain, "Sqrt", 6, latest, 1, "", buildUnary<UnaryKind::Sqrt>},
                {onnxDomain, "Reciprocal", 6, latest, 1, "", buildUnary<UnaryKind::Reciprocal>},
                {onnxDomain, "Erf", 9, latest, 1, "", buildUnary<UnaryKind::Erf>},
                {onnxDomain, "Tanh", 6, latest, 1, "", buildUnary<UnaryKind::Tanh>},
                {onnxDomain, "Sigmoid", 6, latest, 1, "", buildUnary<UnaryKind::Sigmoid>},
                {onnxDomain, "Softplus", 1, latest, 1, "", buildUnary<UnaryKind::Softplus>},
                {onnxDomain, "Floor", 6, latest, 1, "", buildUnary<UnaryKind::Floor>},
                {onnxDomain, "Ceil", 6, latest, 1, "", buildUnary<UnaryKind::Ceil>},
                {onnxDomain, "Round", 11, latest, 1, "", buildUnary<UnaryKind::Round>},
                {onnxDomain, "HardSwish", 14, latest, 1, "", buildUnary<UnaryKind::HardSwish>},
                {onnxDomain, "Not", 1, latest, 1, "", buildNot},
                {onnxDomain, "IsNaN", 9, latest, 1, "", buildIsNaN},
                {onnxDomain, "Elu", 6, latest, 1, "alpha", buildElu},
                {onnxDomain, "LeakyRelu", 6, latest, 1, "alpha", buildLeakyRelu},
                {onnxDomain, "HardSigmoid", 6, latest, 1, "alpha beta", buildHardSigmoid},
                {onnxDomain, "Gelu", 20, latest, 1, "approximate", buildGelu},
                {onnxDomain, "Mish", 18, latest, 1, "", buildMish},
                {onnxDomain, "Softsign", 1, latest, 1, "", buildSoftsign},
                {onnxDomain, "Selu", 6, latest, 1, "alpha gamma", buildSelu},
                {onnxDomain, "Celu", 12, latest, 1, "alpha", buildCelu},
                {onnxDomain, "ThresholdedRelu", 10, latest, 1, "alpha", buildThresholdedRelu},
                {onnxDomain, "Swish", 24, latest, 1, "alpha", buildSwishNode},
                {microsoft, "QuickGelu", 1, latest, 1, "alpha", buildQuickGelu},
            });
}

void quern::legalize::addElementwiseRows(Rows &rows) {
  addUnaryRows(rows);
  llvm::append_range(
      rows,
      std::initializer_list<Row>{
          {onnxDomain, "Add", 7, latest, 2, "", buildBinary<BinaryKind::Add>},
          {onnxDomain, "Sub", 7, latest, 2, "", buildBinary<BinaryKind::Sub>},
          {onnxDomain, "Mul", 7, latest, 2, "", buildBinary<BinaryKind::Mul>},
          {onnxDomain, "Div", 7, latest, 2, "", buildBinary<BinaryKind::Div>},
          {onnxDomain, "PRelu", 7, latest, 2, "", buildBinary<BinaryKind::PRelu>},
          {onnxDomain, "Pow", 7, latest, 2, "", buildPow},
          {onnxDomain, "Mod", 10, latest, 2, "fmod", buildMod},
          {onnxDomain, "Equal", 7, latest, 2, "", buildBinary<BinaryKind::Equal>},
          {onnxDomain, "Less", 7, latest, 2, "", buildBinary<BinaryKind::Less>},
          {onnxDomain, "LessOrEqual", 12, latest, 2, "", buildBinary<BinaryKind::LessEqual>},
          {onnxDomain, "Greater", 7, latest, 2, "", buildBinary<BinaryKind::Greater>},
          {onnxDomain, "GreaterOrEqual", 12, latest, 2, "", buildBinary<BinaryKind::GreaterEqual>},
          {onnxDomain, "And", 7, latest, 2, "", buildBinary<BinaryKind::And>},
          {onnxDomain, "Or", 7, latest, 2, "", buildBinary<BinaryKind::Or>},
          {onnxDomain, "Xor", 7, latest, 2, "", buildXor},
          {onnxDomain, "Max", 6, latest, 1, "", buildVariadic<BinaryKind::Max>},
          {onnxDomain, "Min", 6, latest, 1, "", buildVariadic<BinaryKind::Min>},
          {onnxDomain, "Sum", 6, latest, 1, "", buildVariadic<BinaryKind::Add>},
          {onnxDomain, "Mean", 6, latest, 1, "", buildMean},
          {onnxDomain, "Clip", 6, latest, 1, "max min", buildClip},
          {onnxDomain, "Where", 9, latest, 3, "", buildWhere},
          {onnxDomain, "Cast", 6, latest, 1, "saturate to round_mode", buildCast},
          {onnxDomain, "CastLike", 15, latest, 2, "saturate round_mode", buildCastLike},
      });
}
