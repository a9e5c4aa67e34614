// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Integerize/BlockedProducts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {
#define GEN_PASS_DEF_INTEGERIZECONTRACTIONS
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

namespace {

/// One contraction: what both kinds have in common, and the integer op that replaces it.
struct Contraction {
  Operation *op;
  Activation left;
  std::optional<Weights> weights; ///< constant right operand, or
  std::optional<Activation> right;
  int64_t depth; ///< terms of each sum
  /// Results of the integer op; sums of codes where zero points ask for them.
  Value accumulator, leftSum, rightSum;
  Value offsets; ///< -zx * (sum w - depth * r) when zx is only known at run time: si32, per channel
};

/// Why a contraction cannot be done in integers.
using Reason = std::string;

} // namespace

/// Largest possible |integer|, or none when it does not fit 32 bits.
static std::optional<double> boundOf(const Contraction &c) {
  double codes, exact;
  if (c.weights) {
    codes = c.left.largestCode() * c.weights->largestCodes;
    exact = c.left.largestValue() * c.weights->largestWeights;
  } else {
    codes = c.left.largestCode() * c.right->largestCode() * static_cast<double>(c.depth);
    exact = c.left.largestValue() * c.right->largestValue() * static_cast<double>(c.depth);
  }
  if (codes > INT32_MAX || exact > INT32_MAX)
    return std::nullopt;
  return exact;
}

/// sum (x - zx)(w - r) = acc - zx * (sum w - depth * r) - r * sum x: the middle part is a constant
/// when zx is one.
static void setConstantOffsets(LinearValue &linear, const Contraction &c) {
  const Weights &weights = *c.weights;
  linear.shape = weights.shape;
  for (size_t i = 0; i < weights.sums.size(); ++i) {
    int64_t sum = weights.sums[i] - c.depth * weights.rest[i];
    linear.offsets.push_back(c.left.zero ? -*c.left.zero * sum : 0);
  }
}

static Value subtractProduct(MapBuilder &map, Value from, Value lhs, Value rhs) {
  Value product = arith::MulIOp::create(map.body(), lhs, rhs);
  return arith::SubIOp::create(map.body(), from, product);
}

/// The same as a small map of its own: kernels add it per channel, as they add a bias.
static Value makeOffsets(OpBuilder &builder, const Contraction &c) {
  const Weights &weights = *c.weights;
  std::vector<int64_t> sums = weights.sums;
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] = c.depth * weights.rest[i] - sums[i];
  MapBuilder map(builder, c.op->getLoc(), weights.shape);
  Value product = arith::MulIOp::create(map.body(), c.left.emitZero(map),
                                        map.readIntegers(weights.shape, sums));
  return map.finish(product, builder.getIntegerType(32, /*isSigned=*/true)).getResult(0);
}

static Value emitWithWeights(MapBuilder &map, const Contraction &c) {
  const Weights &weights = *c.weights;
  Value integer = map.read(c.accumulator);
  if (c.offsets)
    integer = arith::AddIOp::create(map.body(), integer, map.read(c.offsets));
  if (c.leftSum)
    integer = subtractProduct(map, integer, map.readIntegers(weights.shape, weights.rest),
                              map.read(c.leftSum));
  return integer;
}

/// sum (a - za)(b - zb) = acc - za * sum b - zb * sum a + depth * za * zb.
static Value emitWithActivation(MapBuilder &map, const Contraction &c) {
  Value integer = map.read(c.accumulator);
  if (c.rightSum)
    integer = subtractProduct(map, integer, c.left.emitZero(map), map.read(c.rightSum));
  if (!c.leftSum)
    return integer;
  // zb * (sum a - depth * za)
  Value sum = map.read(c.leftSum);
  if (c.left.hasZero())
    sum = subtractProduct(map, sum, map.readInteger(c.depth), c.left.emitZero(map));
  return subtractProduct(map, integer, c.right->emitZero(map), sum);
}

static Value emitInteger(MapBuilder &map, const Contraction &c) {
  return c.weights ? emitWithWeights(map, c) : emitWithActivation(map, c);
}

static Value readScale(MapBuilder &map, const Activation &operand) {
  return operand.scale ? map.readFloat(*operand.scale) : map.read(operand.scaleTensor);
}

/// The right operand's scale: one if all are the same.
static Value readRightScale(MapBuilder &map, const Contraction &c) {
  if (!c.weights)
    return readScale(map, *c.right);
  if (llvm::all_equal(c.weights->scales))
    return map.readFloat(c.weights->scales.front());
  return map.readFloats(c.weights->shape, c.weights->scales);
}

/// The multiplier when a scale is only known at run time: computed once by a small map.
static Value makeMultiplier(OpBuilder &builder, const Contraction &c) {
  SmallVector<int64_t> shape{1};
  if (c.weights && !llvm::all_equal(c.weights->scales))
    shape = c.weights->shape;
  MapBuilder map(builder, c.op->getLoc(), shape);
  Value product = arith::MulFOp::create(map.body(), readScale(map, c.left), readRightScale(map, c));
  return map.finish(product, builder.getF32Type()).getResult(0);
}

static void replaceDynamic(OpBuilder &builder, const Contraction &c, const LinearValue &linear) {
  Value multiplier = c.left.rowScales ? Value() : makeMultiplier(builder, c);
  MapBuilder map(builder, c.op->getLoc(), tensorOf(linear.value).getShape());
  Value integer = emitInteger(map, c);
  if (llvm::any_of(linear.offsets, [](int64_t offset) { return offset != 0; }))
    integer =
        arith::AddIOp::create(map.body(), integer, map.readIntegers(linear.shape, linear.offsets));
  Value real = arith::SIToFPOp::create(map.body(), builder.getF32Type(), integer);
  Value scale = multiplier ? map.read(multiplier)
                           : arith::MulFOp::create(map.body(), map.read(c.left.rowScales),
                                                   readRightScale(map, c))
                                 .getResult();
  real = arith::MulFOp::create(map.body(), real, scale);
  Value result = map.finish(real, builder.getF32Type()).getResult(0);
  Value(linear.value).replaceAllUsesWith(result);
}

/// Casts of scale-1 products to si32 are the integers themselves (ConvInteger, MatMulInteger).
static void replaceIntegerCasts(OpBuilder &builder, const Contraction &c,
                                const LinearValue &linear) {
  if (!llvm::all_of(linear.multipliers, [](double value) { return value == 1.0; }))
    return;
  for (Operation *user : llvm::make_early_inc_range(linear.value.getUsers())) {
    auto cast = llvm::dyn_cast<qir::CastOp>(user);
    if (!cast || !elementOf(cast).isSignedInteger(32))
      continue;
    replaceByInteger(builder, cast, linear, [&](MapBuilder &map) { return emitInteger(map, c); });
    cast.erase();
  }
}

/// Replaces the float op once the integer op has been made.
static void replaceContraction(OpBuilder &builder, Contraction &c, double bound) {
  LinearValue linear;
  linear.value = c.op->getResult(0);
  linear.bound = bound;
  linear.shape = {1};
  linear.offsets = {};
  if (c.weights)
    setConstantOffsets(linear, c);
  else
    linear.offsets = {0};
  if (c.weights && !c.left.zero)
    c.offsets = makeOffsets(builder, c);
  bool perChannel = !c.left.channelScales.empty();
  bool known = perChannel || (c.left.scale && (c.weights || c.right->scale));
  if (!known)
    return replaceDynamic(builder, c, linear);
  for (size_t i = 0; i < linear.offsets.size(); ++i) {
    double right = c.weights ? c.weights->scales[i] : *c.right->scale;
    double left = perChannel ? c.left.channelScales[i] : *c.left.scale;
    linear.multipliers.push_back(left * right);
  }
  replaceIntegerCasts(builder, c, linear);
  if (linear.value.use_empty())
    return;
  replaceLinear(builder, linear, [&](MapBuilder &map) { return emitInteger(map, c); });
}

static RankedTensorType sumType(OpBuilder &builder, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder.getIntegerType(32, /*isSigned=*/true));
}

//===-- Convolutions -----------------------------------------------------------------------===//

/// The value of positions outside the input: the zero point; null when it is 0 or nothing is read.
static Value makePadValue(OpBuilder &builder, qir::ConvOp conv, const Activation &left) {
  bool reads = llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; });
  if (!reads || !left.hasZero())
    return {};
  Type element = elementOf(left.codes);
  if (left.zero)
    return makeConstant<int64_t>(builder, conv.getLoc(), RankedTensorType::get({1}, element),
                                 {*left.zero});
  if (left.shift == 0 && elementOf(left.zeroTensor) == element)
    return left.zeroTensor;
  MapBuilder map(builder, conv.getLoc(), {1});
  Value zero = left.emitZero(map);
  return map.finish(zero, element).getResult(0);
}

/// Whether each output channel reads the input channel of its own number and no other: then scales
/// per channel of the input come out of the sum.
static bool isDepthwise(qir::ConvOp conv) {
  auto weights = tensorOf(conv.getWeights());
  auto groups = static_cast<int64_t>(conv.getGroups());
  return weights.getShape().front() == groups && weights.getShape().back() == 1;
}

static LogicalResult integerizeConv(OpBuilder &builder, qir::ConvOp conv, bool toUnsigned,
                                    Reason &why) {
  if (qir::MatMulOp product = makeBlockedProduct(builder, conv)) {
    conv.getResult().replaceAllUsesWith(product.getResult());
    LogicalResult done = integerizeBlockedMatMul(builder, product, why);
    if (failed(done))
      product.getResult().replaceAllUsesWith(conv.getResult());
    return done;
  }
  auto left = Activation::read(builder, conv.getInput(), why,
                               isDepthwise(conv) ? Activation::Scales::PerChannel
                                                 : Activation::Scales::One);
  if (!left)
    return failure();
  if (conv.getPadValue()) {
    why = "expected zero padding";
    return failure();
  }
  bool isPlain = conv.getGroups() == 1, isOwn = conv.isDepthwise();
  Weights::Storage storage{/*mayBeWide=*/isPlain || isOwn, /*mayBeNarrow=*/!isOwn,
                           /*mayHaveRest=*/isPlain};
  auto weights = Weights::read(builder, conv.getWeights(), /*channelAxis=*/0, storage, why);
  if (!weights)
    return failure();
  int64_t groups = conv.getGroups(), outputs = weights->shape.front();
  if (weights->hasRest() && groups != 1 && groups != outputs) {
    why = "expected weight zero points that fit 8 bits in a grouped convolution";
    return failure();
  }
  left->convert(builder, toUnsigned);
  auto type = tensorOf(conv.getWeights());
  Contraction c{conv, *left, weights, std::nullopt, type.getNumElements() / outputs, {},
                {},   {},    {}};
  auto bound = boundOf(c);
  if (!bound) {
    why = "expected sums that fit 32 bits";
    return failure();
  }
  SmallVector<int64_t> sumShape(tensorOf(conv.getResult()).getShape());
  sumShape.back() = groups;
  Type sums = weights->hasRest() ? sumType(builder, sumShape) : Type();
  auto integer = qir::ConvOp::create(
      builder, conv.getLoc(), sumType(builder, tensorOf(conv.getResult()).getShape()), sums,
      c.left.codes, weights->codes, makePadValue(builder, conv, c.left), conv.getStrides(),
      conv.getPads(), conv.getDilations(), conv.getGroups());
  c.accumulator = integer.getResult();
  c.leftSum = integer.getWindowSum();
  replaceContraction(builder, c, *bound);
  return success();
}

//===-- Matrix products --------------------------------------------------------------------===//

static SmallVector<int64_t> withDim(Value tensor, int64_t fromEnd, int64_t size) {
  SmallVector<int64_t> shape(tensorOf(tensor).getShape());
  shape[shape.size() - fromEnd] = size;
  return shape;
}

/// [.., 1, N] of the right operand.
static SmallVector<int64_t> rightSumShape(qir::MatMulOp matmul) {
  SmallVector<int64_t> shape(tensorOf(matmul.getRhs()).getShape());
  shape[shape.size() - 2] = 1;
  shape[shape.size() - 1] = tensorOf(matmul.getResult()).getShape().back();
  return shape;
}

static FailureOr<Contraction> readMatMul(OpBuilder &builder, qir::MatMulOp matmul, bool toUnsigned,
                                         Reason &why) {
  auto left = Activation::read(builder, matmul.getLhs(), why, Activation::Scales::PerRow);
  if (!left)
    return failure();
  auto lhs = tensorOf(matmul.getLhs()), rhs = tensorOf(matmul.getRhs());
  int64_t axis = rhs.getRank() - (matmul.getTransposeRhs() ? 2 : 1);
  Contraction c{matmul, *left, {}, {}, lhs.getShape().back(), {}, {}, {}, {}};
  auto facts = CodeFacts::behind(matmul.getRhs());
  if (facts && getConstant(facts->codes))
    c.weights = Weights::read(builder, matmul.getRhs(), axis,
                              {/*mayBeWide=*/rhs.getRank() == 2, /*mayBeNarrow=*/true,
                               /*mayHaveRest=*/true},
                              why);
  else
    c.right = Activation::read(builder, matmul.getRhs(), why);
  if (!c.weights && !c.right)
    return failure();
  c.left.convert(builder, toUnsigned);
  if (c.right)
    c.right->convert(builder, /*toUnsigned=*/false);
  return c;
}

static LogicalResult integerizeMatMul(OpBuilder &builder, qir::MatMulOp matmul, bool toUnsigned,
                                      Reason &why) {
  auto c = readMatMul(builder, matmul, toUnsigned, why);
  if (failed(c))
    return failure();
  auto bound = boundOf(*c);
  if (!bound) {
    why = "expected sums that fit 32 bits";
    return failure();
  }
  bool leftSum = c->weights ? c->weights->hasRest() : c->right->hasZero();
  bool rightSum = c->right && c->left.hasZero();
  Type leftType = leftSum ? sumType(builder, withDim(matmul.getLhs(), 1, 1)) : Type();
  Type rightType = rightSum ? sumType(builder, rightSumShape(matmul)) : Type();
  auto integer = qir::MatMulOp::create(
      builder, matmul.getLoc(), sumType(builder, tensorOf(matmul.getResult()).getShape()), leftType,
      rightType, c->left.codes, c->weights ? c->weights->codes : c->right->codes,
      matmul.getTransposeRhs());
  c->accumulator = integer.getResult();
  c->leftSum = integer.getLhsSum();
  c->rightSum = integer.getRhsSum();
  replaceContraction(builder, *c, *bound);
  return success();
}

namespace {

class IntegerizeContractionsPass
    : public impl::IntegerizeContractionsBase<IntegerizeContractionsPass> {
public:
  using IntegerizeContractionsBase::IntegerizeContractionsBase;

  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work)
      integerize(op);
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }

private:
  void integerize(Operation *op) {
    OpBuilder builder(op);
    Reason why;
    auto isQuantized = [](Value operand) {
      return operand && operand.getDefiningOp<qir::DequantizeOp>() != nullptr;
    };
    if (!isQuantized(op->getOperand(0)) && !isQuantized(op->getOperand(1)))
      return;
    LogicalResult done = failure();
    auto matmul = llvm::dyn_cast<qir::MatMulOp>(op);
    if (auto conv = llvm::dyn_cast<qir::ConvOp>(op))
      done = integerizeConv(builder, conv, isUnsigned, why);
    else if (hasBlockedWeights(matmul) && isQuantized(matmul.getLhs()))
      done = integerizeBlockedMatMul(builder, matmul, why);
    else
      done = integerizeMatMul(builder, matmul, isUnsigned, why);
    if (failed(done))
      op->emitRemark("computed in float: ") << why;
  }
};

} // namespace

} // namespace quern
