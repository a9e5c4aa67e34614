// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fused attention operators of com.microsoft, as ONNX Runtime's optimizer writes them.

#include "passes/Legalize/Onnx/Attention.h"
#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;

/// The attribute `scale`, by default (and where it is 0) 1 / sqrt(head size).
static float readScale(NodeBuilder &n, int64_t headSize) {
  float scale = n.node.getFloat("scale", 0.0f);
  return scale != 0.0f ? scale : 1.0f / std::sqrt(static_cast<float>(headSize));
}

/// The widths of the projections to queries, keys and values in weights of `columns` columns.
static std::optional<Dims> readWidths(NodeBuilder &n, int64_t columns, int64_t heads) {
  Dims widths(3, columns / 3);
  if (auto given = n.node.getInts("qkv_hidden_sizes"))
    widths.assign(given->begin(), given->end());
  bool isSplit = widths.size() == 3 && widths[0] == widths[1] && heads > 0;
  int64_t sum = 0;
  for (int64_t width : widths) {
    isSplit = isSplit && width > 0 && width <= columns && width % heads == 0;
    sum += isSplit ? width : 0;
  }
  if (isSplit && sum == columns)
    return widths;
  n.error() << "expected weights whose " << columns << " columns are queries, keys (as wide) and "
            << "values of " << heads << " heads, found widths [" << widths << "]";
  return std::nullopt;
}

/// x times a part of the weights, plus that part of the bias: as a plain export has it, one product
/// each for queries, keys and values.
static Value project(NodeBuilder &n, Value x, Value weights, Value bias, int64_t start,
                     int64_t width) {
  Value y = n.matmul(x, n.sliceStored(weights, 1, start, width));
  return bias ? n.binary(BinaryKind::Add, y, n.sliceStored(bias, 0, start, width)) : y;
}

/// Attention over one input with its projections; `mask` is the integer one and may be null.
static LogicalResult finishSelfAttention(NodeBuilder &n, Value x, Value weights, Value bias,
                                         Value mask, Value add) {
  if (!x || !weights)
    return failure();
  if (rankOf(x) != 3 || rankOf(weights) != 2 ||
      (bias && shapeOf(bias) != Shape({shapeOf(weights)[1]})))
    return n.error() << "expected an input [batch, sequence, size], weights [size, columns] and a "
                        "bias [columns], found "
                     << x.getType() << " and " << weights.getType();
  int64_t heads = n.node.getInt("num_heads", 0), batch = shapeOf(x)[0], length = shapeOf(x)[1];
  auto widths = readWidths(n, shapeOf(weights)[1], heads);
  if (!widths)
    return failure();
  SmallVector<Value> parts;
  int64_t start = 0;
  for (int64_t width : *widths) {
    parts.push_back(splitHeads(n, project(n, x, weights, bias, start, width), heads));
    start += width;
  }
  ScoreOptions options;
  options.scale = readScale(n, widths->front() / heads);
  options.isCausal = n.node.getInt("unidirectional", 0) != 0;
  if (mask)
    options.add.push_back(readIntegerMask(n, mask, length, length, batch,
                                          n.node.getFloat("mask_filter_value", -10000.0f)));
  if (add)
    options.add.push_back(add);
  return n.finish(mergeHeads(n, attend(n, parts[0], parts[1], parts[2], options)));
}

static LogicalResult rejectState(NodeBuilder &n, ArrayRef<unsigned> inputs) {
  for (unsigned i : inputs)
    if (n.has(i))
      return n.error() << "expected no past keys and values, found '" << n.nameOf(n.in(i))
                       << "'; nearest supported form: MultiHeadAttention with past_key and "
                          "past_value";
  if (n.node.getInt("do_rotary", 0))
    return n.error() << "expected do_rotary = 0, found 1; nearest supported form: RotaryEmbedding "
                        "before the node";
  return success();
}

/// input, weights, bias, mask_index, past, attention_bias, past_sequence_length.
static LogicalResult buildAttention(NodeBuilder &n) {
  if (failed(rejectState(n, {4, 6})))
    return failure();
  Value bias = n.has(2) ? n.f32(2) : Value(), add = n.has(5) ? n.f32(5) : Value();
  if ((n.has(2) && !bias) || (n.has(5) && !add))
    return failure();
  return finishSelfAttention(n, n.f32(0), n.f32(1), bias, n.in(3), add);
}

/// Codes of input and weights: input, weights, bias, their scales, mask_index, their zero points.
static LogicalResult buildQAttention(NodeBuilder &n) {
  if (failed(rejectState(n, {8})))
    return failure();
  Value input = n.in(0), weights = n.in(1);
  auto inputParams = n.params(input, elementOf(input), n.in(3), n.in(6), 0);
  auto weightParams = n.params(weights, elementOf(weights), n.in(4), n.in(7), 1);
  Value bias = n.f32(2);
  if (!inputParams || !weightParams || !bias)
    return failure();
  return finishSelfAttention(n, n.dequantize(input, *inputParams, n.siteOf(input)),
                             n.dequantize(weights, *weightParams, n.siteOf(weights)), bias, n.in(5),
                             nullptr);
}

namespace {

/// Queries, keys and values of MultiHeadAttention, [B, N, S or T, h].
struct Operands {
  Value q, k, v;
};

} // namespace

/// The part of a bias for queries, keys and values together that starts at `start`.
static Value addBias(NodeBuilder &n, Value x, int64_t start) {
  if (!n.has(3) || !x)
    return x;
  Value bias = n.f32(3);
  int64_t width = shapeOf(x).back();
  if (!bias || rankOf(bias) != 1 || shapeOf(bias)[0] < start + width)
    return bias ? n.fail("expected a bias that covers queries, keys and values") : Value();
  return n.binary(BinaryKind::Add, x, n.sliceStored(bias, 0, start, width));
}

/// Takes [B, S, N, count, h] apart, which holds `count` of queries, keys and values.
static Value unpackHeads(NodeBuilder &n, Value packed, int64_t index) {
  return n.transpose(
      n.reshape(n.sliceStored(packed, 3, index, 1),
                {shapeOf(packed)[0], shapeOf(packed)[1], shapeOf(packed)[2], shapeOf(packed)[4]}),
      {0, 2, 1, 3});
}

static bool isPacked(Value x, int64_t heads, int64_t count) {
  return rankOf(x) == 5 && shapeOf(x)[2] == heads && shapeOf(x)[3] == count;
}

static std::optional<Operands> readOperands(NodeBuilder &n, int64_t heads) {
  Value query = n.f32(0), key = n.has(1) ? n.f32(1) : Value(),
        value = n.has(2) ? n.f32(2) : Value();
  if (!query || (n.has(1) && !key) || (n.has(2) && !value))
    return std::nullopt;
  Operands result;
  bool isWhole = isPacked(query, heads, 3) && !key && !value && !n.has(3);
  if (isWhole) {
    result = {unpackHeads(n, query, 0), unpackHeads(n, query, 1), unpackHeads(n, query, 2)};
  } else if (rankOf(query) == 3 && key) {
    int64_t size = shapeOf(query)[2];
    result.q = splitHeads(n, addBias(n, query, 0), heads);
    if (!value && isPacked(key, heads, 2) && !n.has(3))
      result = {result.q, unpackHeads(n, key, 0), unpackHeads(n, key, 1)};
    else if (value && rankOf(key) == 4 && rankOf(value) == 4 && !n.has(3))
      result = {result.q, key, value};
    else if (value && rankOf(key) == 3 && rankOf(value) == 3)
      result = {result.q, splitHeads(n, addBias(n, key, size), heads),
                splitHeads(n, addBias(n, value, 2 * size), heads)};
  }
  if (result.q && result.k && result.v)
    return result;
  if (!result.q || !key)
    n.error() << "expected query, key and value of [batch, sequence, size] or [batch, heads, "
                 "sequence, size], or packed as [batch, sequence, heads, 3, size] without bias";
  return std::nullopt;
}

/// query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value.
static LogicalResult buildMultiHeadAttention(NodeBuilder &n) {
  if (n.has(8) || n.has(9))
    return n.error() << "expected no past_sequence_length and no cache_indirection";
  int64_t heads = n.node.getInt("num_heads", 0);
  auto operands = readOperands(n, heads);
  if (!operands)
    return failure();
  auto [q, k, v] = *operands;
  ScoreOptions options;
  prependPast(n, 6, k, v, options);
  if (!k || !v)
    return failure();
  options.scale = readScale(n, shapeOf(q)[3]);
  options.isCausal = n.node.getInt("unidirectional", 0) != 0;
  if (n.has(4))
    options.add.push_back(readIntegerMask(n, n.in(4), shapeOf(q)[2], shapeOf(k)[2], shapeOf(q)[0],
                                          n.node.getFloat("mask_filter_value", -10000.0f)));
  if (n.has(5))
    options.add.push_back(n.f32(5));
  Value y = mergeHeads(n, attend(n, q, k, v, options));
  return y ? n.finish({y, k, v}) : failure();
}

void quern::legalize::addMicrosoftAttentionRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {microsoft, "Attention", 1, latest, 2,
                 "do_rotary mask_filter_value num_heads past_present_share_buffer "
                 "qkv_hidden_sizes rotary_embedding_dim scale unidirectional",
                 buildAttention},
                {microsoft, "QAttention", 1, latest, 5,
                 "do_rotary mask_filter_value num_heads past_present_share_buffer scale "
                 "unidirectional",
                 buildQAttention},
                {microsoft, "MultiHeadAttention", 1, latest, 1,
                 "mask_filter_value num_heads scale unidirectional", buildMultiHeadAttention},
            });
}
