// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products whose weights are stored in packed blocks of a few bits.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::ReduceKind;
using qir::UnaryKind;

/// What MatMulNBits says about its weights: [columns, depth] in blocks along the depth.
struct BlockedShape {
  int64_t columns, depth, block, bits, blocks;
};

static std::optional<BlockedShape> readShape(NodeBuilder &n) {
  BlockedShape s{n.node.getInt("N", 0), n.node.getInt("K", 0), n.node.getInt("block_size", 0),
                 n.node.getInt("bits", 4), 0};
  bool isBits = s.bits == 2 || s.bits == 4 || s.bits == 8;
  if (!isBits || s.block < 16 || s.block > 1 << 16 || (s.block & (s.block - 1)) ||
      !n.fits({s.columns, s.depth})) {
    if (!isBits || s.block < 16 || s.block > 1 << 16 || (s.block & (s.block - 1)))
      n.error() << "expected bits 2, 4 or 8 and a block_size that is a power of two from 16 on, "
                   "found bits "
                << s.bits << " and block_size " << s.block;
    return std::nullopt;
  }
  s.blocks = (s.depth + s.block - 1) / s.block;
  return s;
}

/// The codes of a packed list of rows, low bits first, as a constant [rows, count].
static Value unpack(NodeBuilder &n, Value packed, int64_t rows, int64_t count, int64_t bits,
                    llvm::StringRef what) {
  auto constant = getConstant(packed);
  std::vector<char> storage, codes;
  llvm::ArrayRef<char> bytes;
  if (constant)
    bytes = getConstantBytes(constant, storage);
  int64_t each = 8 / bits, stride = rows ? static_cast<int64_t>(bytes.size()) / rows : 0;
  if (!constant || !elementOf(packed).isUnsignedInteger(8) || stride * each < count) {
    n.error() << "expected " << what << " as a constant of " << rows << " rows of " << count
              << " codes of " << bits << " bits, found '" << n.nameOf(packed) << "' of type "
              << packed.getType();
    return nullptr;
  }
  codes.reserve(rows * count);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < count; ++i) {
      auto byte = static_cast<unsigned char>(bytes[row * stride + i / each]);
      codes.push_back(static_cast<char>((byte >> (i % each * bits)) & ((1 << bits) - 1)));
    }
  auto type = RankedTensorType::get({rows, count}, n.b.getIntegerType(bits, /*isSigned=*/false));
  auto result = makeConstantFromBytes(n.b, n.b.getLoc(), type, std::move(codes));
  result.setSiteAttr(n.siteOf(packed));
  return result.getResult();
}

/// Without zero points, codes are centred at 2^(bits - 1).
static Value readZeroPoints(NodeBuilder &n, const BlockedShape &s) {
  if (n.has(3))
    return unpack(n, n.in(3), s.columns, s.blocks, s.bits, "the zero points");
  std::vector<int64_t> centre(s.columns * s.blocks, int64_t{1} << (s.bits - 1));
  return n.integers(centre, {s.columns, s.blocks}, n.b.getIntegerType(s.bits, false));
}

/// The activations as the accuracy level permits them: with level 4 int8 codes, one scale for each
/// row and block, max |x| / 127 (ONNX Runtime's CompInt8); a reduction that ends inside of a block
/// is filled up with zeros. A block of zeros gets the smallest normal scale, and codes of 0.
static Value quantizeActivations(NodeBuilder &n, const BlockedShape &s) {
  constexpr int64_t int8Activations = 4;
  Value x = n.f32(0);
  if (!x || n.node.getInt("accuracy_level", 0) != int8Activations)
    return x;
  int64_t rank = rankOf(x), filled = s.blocks * s.block;
  Dims low(rank, 0), high(rank, 0), split(shapeOf(x));
  high.back() = filled - s.depth;
  if (filled != s.depth)
    x = n.pad(x, n.scalarF32(0.0f), low, high);
  split.back() = s.blocks;
  split.push_back(s.block);
  Value blocks = n.reshape(n.unary(UnaryKind::Abs, x), split);
  Value most = n.reduce(ReduceKind::Max, blocks, {rank}, /*keep=*/false);
  Value scale = n.binary(BinaryKind::Max, n.binary(BinaryKind::Div, most, 127.0f), 0x1p-126f);
  QuantParams params{scale, Value(), rank - 1, s.block};
  Value codes = n.quantize(x, params, n.b.getIntegerType(8, /*isSigned=*/true), n.siteOf(n.in(0)));
  return n.dequantize(codes, params, n.siteOf(n.in(0)));
}

/// A, packed B [N, blocks, bytes], scales, zero points, group indices, bias.
static LogicalResult buildMatMulNBits(NodeBuilder &n) {
  auto s = readShape(n);
  if (!s)
    return failure();
  if (n.has(4))
    return n.error() << "expected no group indices, found '" << n.nameOf(n.in(4)) << "'";
  Value codes = unpack(n, n.in(1), s->columns, s->blocks * s->block, s->bits, "the weights");
  Value scales = n.reshape(n.f32(2), {s->columns, s->blocks});
  Value zeroPoints = scales ? readZeroPoints(n, *s) : Value();
  if (!codes || !zeroPoints)
    return failure();
  Value x = quantizeActivations(n, *s);
  if (!x)
    return failure();
  // The last block may be longer than the weights are deep.
  codes = n.slice(codes, {0, 0}, {1, 1}, {s->columns, shapeOf(x).back()});
  auto params = n.params(codes, elementOf(codes), scales, zeroPoints, 1, s->block);
  if (!params)
    return failure();
  Value weights = n.dequantize(codes, *params, n.siteOf(n.in(1)));
  Value result = n.matmul(x, n.transposeStored(weights, {1, 0}));
  if (n.has(5))
    result = n.binary(BinaryKind::Add, result, n.f32(5));
  return n.finish(result);
}

void quern::legalize::addWeightOnlyRows(Rows &rows) {
  rows.push_back({microsoft, "MatMulNBits", 1, latest, 3, "K N accuracy_level bits block_size",
                  buildMatMulNBits});
}
