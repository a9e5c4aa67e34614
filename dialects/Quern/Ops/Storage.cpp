// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Ops/Verify.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::qir;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  auto type = tensorType(getResult());
  if (auto elements = llvm::dyn_cast<DenseElementsAttr>(getValue())) {
    if (elements.getType().getShape() != type.getShape() ||
        elements.getElementType() != type.getElementType())
      return emitOpError("(C2) expected a value of type ")
             << type << ", found " << elements.getType();
    return success();
  }
  auto blob = llvm::dyn_cast<BlobAttr>(getValue());
  if (!blob)
    return emitOpError("(C1) expected dense elements or #quern.blob, found ") << getValue();
  int64_t expected = type.getNumElements() * getElementBytes(type.getElementType());
  if (auto packed = llvm::dyn_cast_if_present<PackedAttr>(type.getEncoding()))
    expected = packed.getBytes();
  if (static_cast<int64_t>(blob.getLength()) != expected)
    return emitOpError("(C3) expected ") << expected << " bytes, found " << blob.getLength();
  return success();
}

namespace {
/// What quantize and dequantize have in common; `letter` is Q or D in diagnostics.
struct ScaleGeometry {
  Operation *op;
  char letter;
  RankedTensorType data;
  Value scale, zeroPoint;
  std::optional<int64_t> axis, block;
};
} // namespace

static InFlightDiagnostic violation(const ScaleGeometry &g, int number) {
  return g.op->emitOpError("(") << llvm::Twine(g.letter) << number << ") ";
}

static LogicalResult verifyScaleShape(const ScaleGeometry &g) {
  auto scaleType = tensorType(g.scale);
  if (!scaleType.getElementType().isF32())
    return violation(g, 3) << "expected scales in f32, found " << scaleType;
  if (g.block && !g.axis)
    return violation(g, 3) << "expected an axis beside the block size";
  if (g.axis && (*g.axis < 0 || *g.axis >= g.data.getRank()))
    return violation(g, 6) << "expected an axis in [0, " << g.data.getRank() << "), found "
                           << *g.axis;
  if (!g.axis) {
    if (scaleType.getNumElements() != 1)
      return violation(g, 3) << "expected one scale without an axis, found "
                             << scaleType.getNumElements();
    return success();
  }
  if (!g.block) {
    if (scaleType.getRank() != 1 || scaleType.getDimSize(0) != g.data.getDimSize(*g.axis))
      return violation(g, 3) << "expected " << g.data.getDimSize(*g.axis) << " scales along axis "
                             << *g.axis << ", found " << scaleType;
    return success();
  }
  if (*g.block < 1)
    return violation(g, 3) << "expected a block size of at least 1, found " << *g.block;
  SmallVector<int64_t> shape(g.data.getShape());
  int64_t size = shape[*g.axis];
  shape[*g.axis] = size / *g.block + (size % *g.block != 0);
  if (scaleType.getShape() != ArrayRef<int64_t>(shape))
    return violation(g, 3) << "expected scales of shape [" << ArrayRef<int64_t>(shape)
                           << "] for blocks of " << *g.block << ", found " << scaleType;
  return success();
}

static LogicalResult verifyScaleValues(const ScaleGeometry &g) {
  auto values = readConstant<float>(g.scale);
  if (!values)
    return success();
  for (float value : *values)
    if (!std::isnormal(value) || value < 0)
      return violation(g, 5) << "expected positive, finite, normal scales, found " << value;
  return success();
}

static LogicalResult verifyScales(const ScaleGeometry &g, Type codeType) {
  if (failed(verifyScaleShape(g)) || failed(verifyScaleValues(g)))
    return failure();
  if (!g.zeroPoint)
    return success();
  auto type = tensorType(g.zeroPoint);
  bool sameShape = type.getShape() == tensorType(g.scale).getShape() ||
                   (type.getNumElements() == 1 && tensorType(g.scale).getNumElements() == 1);
  if (!sameShape || type.getElementType() != codeType)
    return violation(g, 4) << "expected a zero point of type " << codeType
                           << " with the scale's shape, found " << type;
  return success();
}

/// A narrower range of codes, as far as it is given.
static LogicalResult verifyCodeRange(QuantizeOp op, const StorageScheme &scheme) {
  if (!op.getLo() && !op.getHi())
    return success();
  int64_t lo = op.getLo().value_or(scheme.min), hi = op.getHi().value_or(scheme.max);
  if (scheme.isFloat || lo < scheme.min || hi > scheme.max || lo > hi)
    return op.emitOpError("(Q7) expected a range of codes inside [")
           << scheme.min << ", " << scheme.max << "], found [" << lo << ", " << hi << "] of "
           << scheme.name;
  return success();
}

LogicalResult QuantizeOp::verify() {
  auto inputType = tensorType(getInput()), resultType = tensorType(getResult());
  if (!inputType.getElementType().isF32())
    return emitOpError("(Q1) expected an f32 input, found ") << inputType.getElementType();
  auto scheme = getStorageScheme(resultType.getElementType());
  if (!scheme)
    return emitOpError("(Q2) expected a code type such as ui8, found ")
           << resultType.getElementType();
  if (inputType.getShape() != resultType.getShape())
    return emitOpError("(Q8) expected codes of the input's shape, found ") << resultType;
  if (failed(verifyCodeRange(*this, *scheme)))
    return failure();
  return verifyScales(
      {*this, 'Q', inputType, getScale(), getZeroPoint(), getAxis(), getBlockSize()},
      resultType.getElementType());
}

LogicalResult DequantizeOp::verify() {
  auto inputType = tensorType(getInput()), resultType = tensorType(getResult());
  if (!resultType.getElementType().isF32() || resultType.getShape() != inputType.getShape())
    return emitOpError("(D1) expected an f32 result of the codes' shape, found ") << resultType;
  auto scheme = getStorageScheme(inputType.getElementType());
  if (!scheme && !inputType.getElementType().isSignedInteger(32))
    return emitOpError("(D2) expected a code type such as ui8 or si32, found ")
           << inputType.getElementType();
  if (Value codebook = getCodebook()) {
    auto type = tensorType(codebook);
    if (!scheme || type.getRank() != 1 || type.getDimSize(0) != (int64_t{1} << scheme->bits) ||
        !type.getElementType().isF32())
      return emitOpError("(D7) expected a codebook of 2^bits entries in f32, found ") << type;
  }
  return verifyScales(
      {*this, 'D', inputType, getScale(), getZeroPoint(), getAxis(), getBlockSize()},
      inputType.getElementType());
}
