// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalizations and softmax.

#include "passes/Legalize/Onnx/Normalization.h"

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

/// The dimension with the channels brought last, and back.
static Dims moveToLast(int64_t axis, int64_t rank) {
  Dims permutation;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      permutation.push_back(d);
  permutation.push_back(axis);
  return permutation;
}

static Dims invert(Shape permutation) {
  Dims inverse(permutation.size());
  for (auto [to, from] : llvm::enumerate(permutation))
    inverse[from] = to;
  return inverse;
}

/// x * m + a with m = scale / sqrt(var + epsilon) and a = bias - mean * m, channels last.
static LogicalResult buildBatchNormalization(NodeBuilder &n) {
  if (n.node.getInt("training_mode", 0) || !n.node.getInt("spatial", 1))
    return n.error() << "expected inference with spatial = 1, found training_mode or spatial = 0";
  Value x = n.f32(0), scale = n.f32(1), bias = n.f32(2), mean = n.f32(3), var = n.f32(4);
  if (!x || !scale || !bias || !mean || !var)
    return failure();
  if (rankOf(x) < 2)
    return n.error() << "expected an input of rank >= 2, found " << x.getType();
  float epsilon = n.node.getFloat("epsilon", 1e-5f);
  Value deviation = n.unary(UnaryKind::Sqrt, n.binary(BinaryKind::Add, var, epsilon));
  Value factor = n.binary(BinaryKind::Div, scale, deviation);
  Value offset = n.binary(BinaryKind::Sub, bias, n.binary(BinaryKind::Mul, mean, factor));
  Dims permutation = moveToLast(1, rankOf(x));
  Value y = n.binary(BinaryKind::Mul, n.transpose(x, permutation), factor);
  y = n.binary(BinaryKind::Add, y, offset);
  return n.finish(n.transpose(y, invert(permutation)));
}

static Value layerNorm(NodeBuilder &n, Value x, Value scale, Value bias, float epsilon, bool rms) {
  return qir::LayerNormOp::create(n.b, x.getType(), x, scale, bias, llvm::APFloat(epsilon), rms)
      .getResult();
}

Value quern::legalize::normalizeFrom(NodeBuilder &n, Value x, Value scale, Value bias,
                                     int64_t axisIndex, float epsilon, bool rms) {
  if (!x || !scale)
    return nullptr;
  auto axis = n.axis(axisIndex, rankOf(x));
  if (!axis)
    return nullptr;
  Dims shape(shapeOf(x)), normal(Shape(shape).drop_front(*axis));
  Dims flat(Shape(shape).take_front(*axis));
  flat.push_back(product(normal));
  scale = n.reshapeStored(n.broadcast(scale, normal), {flat.back()});
  if (bias)
    bias = n.reshapeStored(n.broadcast(bias, normal), {flat.back()});
  Value input = n.reshape(x, flat);
  if (!input || !scale)
    return nullptr;
  return n.reshape(layerNorm(n, input, scale, bias, epsilon, rms), shape);
}

static LogicalResult buildLayerNormalization(NodeBuilder &n) {
  Value bias = n.has(2) ? n.f32(2) : Value();
  if (n.has(2) && !bias)
    return failure();
  return n.finish(normalizeFrom(n, n.f32(0), n.f32(1), bias, n.node.getInt("axis", -1),
                                n.node.getFloat("epsilon", 1e-5f), /*rms=*/false));
}

static LogicalResult buildRmsNormalization(NodeBuilder &n) {
  return n.finish(normalizeFrom(n, n.f32(0), n.f32(1), nullptr, n.node.getInt("axis", -1),
                                n.node.getFloat("epsilon", 1e-5f), /*rms=*/true));
}

/// input, skip, gamma, beta (not with rms), bias; the last output is the sum that is normalized.
template <bool rms> static LogicalResult buildSkipNormalization(NodeBuilder &n) {
  Value sum = n.binary(BinaryKind::Add, n.f32(0), n.f32(1));
  unsigned biasIndex = rms ? 3 : 4;
  if (n.has(biasIndex))
    sum = n.binary(BinaryKind::Add, sum, n.f32(biasIndex));
  Value beta = !rms && n.has(3) ? n.f32(3) : Value();
  Value y = normalizeFrom(n, sum, n.f32(2), beta, -1, n.node.getFloat("epsilon", 1e-12f), rms);
  for (unsigned i : {1u, 2u})
    if (i < n.node.getNumResults() && !n.node.getResult(i).use_empty())
      return n.error() << "expected output " << i
                       << " to be unused; nearest supported form: "
                          "outputs 0 and 3";
  if (n.node.getNumResults() < 4 || n.node.getResult(3).use_empty())
    return n.finish(y);
  n.node.getResult(3).replaceAllUsesWith(sum);
  return n.finish(y);
}

/// Normalizes each of `groups` groups of channels of [N, C, ...] without scale and bias.
static Value normalizeGroups(NodeBuilder &n, Value x, int64_t groups, float epsilon) {
  Dims shape(shapeOf(x));
  int64_t size = product(shape) / (shape[0] * groups);
  Value flat = n.reshape(x, {shape[0], groups, size});
  if (!flat)
    return nullptr;
  Value ones = n.floats(std::vector<float>(size, 1.0f), {size});
  return n.reshape(layerNorm(n, flat, ones, nullptr, epsilon, /*rms=*/false), shape);
}

/// A list with one value for each channel of [N, C, ...], to broadcast over the rest.
static Value perChannel(NodeBuilder &n, Value list, int64_t rank) {
  if (!list)
    return nullptr;
  Dims shape(rank - 1, 1);
  shape[0] = typeOf(list).getNumElements();
  return n.reshapeStored(list, shape);
}

static LogicalResult buildGroups(NodeBuilder &n, int64_t groups) {
  Value x = n.f32(0), scale = n.f32(1), bias = n.f32(2);
  if (!x || !scale || !bias)
    return failure();
  if (rankOf(x) < 3 || groups < 1 || shapeOf(x)[1] % groups != 0 || shapeOf(x)[0] < 1)
    return n.error() << "expected [N, C, ...] with C divisible by " << groups << " groups, found "
                     << x.getType();
  Value y = normalizeGroups(n, x, groups, n.node.getFloat("epsilon", 1e-5f));
  // Schema 18 of GroupNormalization has one scale for each group.
  int64_t each = shapeOf(x)[1] / std::max<int64_t>(typeOf(scale).getNumElements(), 1);
  if (each > 1)
    return n.error() << "expected one scale for each of " << shapeOf(x)[1] << " channels, found "
                     << scale.getType()
                     << "; nearest supported form: GroupNormalization of opset 21";
  y = n.binary(BinaryKind::Mul, y, perChannel(n, scale, rankOf(x)));
  return n.finish(n.binary(BinaryKind::Add, y, perChannel(n, bias, rankOf(x))));
}

static LogicalResult buildInstanceNormalization(NodeBuilder &n) {
  return rankOf(n.in(0)) < 3 ? buildGroups(n, 0) : buildGroups(n, shapeOf(n.in(0))[1]);
}

static LogicalResult buildGroupNormalization(NodeBuilder &n) {
  return buildGroups(n, n.node.getInt("num_groups", 0));
}

/// x / (bias + alpha / size * s) ^ beta, s being the sum of squares over `size` channels around
/// each.
static LogicalResult buildLrn(NodeBuilder &n) {
  Value x = n.f32(0);
  int64_t size = n.node.getInt("size", 0);
  if (!x)
    return failure();
  if (rankOf(x) < 2 || size < 1 || size > 256)
    return n.error() << "expected rank >= 2 and a size from 1 to 256, found " << x.getType()
                     << " and " << size;
  Dims permutation = moveToLast(1, rankOf(x)), low(rankOf(x), 0), high = low;
  low.back() = (size - 1) / 2;
  high.back() = size / 2;
  Value input = n.transpose(x, permutation);
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), shape(shapeOf(input));
  Value squares = n.pad(n.binary(BinaryKind::Mul, input, input), n.scalarF32(0), low, high), sum;
  for (int64_t i = 0; i < size && squares; ++i) {
    starts.back() = i;
    Value part = n.slice(squares, starts, steps, shape);
    sum = sum ? n.binary(BinaryKind::Add, sum, part) : part;
  }
  float alpha = n.node.getFloat("alpha", 1e-4f) / static_cast<float>(size);
  Value base = n.binary(BinaryKind::Mul, sum, alpha);
  base = n.binary(BinaryKind::Add, base, n.node.getFloat("bias", 1.0f));
  Value factor = n.binary(BinaryKind::Pow, base, n.node.getFloat("beta", 0.75f));
  return n.finish(n.transpose(n.binary(BinaryKind::Div, input, factor), invert(permutation)));
}

template <bool log> static LogicalResult buildSoftmax(NodeBuilder &n) {
  Value x = n.f32(0);
  if (!x)
    return failure();
  auto axis = n.axis(n.node.getInt("axis", -1), rankOf(x));
  return axis ? n.finish(n.softmax(x, *axis, log)) : failure();
}

/// Before schema 13: over all dimensions from `axis` on, flattened.
template <bool log> static LogicalResult buildFlatSoftmax(NodeBuilder &n) {
  Value x = n.f32(0);
  if (!x)
    return failure();
  auto axis = n.axis(n.node.getInt("axis", 1), rankOf(x), /*end=*/true);
  if (!axis)
    return failure();
  Dims shape(shapeOf(x));
  int64_t rows = product(Shape(shape).take_front(*axis));
  Value flat = n.reshape(x, {rows, product(Shape(shape).drop_front(*axis))});
  return n.finish(n.reshape(n.softmax(flat, 1, log), shape));
}

void quern::legalize::addNormalizationRows(Rows &rows) {
  llvm::append_range(rows,
                     std::initializer_list<Row>{
                         {onnxDomain, "BatchNormalization", 7, latest, 5,
                          "epsilon momentum spatial training_mode", buildBatchNormalization},
                         {onnxDomain, "LayerNormalization", 1, latest, 2, "axis epsilon stash_type",
                          buildLayerNormalization},
                         {onnxDomain, "RMSNormalization", 23, latest, 2, "axis epsilon stash_type",
                          buildRmsNormalization},
                         {onnxDomain, "SimplifiedLayerNormalization", 1, latest, 2,
                          "axis epsilon stash_type", buildRmsNormalization},
                         {microsoft, "SkipLayerNormalization", 1, latest, 3, "epsilon",
                          buildSkipNormalization<false>},
                         {microsoft, "SkipSimplifiedLayerNormalization", 1, latest, 3, "epsilon",
                          buildSkipNormalization<true>},
                         {onnxDomain, "InstanceNormalization", 6, latest, 3, "epsilon",
                          buildInstanceNormalization},
                         {onnxDomain, "GroupNormalization", 18, latest, 3,
                          "epsilon num_groups stash_type", buildGroupNormalization},
                         {onnxDomain, "LRN", 1, latest, 1, "alpha beta bias size", buildLrn},
                         {onnxDomain, "Softmax", 1, 12, 1, "axis", buildFlatSoftmax<false>},
                         {onnxDomain, "Softmax", 13, latest, 1, "axis", buildSoftmax<false>},
                         {onnxDomain, "LogSoftmax", 1, 12, 1, "axis", buildFlatSoftmax<true>},
                         {onnxDomain, "LogSoftmax", 13, latest, 1, "axis", buildSoftmax<true>},
                     });
}
