// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Embeddings of tokens and positions that stand as one operator in the file.

#include "passes/Legalize/Onnx/Attention.h"
#include "passes/Legalize/Onnx/Normalization.h"
#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::ReduceKind;

/// The first rows of a table of positions, or the rows that input 8 names.
static Value embedPositions(NodeBuilder &n, int64_t length) {
  Value table = n.f32(3);
  if (!table || n.has(8))
    return n.gather(table, n.in(8), 0);
  if (rankOf(table) != 2 || shapeOf(table)[0] < length)
    return n.fail("expected position embeddings [at least " + llvm::Twine(length) + ", size]");
  return n.sliceStored(table, 0, 0, length);
}

/// How many elements of each row of the integer mask [B, S] are 1.
static Value countOnes(NodeBuilder &n, Value mask) {
  Type index = n.b.getIntegerType(32, /*isSigned=*/true);
  Value isOne = n.binary(BinaryKind::Equal, mask, n.integers({1}, {}, elementOf(mask)));
  return n.reduce(ReduceKind::Sum, n.cast(isOne, index), {1}, /*keep=*/false);
}

/// input_ids, segment_ids, word, position and segment embeddings, gamma, beta, mask, position_ids;
/// gives the normalized sum, the mask's counts and the sum.
static LogicalResult buildEmbedLayerNormalization(NodeBuilder &n) {
  for (unsigned i : {2u, 3u, 5u, 6u})
    if (!n.has(i))
      return n.error() << "expected input " << i << ", found it omitted";
  Value ids = n.in(0), words = n.f32(2);
  if (!words)
    return failure();
  if (rankOf(ids) != 2 || rankOf(words) != 2)
    return n.error() << "expected input_ids [batch, sequence] and word embeddings [words, size], "
                        "found "
                     << ids.getType() << " and " << words.getType();
  Value sum =
      n.binary(BinaryKind::Add, n.gather(words, ids, 0), embedPositions(n, shapeOf(ids)[1]));
  if (n.has(1) && n.has(4)) {
    Value segments = n.f32(4);
    sum = segments ? n.binary(BinaryKind::Add, sum, n.gather(segments, n.in(1), 0)) : Value();
  }
  Value y = normalizeFrom(n, sum, n.f32(5), n.f32(6), -1, n.node.getFloat("epsilon", 1e-12f),
                          /*rms=*/false);
  Type index = n.b.getIntegerType(32, /*isSigned=*/true);
  Value counts;
  if (n.has(7) && rankOf(n.in(7)) == 2)
    counts = countOnes(n, n.in(7));
  else
    counts = n.broadcast(n.integers({0}, {1}, index), {shapeOf(ids)[0]});
  return n.finish({y, counts, sum});
}

namespace {

/// What the two operators called RotaryEmbedding say.
struct Rotation {
  Value input, cosines, sines, positions; ///< positions may be null
  bool isInterleaved;
};

} // namespace

/// cosines or sines as [B or 1, 1, S, half].
static Value readTable(NodeBuilder &n, Value table, Value positions, int64_t length, int64_t half) {
  if (!table)
    return nullptr;
  if (positions)
    table = rankOf(positions) == 2 ? n.gather(table, positions, 0) : Value();
  else if (rankOf(table) == 2 && shapeOf(table)[0] >= length)
    table = n.sliceStored(table, 0, 0, length);
  if (table && rankOf(table) == 2)
    table = n.reshape(table, {1, shapeOf(table)[0], shapeOf(table)[1]});
  if (!table || rankOf(table) != 3 || shapeOf(table)[1] != length || shapeOf(table)[2] != half)
    return n.fail("expected cosines and sines [positions, " + llvm::Twine(half) + "], or [batch, " +
                  llvm::Twine(length) + ", " + llvm::Twine(half) +
                  "] without position_ids [batch, sequence]");
  return n.reshape(table, {shapeOf(table)[0], 1, length, half});
}

/// Elements `first`, `first` + `step`, … of the last dimension.
static Value pick(NodeBuilder &n, Value x, int64_t first, int64_t step, int64_t count) {
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x));
  starts.back() = first;
  steps.back() = step;
  sizes.back() = count;
  return n.slice(x, starts, steps, sizes);
}

/// (a, b) turned: (a cos - b sin, a sin + b cos), of [B, N, S, h] in its first `width` elements.
static Value rotate(NodeBuilder &n, const Rotation &r, int64_t width) {
  Value x = r.input;
  int64_t length = shapeOf(x)[2], half = width / 2, size = shapeOf(x)[3];
  Value cosines = readTable(n, r.cosines, r.positions, length, half);
  Value sines = cosines ? readTable(n, r.sines, r.positions, length, half) : Value();
  int64_t step = r.isInterleaved ? 2 : 1;
  Value a = pick(n, x, 0, step, half), b = pick(n, x, r.isInterleaved ? 1 : half, step, half);
  auto product = [&](Value lhs, Value rhs) { return n.binary(BinaryKind::Mul, lhs, rhs); };
  Value real = n.binary(BinaryKind::Sub, product(a, cosines), product(b, sines));
  Value imaginary = n.binary(BinaryKind::Add, product(a, sines), product(b, cosines));
  if (!real || !imaginary)
    return nullptr;
  Value turned;
  if (r.isInterleaved) {
    Dims pair(shapeOf(real));
    pair.push_back(1);
    turned = n.concat({n.reshape(real, pair), n.reshape(imaginary, pair)}, 4);
    pair.pop_back();
    pair.back() = width;
    turned = n.reshape(turned, pair);
  } else {
    turned = n.concat({real, imaginary}, 3);
  }
  return width == size ? turned : n.concat({turned, pick(n, x, width, 1, size - width)}, 3);
}

static LogicalResult finishRotary(NodeBuilder &n, Rotation r) {
  if (!r.input || !r.cosines || !r.sines)
    return failure();
  bool isFlat = rankOf(r.input) == 3;
  int64_t width = n.node.getInt("rotary_embedding_dim", 0), heads = n.node.getInt("num_heads", 0);
  if (isFlat && heads == 0 && rankOf(r.cosines) >= 1) // every head turned whole
    heads = shapeOf(r.input)[2] / std::max<int64_t>(2 * shapeOf(r.cosines).back(), 1);
  if (isFlat)
    r.input = splitHeads(n, r.input, heads);
  if (!r.input)
    return failure();
  if (rankOf(r.input) != 4)
    return n.error() << "expected an input of rank 3 or 4, found " << r.input.getType();
  width = width == 0 ? shapeOf(r.input)[3] : width;
  if (width < 2 || width % 2 != 0 || width > shapeOf(r.input)[3])
    return n.error() << "expected an even rotary_embedding_dim of at most " << shapeOf(r.input)[3]
                     << ", found " << width;
  Value y = rotate(n, r, width);
  return n.finish(isFlat ? mergeHeads(n, y) : y);
}

/// X, cos_cache, sin_cache, position_ids.
static LogicalResult buildRotaryEmbedding(NodeBuilder &n) {
  return finishRotary(
      n, {n.f32(0), n.f32(1), n.f32(2), n.in(3), n.node.getInt("interleaved", 0) != 0});
}

/// input, position_ids ([B, S], or the first of consecutive ones), cos_cache, sin_cache.
static LogicalResult buildMicrosoftRotaryEmbedding(NodeBuilder &n) {
  if (n.node.getInt("is_packed_batching", 0) || n.node.getFloat("scale", 1.0f) != 1.0f)
    return n.error() << "expected is_packed_batching = 0 and scale = 1";
  Value input = n.f32(0), positions = n.in(1);
  if (!input)
    return failure();
  if (rankOf(positions) == 1 && shapeOf(positions)[0] == 1) {
    int64_t length = shapeOf(input)[rankOf(input) == 4 ? 2 : 1];
    if (!n.fits({length}) || length > 1 << 24)
      return n.error() << "expected a sequence of at most 2^24, found " << length;
    Value count = n.integers(countUp(0, length), {1, length}, elementOf(positions));
    positions = n.binary(BinaryKind::Add, n.reshape(positions, {1, 1}), count);
  }
  return finishRotary(n,
                      {input, n.f32(2), n.f32(3), positions, n.node.getInt("interleaved", 0) != 0});
}

void quern::legalize::addEmbeddingRows(Rows &rows) {
  llvm::append_range(rows,
                     std::initializer_list<Row>{
                         {microsoft, "EmbedLayerNormalization", 1, latest, 1,
                          "epsilon mask_index_type", buildEmbedLayerNormalization},
                         {onnxDomain, "RotaryEmbedding", 23, latest, 3,
                          "interleaved num_heads rotary_embedding_dim", buildRotaryEmbedding},
                         {microsoft, "RotaryEmbedding", 1, latest, 4,
                          "interleaved is_packed_batching num_heads rotary_embedding_dim scale",
                          buildMicrosoftRotaryEmbedding},
                     });
}
