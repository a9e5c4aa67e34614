// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: what all operators of that name share.

#include "passes/Legalize/Onnx/Attention.h"

#include "passes/Legalize/Onnx/Contraction.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <limits>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

Value quern::legalize::splitHeads(NodeBuilder &n, Value x, int64_t heads) {
  if (!x)
    return nullptr;
  if (rankOf(x) != 3 || heads < 1 || shapeOf(x)[2] % heads != 0)
    return n.fail("expected [batch, sequence, size] with a size divisible by " +
                  llvm::Twine(heads) + " heads, found rank " + llvm::Twine(rankOf(x)) +
                  (rankOf(x) == 3 ? " and size " + llvm::Twine(shapeOf(x)[2]) : llvm::Twine()));
  Dims shape{shapeOf(x)[0], shapeOf(x)[1], heads, shapeOf(x)[2] / heads};
  return n.transpose(n.reshape(x, shape), {0, 2, 1, 3});
}

Value quern::legalize::mergeHeads(NodeBuilder &n, Value x) {
  if (!x)
    return nullptr;
  Dims shape{shapeOf(x)[0], shapeOf(x)[2], shapeOf(x)[1] * shapeOf(x)[3]};
  return n.reshape(n.transpose(x, {0, 2, 1, 3}), shape);
}

/// 0 … count - 1 plus `first`, as si32 of the given shape.
static Value countOff(NodeBuilder &n, int64_t first, int64_t count, Shape shape) {
  constexpr int64_t most = 1 << 24;
  if (count > most || first > most)
    return n.fail("expected a sequence of at most 2^24, found " + llvm::Twine(first + count));
  return n.integers(countUp(first, first + count), shape,
                    n.b.getIntegerType(32, /*isSigned=*/true));
}

static Value hideFuture(NodeBuilder &n, Value scores, int64_t past) {
  if (!scores)
    return nullptr;
  int64_t queries = shapeOf(scores)[2], keys = shapeOf(scores)[3];
  Value isSeen = n.binary(BinaryKind::LessEqual, countOff(n, 0, keys, {keys}),
                          countOff(n, past, queries, {queries, 1}));
  return n.select(isSeen, scores, n.scalarF32(std::numeric_limits<float>::lowest()));
}

static bool agree(NodeBuilder &n, Value q, Value k, Value v) {
  if (rankOf(q) == 4 && rankOf(k) == 4 && rankOf(v) == 4) {
    Shape a = shapeOf(q), b = shapeOf(k), c = shapeOf(v);
    if (a[0] == b[0] && a[0] == c[0] && b[1] == c[1] && b[1] > 0 && a[1] % b[1] == 0 &&
        a[3] == b[3] && b[2] == c[2])
      return true;
  }
  n.error() << "expected queries [B, N, S, h], keys [B, M, T, h] and values [B, M, T, e] with N "
               "divisible by M, found "
            << q.getType() << ", " << k.getType() << " and " << v.getType();
  return false;
}

Value quern::legalize::attend(NodeBuilder &n, Value q, Value k, Value v,
                              const ScoreOptions &options) {
  if (!q || !k || !v || !agree(n, q, k, v))
    return nullptr;
  int64_t batch = shapeOf(q)[0], heads = shapeOf(q)[1], queries = shapeOf(q)[2];
  int64_t shared = shapeOf(k)[1], keys = shapeOf(k)[2];
  // The queries of the heads that share one of k are rows of one matrix.
  Dims grouped{batch, shared, heads / shared * queries, shapeOf(q)[3]};
  Value scores = n.matmul(n.reshape(q, grouped), n.transpose(k, {0, 1, 3, 2}));
  scores = scaleBy(n, n.reshape(scores, {batch, heads, queries, keys}), options.scale);
  if (options.softcap > 0) {
    scores = n.unary(UnaryKind::Tanh, scaleBy(n, scores, 1 / options.softcap));
    scores = scaleBy(n, scores, options.softcap);
  }
  for (Value mask : options.add)
    scores = n.binary(BinaryKind::Add, scores, mask);
  if (scores && shapeOf(scores) != Shape({batch, heads, queries, keys}))
    return n.fail("expected masks that broadcast to the scores' [batch, heads, queries, keys]");
  if (options.isCausal)
    scores = hideFuture(n, scores, options.past);
  Value weights = scores ? n.softmax(scores, 3, /*log=*/false) : Value();
  grouped.back() = keys;
  Value result = n.matmul(n.reshape(weights, grouped), v);
  return n.reshape(result, {batch, heads, queries, shapeOf(v)[3]});
}

void quern::legalize::prependPast(NodeBuilder &n, unsigned pastKey, Value &k, Value &v,
                                  ScoreOptions &options) {
  bool hasKey = n.has(pastKey), hasValue = n.has(pastKey + 1);
  if ((!hasKey && !hasValue) || !k || !v)
    return;
  if (!hasKey || !hasValue || rankOf(n.in(pastKey)) != 4 || rankOf(k) != 4 || rankOf(v) != 4) {
    k = n.fail("expected past keys and values of rank 4 together, or none");
    return;
  }
  options.past = shapeOf(n.in(pastKey))[2];
  k = n.concat({n.f32(pastKey), k}, 2);
  v = n.concat({n.f32(pastKey + 1), v}, 2);
}

/// Keys from starts[b] up to ends[b]; `starts` may be null.
static Value maskByCounts(NodeBuilder &n, Value ends, Value starts, int64_t keys, float filter) {
  Type index = n.b.getIntegerType(32, /*isSigned=*/true);
  Dims shape{typeOf(ends).getNumElements(), 1, 1, 1};
  Value position = countOff(n, 0, keys, {keys});
  Value isSeen = n.binary(BinaryKind::Less, position, n.cast(n.reshape(ends, shape), index));
  if (starts)
    isSeen = n.binary(
        BinaryKind::And, isSeen,
        n.binary(BinaryKind::GreaterEqual, position, n.cast(n.reshape(starts, shape), index)));
  return n.select(isSeen, n.scalarF32(0), n.scalarF32(filter));
}

Value quern::legalize::readIntegerMask(NodeBuilder &n, Value mask, int64_t queries, int64_t keys,
                                       int64_t batch, float filter) {
  if (!mask)
    return nullptr;
  Dims shape(shapeOf(mask));
  bool isInteger = elementOf(mask).isSignedInteger(32) || elementOf(mask).isSignedInteger(64);
  if (isInteger && shape.size() == 1 && shape[0] == batch)
    return maskByCounts(n, mask, nullptr, keys, filter);
  if (isInteger && shape.size() == 1 && shape[0] == 2 * batch)
    return maskByCounts(n, n.slice(mask, {0}, {1}, {batch}), n.slice(mask, {batch}, {1}, {batch}),
                        keys, filter);
  bool isSquare = shape.size() == 4 && shape[1] == 1 && shape[2] == shape[3] && shape[3] >= keys &&
                  keys >= queries;
  if (isSquare)
    mask = n.slice(mask, {0, 0, keys - queries, 0}, {1, 1, 1, 1}, {shape[0], 1, queries, keys});
  else if (shape.size() == 2)
    mask = n.reshape(mask, {shape[0], 1, 1, shape[1]});
  else if (shape.size() == 3)
    mask = n.reshape(mask, {shape[0], 1, shape[1], shape[2]});
  else
    isInteger = false;
  if (!isInteger)
    return n.fail(
        "expected an int32 or int64 mask of shape [batch], [2 * batch], [batch, keys], "
        "[batch, queries, keys] or [batch, 1, M, M], found [" +
        llvm::join(llvm::map_range(shape, [](int64_t d) { return std::to_string(d); }), ", ") +
        "]");
  Value zero = n.integers({0}, {}, elementOf(mask));
  return n.select(n.binary(BinaryKind::Greater, mask, zero), n.scalarF32(0), n.scalarF32(filter));
}
