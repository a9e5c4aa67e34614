// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/BlockedProducts.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Integerize/Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>

using namespace mlir;

namespace quern {

/// The reduction's axis in the right operand.
static int64_t reductionAxis(qir::MatMulOp matmul) {
  return tensorOf(matmul.getRhs()).getRank() - (matmul.getTransposeRhs() ? 1 : 2);
}

bool hasBlockedWeights(qir::MatMulOp matmul) {
  auto facts = CodeFacts::behind(matmul.getRhs());
  return facts && facts->block && facts->axis && *facts->axis == reductionAxis(matmul);
}

/// A constant [columns, 1, 1, n] as [columns, n]; null if it is none.
static Value dropWindow(OpBuilder &builder, Value value) {
  qir::ConstantOp constant = value ? getConstant(value) : qir::ConstantOp();
  if (!constant)
    return {};
  std::vector<char> storage;
  ArrayRef<char> bytes = getConstantBytes(constant, storage);
  auto type = tensorOf(value);
  auto flat = RankedTensorType::get({type.getDimSize(0), type.getDimSize(3)}, elementOf(value));
  auto result = makeConstantFromBytes(builder, constant.getLoc(), flat,
                                      std::vector<char>(bytes.begin(), bytes.end()));
  result.setSiteAttr(constant.getSiteAttr());
  return result;
}

qir::MatMulOp makeBlockedProduct(OpBuilder &builder, qir::ConvOp conv) {
  auto dequantize = conv.getWeights().getDefiningOp<qir::DequantizeOp>();
  auto isOne = [](int64_t value) { return value == 1; };
  auto weights = tensorOf(conv.getWeights());
  bool isPointwise = conv.getGroups() == 1 && llvm::all_of(conv.getStrides(), isOne) &&
                     llvm::all_of(weights.getShape().slice(1, 2), isOne) &&
                     llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; });
  constexpr int64_t channelAxis = 3;
  if (!isPointwise || !dequantize || dequantize.getCodebook() || !dequantize.getBlockSize() ||
      dequantize.getAxis() != channelAxis)
    return {};
  Value codes = dropWindow(builder, dequantize.getInput());
  Value scale = dropWindow(builder, dequantize.getScale());
  Value zero = dropWindow(builder, dequantize.getZeroPoint());
  if (!codes || !scale || (dequantize.getZeroPoint() && !zero))
    return {};
  auto matrix = RankedTensorType::get(tensorOf(codes).getShape(), builder.getF32Type());
  auto values = qir::DequantizeOp::create(builder, dequantize.getLoc(), matrix, codes, scale, zero,
                                          /*codebook=*/Value(), builder.getI64IntegerAttr(1),
                                          dequantize.getBlockSizeAttr(), dequantize.getSiteAttr());
  return qir::MatMulOp::create(builder, conv.getLoc(), conv.getResult().getType(), Type(), Type(),
                               conv.getInput(), values, /*transposeRhs=*/true);
}

namespace {

/// Unsigned codes with scales by blocks, the reduction filled up to whole blocks.
struct BlockedWeights {
  int64_t depth, columns, block, blocks;
  bool isTransposed; ///< codes are [columns, depth]
  unsigned bits;
  ArrayRef<char> stored;      ///< as the operand has them
  std::vector<char> storage;  ///< where they are if they are no blob's
  int64_t shift = 0;          ///< from signed ones
  std::vector<int64_t> zeros; ///< [blocks, columns]
  std::vector<float> scales;  ///< [blocks, columns]
  StringAttr site;

  static std::optional<BlockedWeights> read(qir::MatMulOp matmul, std::string &why);
  int64_t filled() const { return blocks * block; }
  int64_t code(int64_t k, int64_t column) const {
    char byte = stored[isTransposed ? column * depth + k : k * columns + column];
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): a code, not text
    return shift != 0 ? shift + static_cast<signed char>(byte) : static_cast<unsigned char>(byte);
  }
  Value makeCodes(OpBuilder &builder, Location location) const;
  Value makeZeros(OpBuilder &builder, Location location) const;
  /// For each column the sum over blocks of scale * sum of (code - zero).
  std::vector<float> sums() const;
};

/// The left operand as si8 codes.
struct LeftCodes {
  Activation activation; ///< scales and zero point, or only the codes where
  Value blockScales;     ///< each row and block has a scale, f32 [.., M, blocks]

  static std::optional<LeftCodes> read(OpBuilder &builder, Value value, int64_t block,
                                       std::string &why);
};

} // namespace

/// [columns, blocks] to [blocks, columns].
template <typename T>
static std::vector<T> transposed(const std::vector<T> &values, int64_t rows, int64_t columns) {
  std::vector<T> result(values.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result[column * rows + row] = values[row * columns + column];
  return result;
}

std::optional<BlockedWeights> BlockedWeights::read(qir::MatMulOp matmul, std::string &why) {
  auto facts = *CodeFacts::behind(matmul.getRhs());
  auto type = tensorOf(facts.codes);
  qir::ConstantOp codes = getConstant(facts.codes);
  if (!codes || !isByteCode(type.getElementType()) || type.getRank() != 2 ||
      type.getNumElements() == 0 || !facts.hasConstantScale() || !facts.hasConstantZeroPoint()) {
    why = "expected constant weights of at most 8 bits and rank 2 with constant scales and zero "
          "points by block";
    return std::nullopt;
  }
  BlockedWeights w;
  w.isTransposed = matmul.getTransposeRhs();
  w.depth = type.getDimSize(w.isTransposed ? 1 : 0);
  w.columns = type.getDimSize(w.isTransposed ? 0 : 1);
  w.block = std::min<int64_t>(*facts.block, w.depth);
  w.blocks = (w.depth + w.block - 1) / w.block;
  w.bits = type.getElementTypeBitWidth() <= 4 ? type.getElementTypeBitWidth() : 8;
  w.site = codes.getSiteAttr();
  w.stored = getConstantBytes(codes, w.storage);
  w.zeros = facts.zeroPoints;
  w.scales = facts.scales;
  if (w.isTransposed) {
    w.zeros = transposed(w.zeros, w.columns, w.blocks);
    w.scales = transposed(w.scales, w.columns, w.blocks);
  }
  if (type.getElementType().isSignedInteger()) {
    w.shift = int64_t{1} << (w.bits - 1);
    for (int64_t &zero : w.zeros)
      zero += w.shift;
  }
  return w;
}

/// Codes behind the end of the reduction meet codes of 0.
Value BlockedWeights::makeCodes(OpBuilder &builder, Location location) const {
  Type element = builder.getIntegerType(bits, /*isSigned=*/false);
  auto type = RankedTensorType::get(isTransposed ? SmallVector<int64_t>{columns, filled()}
                                                 : SmallVector<int64_t>{filled(), columns},
                                    element);
  std::vector<char> bytes(type.getNumElements(), 0);
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t column = 0; column < columns; ++column)
      bytes[isTransposed ? column * filled() + k : k * columns + column] =
          static_cast<char>(code(k, column));
  auto constant = makeConstantFromBytes(builder, location, type, std::move(bytes));
  constant.setSiteAttr(site);
  return constant;
}

/// One if all are the same; null if that is 0.
Value BlockedWeights::makeZeros(OpBuilder &builder, Location location) const {
  Type element = builder.getIntegerType(bits, /*isSigned=*/false);
  if (!llvm::all_equal(zeros))
    return makeConstant<int64_t>(builder, location,
                                 RankedTensorType::get({blocks, columns}, element), zeros);
  if (zeros.front() == 0)
    return {};
  return makeConstant<int64_t>(builder, location, RankedTensorType::get({1}, element),
                               {zeros.front()});
}

std::vector<float> BlockedWeights::sums() const {
  std::vector<double> totals(columns, 0.0);
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t column = 0; column < columns; ++column) {
      int64_t at = b * columns + column, sum = 0;
      for (int64_t k = b * block; k < std::min(depth, (b + 1) * block); ++k)
        sum += code(k, column) - zeros[at];
      totals[column] += static_cast<double>(sum) * scales[at];
    }
  return std::vector<float>(totals.begin(), totals.end());
}

static Value reshapeTo(OpBuilder &builder, Value value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, elementOf(value));
  if (value.getType() == type)
    return value;
  return qir::ReshapeOp::create(builder, value.getLoc(), type, value);
}

static SmallVector<int64_t> withLast(Value tensor, int64_t size) {
  SmallVector<int64_t> shape(tensorOf(tensor).getShape());
  shape.back() = size;
  return shape;
}

std::optional<LeftCodes> LeftCodes::read(OpBuilder &builder, Value value, int64_t block,
                                         std::string &why) {
  LeftCodes left;
  auto facts = CodeFacts::behind(value);
  bool isBlocked = facts && facts->block && *facts->block == block &&
                   static_cast<int64_t>(*facts->axis) == tensorOf(value).getRank() - 1;
  if (!isBlocked) {
    auto codes = Activation::read(builder, value, why, Activation::Scales::PerRow);
    if (!codes)
      return std::nullopt;
    left.activation = *codes;
    left.activation.convert(builder, /*toUnsigned=*/false);
    return left;
  }
  bool noZero = facts->hasConstantZeroPoint() &&
                llvm::all_of(facts->zeroPoints, [](int64_t zero) { return zero == 0; });
  if (!elementOf(facts->codes).isSignedInteger(8) || !noZero) {
    why = "expected int8 codes without zero points where scales vary by block";
    return std::nullopt;
  }
  left.activation.codes = facts->codes;
  left.blockScales = facts->scale;
  return left;
}

/// The codes filled up with zeros to whole blocks.
static Value fill(OpBuilder &builder, Value codes, int64_t depth) {
  if (tensorOf(codes).getShape().back() == depth)
    return codes;
  auto element = elementOf(codes);
  Value zero =
      makeConstant<int64_t>(builder, codes.getLoc(), RankedTensorType::get({1}, element), {0});
  auto type = RankedTensorType::get(withLast(codes, depth), element);
  SmallVector<int64_t> low(type.getRank(), 0);
  return qir::PadOp::create(builder, codes.getLoc(), type, codes, zero, low);
}

/// The sums of each row's blocks: si32 [.., M, blocks].
static Value sumBlocks(OpBuilder &builder, Value codes, const BlockedWeights &weights) {
  SmallVector<int64_t> sums = withLast(codes, weights.blocks), split(sums), one(sums);
  split.push_back(weights.block);
  one.push_back(1);
  auto type = RankedTensorType::get(one, builder.getIntegerType(32, /*isSigned=*/true));
  Value sum = qir::ReduceOp::create(
      builder, codes.getLoc(), type, qir::ReduceKind::Sum, reshapeTo(builder, codes, split),
      builder.getDenseI64ArrayAttr({static_cast<int64_t>(split.size()) - 1}));
  return reshapeTo(builder, sum, sums);
}

/// (sum - zero * what the weights sum up to) * scale.
static Value finish(OpBuilder &builder, Value sum, const LeftCodes &left,
                    const BlockedWeights &weights) {
  if (left.blockScales)
    return sum;
  MapBuilder map(builder, sum.getLoc(), tensorOf(sum).getShape());
  Value real = map.read(sum);
  const Activation &x = left.activation;
  std::vector<float> columns = weights.sums();
  if (x.zero && *x.zero != 0) {
    for (float &column : columns)
      column *= static_cast<float>(-*x.zero);
    real = arith::AddFOp::create(map.body(), real, map.readFloats({weights.columns}, columns));
  } else if (!x.zero) {
    for (float &column : columns)
      column = -column;
    Value zero = arith::SIToFPOp::create(map.body(), builder.getF32Type(), x.emitZero(map));
    Value product =
        arith::MulFOp::create(map.body(), zero, map.readFloats({weights.columns}, columns));
    real = arith::AddFOp::create(map.body(), real, product);
  }
  Value scale =
      x.scale ? map.readFloat(*x.scale) : map.read(x.rowScales ? x.rowScales : x.scaleTensor);
  real = arith::MulFOp::create(map.body(), real, scale);
  return map.finish(real, builder.getF32Type()).getResult(0);
}

LogicalResult integerizeBlockedMatMul(OpBuilder &builder, qir::MatMulOp matmul, std::string &why) {
  constexpr int64_t mostTerms = INT32_MAX / (128 * 255);
  auto weights = BlockedWeights::read(matmul, why);
  if (!weights)
    return failure();
  if (weights->block > mostTerms) {
    why = "expected sums that fit 32 bits";
    return failure();
  }
  auto left = LeftCodes::read(builder, matmul.getLhs(), weights->block, why);
  if (!left)
    return failure();
  Location location = matmul.getLoc();
  Value codes = fill(builder, left->activation.codes, weights->filled());
  auto scaleType = RankedTensorType::get({weights->blocks, weights->columns}, builder.getF32Type());
  Value scales = makeConstant<float>(builder, location, scaleType, weights->scales);
  auto product = qir::MatMulOp::create(builder, location, matmul.getResult().getType(), Type(),
                                       Type(), codes, weights->makeCodes(builder, location), scales,
                                       weights->makeZeros(builder, location), left->blockScales,
                                       sumBlocks(builder, codes, *weights), weights->isTransposed,
                                       builder.getI64IntegerAttr(weights->block));
  matmul.getResult().replaceAllUsesWith(finish(builder, product.getResult(), *left, *weights));
  return success();
}

} // namespace quern
