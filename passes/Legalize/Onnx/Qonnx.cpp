// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QONNX: quantize and dequantize in one node with a bit width (Quant), signs (BipolarQuant) and
// dropped low bits (Trunc), as written by Brevitas and QKeras exporters.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

/// Codes of a bit width: the storage type and the code range.
struct CodeRange {
  IntegerType type;
  int64_t lo, hi;
};

static std::optional<CodeRange> readRange(NodeBuilder &n) {
  auto bits = n.scalar(3, "the bit width");
  if (!bits)
    return std::nullopt;
  bool isSigned = n.node.getInt("signed", 1) != 0, isNarrow = n.node.getInt("narrow", 0) != 0;
  int64_t width = *bits >= 2 && *bits <= 16 ? static_cast<int64_t>(*bits) : 0;
  if (*bits != width || ((width < 2 || width > 8) && width != 16)) {
    n.error() << "expected a bit width of 2 to 8 or 16, found " << *bits
              << "; nearest supported form: 8 bits, or BipolarQuant for 1 bit";
    return std::nullopt;
  }
  int64_t lo = isSigned ? -(int64_t{1} << (width - 1)) : 0;
  int64_t hi = isSigned ? -lo - 1 : (int64_t{1} << width) - 1;
  if (isNarrow)
    isSigned ? ++lo : --hi;
  return CodeRange{n.b.getIntegerType(width, isSigned), lo, hi};
}

/// A scale that broadcasts to `data` and varies along one dimension at most, as a list; the
/// dimension goes to `axis`.
static Value flattenScale(NodeBuilder &n, Value scale, Value data, int64_t &axis) {
  if (!scale || typeOf(scale).getNumElements() == 1)
    return scale ? n.reshape(scale, {}) : nullptr;
  int64_t offset = rankOf(data) - rankOf(scale), varying = 0;
  for (auto [d, size] : llvm::enumerate(shapeOf(scale)))
    if (size != 1) {
      axis = static_cast<int64_t>(d) + offset;
      ++varying;
    }
  if (varying != 1 || offset < 0)
    return n.fail("expected a scale that varies along one dimension of the data, found '" +
                  n.nameOf(scale) + "'");
  return n.reshape(scale, {typeOf(scale).getNumElements()});
}

/// The zero point, a float in QONNX, as codes in the scale's shape; null where it is 0.
static LogicalResult readZeroPoint(NodeBuilder &n, unsigned index, const CodeRange &range,
                                   Value scale, Value &zeroPoint) {
  auto values = readConstant<double>(n.in(index));
  if (!values)
    return n.error() << "expected a constant zero point, found '" << n.nameOf(n.in(index))
                     << "' computed at run time";
  std::vector<int64_t> codes;
  for (double value : *values) {
    if (value != std::floor(value) || value < range.lo || value > range.hi)
      return n.error() << "expected a whole zero point in [" << range.lo << ", " << range.hi
                       << "], found " << value;
    codes.push_back(static_cast<int64_t>(value));
  }
  if (llvm::all_of(codes, [](int64_t code) { return code == 0; }))
    return success();
  codes.resize(typeOf(scale).getNumElements(), codes.front());
  zeroPoint = n.integers(codes, shapeOf(scale), range.type);
  return success();
}

static LogicalResult buildQuant(NodeBuilder &n) {
  llvm::StringRef rounding = n.node.getString("rounding_mode", "ROUND");
  if (rounding != "ROUND" && rounding != "round" && rounding != "HALF_EVEN")
    return n.error() << "expected rounding_mode ROUND, found " << rounding;
  auto range = readRange(n);
  int64_t axis = 0;
  Value x = n.f32(0), zeroPoint;
  Value scale = flattenScale(n, n.f32(1), x, axis);
  if (!range || !x || !scale || failed(readZeroPoint(n, 2, *range, scale, zeroPoint)))
    return failure();
  auto params = n.params(x, range->type, scale, zeroPoint, axis);
  if (!params)
    return failure();
  bool isNarrow = n.node.getInt("narrow", 0) != 0;
  auto lo = isNarrow ? std::optional<int64_t>(range->lo) : std::nullopt;
  auto hi = isNarrow ? std::optional<int64_t>(range->hi) : std::nullopt;
  Value codes = n.quantize(x, *params, range->type, n.site(), lo, hi);
  return n.finish(n.dequantize(codes, *params, n.site()));
}

/// +scale where x >= 0, else -scale, as the codes +1 and -1.
static LogicalResult buildBipolarQuant(NodeBuilder &n) {
  int64_t axis = 0;
  Value x = n.f32(0), scale = flattenScale(n, n.f32(1), x, axis);
  if (!x || !scale)
    return failure();
  Type code = n.b.getIntegerType(2, /*isSigned=*/true);
  auto params = n.params(x, code, scale, nullptr, axis);
  if (!params)
    return failure();
  Value isPositive = n.binary(BinaryKind::GreaterEqual, x, 0.0f);
  Value sign = n.select(isPositive, n.scalarF32(1.0f), n.scalarF32(-1.0f));
  QuantParams one{n.scalarF32(1.0f), nullptr, {}, {}};
  Value codes = n.quantize(sign, one, code, n.site(), -1, 1);
  return n.finish(n.dequantize(codes, *params, n.site()));
}

/// Drops the low in_bits - out_bits bits: floor(round(x / scale + zero) / 2^k) * scale' with the
/// node's rounding; the result keeps the input's scale times 2^k.
static LogicalResult buildTrunc(NodeBuilder &n) {
  auto inBits = n.scalar(3, "the input bit width"), outBits = n.scalar(4, "the output bit width");
  auto zero = n.scalar(2, "the zero point");
  if (!inBits || !outBits || !zero)
    return failure();
  llvm::StringRef rounding = n.node.getString("rounding_mode", "FLOOR");
  if (rounding != "FLOOR" && rounding != "ROUND" && rounding != "CEIL")
    return n.error() << "expected rounding_mode FLOOR, ROUND or CEIL, found " << rounding;
  UnaryKind kind = rounding == "FLOOR"  ? UnaryKind::Floor
                   : rounding == "CEIL" ? UnaryKind::Ceil
                                        : UnaryKind::Round;
  if (*zero != 0 || *outBits < 1 || *inBits < *outBits || *inBits > 32)
    return n.error() << "expected zero point 0 and no more output bits than input bits, found "
                     << *zero << " and " << *inBits << " to " << *outBits;
  auto factor = static_cast<float>(std::ldexp(1.0, static_cast<int>(*inBits - *outBits)));
  Value scale = n.f32(1);
  Value codes = n.unary(UnaryKind::Round, n.binary(BinaryKind::Div, n.f32(0), scale));
  Value kept = n.unary(kind, n.binary(BinaryKind::Div, codes, factor));
  return n.finish(n.binary(BinaryKind::Mul, n.binary(BinaryKind::Mul, kept, factor), scale));
}

void quern::legalize::addQonnxRows(Rows &rows) {
  constexpr llvm::StringLiteral domains[] = {"qonnx.custom_op.general", "onnx.brevitas", "finn",
                                             "finn.custom_op.general"};
  for (llvm::StringLiteral domain : domains)
    llvm::append_range(
        rows, std::initializer_list<Row>{
                  {domain, "Quant", 1, latest, 4, "narrow rounding_mode signed", buildQuant},
                  {domain, "BipolarQuant", 1, latest, 2, "", buildBipolarQuant},
                  {domain, "Trunc", 1, latest, 5, "narrow rounding_mode signed", buildTrunc},
              });
}
