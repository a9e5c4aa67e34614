// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Legalize/Onnx/NodeBuilder.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

bool NodeBuilder::checkScale(Value scale) {
  auto values = readConstant<double>(scale);
  if (!values)
    return true;
  for (auto [index, value] : llvm::enumerate(*values)) {
    // Subnormal in single precision: below 2^-126.
    if (std::isfinite(value) && value >= 0x1p-126)
      continue;
    error() << "expected positive, finite, normal scales in '" << nameOf(scale) << "', found "
            << value << " at element " << index;
    return false;
  }
  return true;
}

std::optional<QuantParams> NodeBuilder::checkGeometry(Value data, QuantParams params,
                                                      int64_t axisIndex, int64_t block) {
  auto reject = [&](const llvm::Twine &expected) -> std::optional<QuantParams> {
    error() << "expected " << expected << " for " << data.getType() << ", found scale '"
            << nameOf(params.scale) << "' of type " << params.scale.getType();
    return std::nullopt;
  };
  auto asRank = [&](Shape shape) {
    params.scale = reshape(params.scale, shape);
    if (params.zeroPoint)
      params.zeroPoint = reshape(params.zeroPoint, shape);
  };
  RankedTensorType scale = typeOf(params.scale);
  if (scale.getNumElements() == 1 && block == 0) {
    asRank({});
    return params;
  }
  auto position = axis(axisIndex, rankOf(data));
  if (!position)
    return std::nullopt;
  params.axis = position;
  int64_t size = shapeOf(data)[*position];
  if (block == 0) {
    if (scale.getNumElements() != size || (scale.getRank() != 1 && rankOf(data) != scale.getRank()))
      return reject("one scale, or " + llvm::Twine(size) + " along axis " + llvm::Twine(*position));
    asRank({size});
    return params;
  }
  Dims expected(shapeOf(data));
  expected[*position] = (size + block - 1) / block;
  if (scale.getShape() != Shape(expected))
    return reject("one scale for each block of " + llvm::Twine(block) + " along axis " +
                  llvm::Twine(*position));
  params.block = block;
  return params;
}

/// Whether a zero point says nothing: constant and all 0.
static bool isZero(Value zeroPoint) {
  auto values = readConstant<double>(zeroPoint);
  return values && llvm::all_of(*values, [](double value) { return value == 0; });
}

std::optional<QuantParams> NodeBuilder::params(Value data, Type code, Value scale, Value zeroPoint,
                                               int64_t axisIndex, int64_t block) {
  if (!data)
    return std::nullopt;
  scale = f32(scale);
  if (!scale || !checkScale(scale))
    return std::nullopt;
  auto scheme = getStorageScheme(code);
  if (!scheme && !code.isSignedInteger(32)) {
    error() << "expected codes of int2, uint2, int4, uint4, int8, uint8, int16, uint16, "
               "float8e4m3fn, float8e5m2 or float4e2m1, found "
            << code;
    return std::nullopt;
  }
  if (zeroPoint && elementOf(zeroPoint) != code) {
    error() << "expected zero point '" << nameOf(zeroPoint) << "' of the codes' type " << code
            << ", found " << elementOf(zeroPoint);
    return std::nullopt;
  }
  if (zeroPoint && typeOf(zeroPoint).getNumElements() != typeOf(scale).getNumElements()) {
    error() << "expected zero point '" << nameOf(zeroPoint) << "' with the shape of scale '"
            << nameOf(scale) << "' (" << scale.getType() << "), found " << zeroPoint.getType();
    return std::nullopt;
  }
  if (zeroPoint && isZero(zeroPoint))
    zeroPoint = nullptr;
  if (zeroPoint && scheme && scheme->isFloat) {
    error() << "expected zero point '" << nameOf(zeroPoint) << "' of float codes to be 0";
    return std::nullopt;
  }
  return checkGeometry(data, {scale, zeroPoint, {}, {}}, axisIndex, block);
}

static IntegerAttr optionalI64(OpBuilder &b, std::optional<int64_t> value) {
  return value ? b.getI64IntegerAttr(*value) : IntegerAttr();
}

Value NodeBuilder::quantize(Value x, const QuantParams &params, Type code, StringAttr site,
                            std::optional<int64_t> lo, std::optional<int64_t> hi) {
  if (!x)
    return nullptr;
  if (!getStorageScheme(code)) {
    error() << "expected a code type such as uint8 for a quantized result, found " << code;
    return nullptr;
  }
  return qir::QuantizeOp::create(b, typeOf(x).clone(code), x, params.scale, params.zeroPoint,
                                 optionalI64(b, params.axis), optionalI64(b, params.block),
                                 optionalI64(b, lo), optionalI64(b, hi), site)
      .getResult();
}

Value NodeBuilder::dequantize(Value codes, const QuantParams &params, StringAttr site) {
  if (!codes)
    return nullptr;
  return qir::DequantizeOp::create(b, typeOf(codes).clone(b.getF32Type()), codes, params.scale,
                                   params.zeroPoint, /*codebook=*/Value(),
                                   optionalI64(b, params.axis), optionalI64(b, params.block), site)
      .getResult();
}

bool NodeBuilder::isStored(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (getConstant(value))
      return true;
    if (!llvm::isa<qir::QuantizeOp, qir::DequantizeOp, qir::CastOp, qir::TransposeOp,
                   qir::ReshapeOp, qir::SliceOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

static QuantParams transposeParams(NodeBuilder &n, qir::DequantizeOp op, Shape permutation) {
  QuantParams params{op.getScale(), op.getZeroPoint(), {}, {}};
  if (!op.getAxis())
    return params;
  params.axis = llvm::find(permutation, static_cast<int64_t>(*op.getAxis())) - permutation.begin();
  if (op.getBlockSize()) {
    params.block = *op.getBlockSize();
    params.scale = n.transpose(params.scale, permutation);
    if (params.zeroPoint)
      params.zeroPoint = n.transpose(params.zeroPoint, permutation);
  }
  return params;
}

Value NodeBuilder::transposeStored(Value x, Shape permutation) {
  if (!x || !isStored(x))
    return transpose(x, permutation);
  if (auto op = x.getDefiningOp<qir::DequantizeOp>(); op && !op.getCodebook()) {
    Value codes = transposeStored(op.getInput(), permutation);
    return dequantize(codes, transposeParams(*this, op, permutation), op.getSiteAttr());
  }
  if (auto op = x.getDefiningOp<qir::CastOp>())
    return cast(transpose(op.getInput(), permutation), elementOf(x));
  return transpose(x, permutation);
}

/// Where a dimension goes when only dimensions of size 1 come or go before it; none otherwise.
static std::optional<int64_t> followAxis(Shape from, Shape to, int64_t axis) {
  int64_t before = product(from.take_front(axis)), product = 1;
  for (auto [d, size] : llvm::enumerate(to)) {
    if (product == before && size == from[axis])
      return d;
    product *= size;
  }
  return std::nullopt;
}

Value NodeBuilder::reshapeStored(Value x, Shape shape) {
  if (!x || shapeOf(x) == shape || !isStored(x) || product(shape) != typeOf(x).getNumElements())
    return reshape(x, shape);
  if (auto op = x.getDefiningOp<qir::CastOp>())
    return cast(reshape(op.getInput(), shape), elementOf(x));
  auto op = x.getDefiningOp<qir::DequantizeOp>();
  if (!op || op.getCodebook() || op.getBlockSize())
    return reshape(x, shape);
  QuantParams params{op.getScale(), op.getZeroPoint(), {}, {}};
  if (op.getAxis()) {
    params.axis = followAxis(shapeOf(x), shape, *op.getAxis());
    if (!params.axis)
      return reshape(x, shape);
  }
  return dequantize(reshape(op.getInput(), shape), params, op.getSiteAttr());
}

static Value sliceAlong(NodeBuilder &n, Value x, int64_t axis, int64_t start, int64_t size) {
  if (!x)
    return nullptr;
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x));
  starts[axis] = start;
  sizes[axis] = size;
  return n.slice(x, starts, steps, sizes);
}

/// The scales or zero points of a slice: all of them, or those along the sliced dimension.
static Value sliceParam(NodeBuilder &n, qir::DequantizeOp op, Value param, int64_t axis,
                        int64_t start, int64_t size) {
  if (!param || !op.getAxis())
    return param;
  if (op.getBlockSize())
    return sliceAlong(n, param, axis, start, size);
  return static_cast<int64_t>(*op.getAxis()) == axis ? sliceAlong(n, param, 0, start, size) : param;
}

Value NodeBuilder::sliceStored(Value x, int64_t axis, int64_t start, int64_t size) {
  if (!x || !isStored(x))
    return sliceAlong(*this, x, axis, start, size);
  if (auto op = x.getDefiningOp<qir::CastOp>())
    return cast(sliceStored(op.getInput(), axis, start, size), elementOf(x));
  auto op = x.getDefiningOp<qir::DequantizeOp>();
  bool cutsBlocks = op && op.getBlockSize() && static_cast<int64_t>(*op.getAxis()) == axis;
  if (!op || op.getCodebook() || cutsBlocks)
    return sliceAlong(*this, x, axis, start, size);
  QuantParams params{sliceParam(*this, op, op.getScale(), axis, start, size),
                     sliceParam(*this, op, op.getZeroPoint(), axis, start, size),
                     {},
                     {}};
  if (op.getAxis())
    params.axis = *op.getAxis();
  if (op.getBlockSize())
    params.block = *op.getBlockSize();
  return dequantize(sliceStored(op.getInput(), axis, start, size), params, op.getSiteAttr());
}
