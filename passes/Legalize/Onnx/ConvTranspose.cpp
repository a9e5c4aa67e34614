// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A transposed convolution is a convolution of the input with zeros between its elements, by the
// weights turned around.

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

/// Larger windows and pads make no sense; the limit keeps sums and products of them exact.
static constexpr int64_t longest = 1 << 20;

/// The sizes of a node, one for each spatial dimension.
struct Geometry {
  Dims strides, dilations, outputPadding;
  Dims before, after; ///< pads, which the result loses
};

static std::optional<Dims> readList(NodeBuilder &n, llvm::StringRef name, size_t count, int64_t low,
                                    int64_t fallback) {
  Dims values(count, fallback);
  if (auto given = n.node.getInts(name))
    values.assign(given->begin(), given->end());
  auto isLegal = [=](int64_t value) { return value >= low && value <= longest; };
  if (values.size() == count && llvm::all_of(values, isLegal))
    return values;
  n.error() << "expected attribute '" << name << "' with " << count << " values from " << low
            << " to " << longest << ", found [" << values << "]";
  return std::nullopt;
}

/// Divides what `output_shape` or auto_pad SAME leave over between the two ends.
static void padToShape(NodeBuilder &n, Geometry &geometry, Shape spatial, Shape kernel,
                       Shape wanted) {
  bool upper = n.node.getString("auto_pad", "NOTSET") == "SAME_UPPER";
  for (size_t d = 0; d < spatial.size(); ++d) {
    int64_t whole = (spatial[d] - 1) * geometry.strides[d] + geometry.outputPadding[d] +
                    (kernel[d] - 1) * geometry.dilations[d] + 1;
    int64_t total = whole - wanted[d];
    int64_t smaller = total >= 0 ? total / 2 : -((-total + 1) / 2);
    geometry.before[d] = upper ? smaller : total - smaller;
    geometry.after[d] = total - geometry.before[d];
  }
}

static std::optional<Geometry> readGeometry(NodeBuilder &n, Shape spatial, Shape kernel) {
  size_t count = spatial.size();
  auto strides = readList(n, "strides", count, 1, 1);
  auto dilations = readList(n, "dilations", count, 1, 1);
  auto outputPadding = readList(n, "output_padding", count, 0, 0);
  auto pads = readList(n, "pads", 2 * count, 0, 0);
  if (!strides || !dilations || !outputPadding || !pads)
    return std::nullopt;
  Geometry geometry{*strides, *dilations, *outputPadding, Dims(Shape(*pads).take_front(count)),
                    Dims(Shape(*pads).drop_front(count))};
  llvm::StringRef mode = n.node.getString("auto_pad", "NOTSET");
  Dims wanted;
  if (n.node.getInts("output_shape")) {
    auto given = readList(n, "output_shape", count, 1, 1);
    if (!given)
      return std::nullopt;
    wanted = *given;
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    for (auto [size, stride] : llvm::zip(spatial, *strides))
      wanted.push_back(size * stride);
  } else if (mode == "VALID") {
    geometry.before.assign(count, 0);
    geometry.after.assign(count, 0);
  } else if (mode != "NOTSET" && !mode.empty()) {
    n.error() << "expected auto_pad NOTSET, SAME_UPPER, SAME_LOWER or VALID, found " << mode;
    return std::nullopt;
  }
  if (!wanted.empty())
    padToShape(n, geometry, spatial, kernel, wanted);
  return geometry;
}

/// [N, H, W, C] with stride - 1 zeros between rows and columns.
static Value spread(NodeBuilder &n, Value x, Shape strides) {
  Dims shape(shapeOf(x));
  if (strides[0] == 1 && strides[1] == 1)
    return x;
  x = n.reshape(x, {shape[0], shape[1], 1, shape[2], 1, shape[3]});
  x = n.pad(x, n.scalarF32(0), {0, 0, 0, 0, 0, 0}, {0, 0, strides[0] - 1, 0, strides[1] - 1, 0});
  x = n.reshape(x, {shape[0], shape[1] * strides[0], shape[2] * strides[1], shape[3]});
  return n.slice(
      x, {0, 0, 0, 0}, {1, 1, 1, 1},
      {shape[0], (shape[1] - 1) * strides[0] + 1, (shape[2] - 1) * strides[1] + 1, shape[3]});
}

/// Reverses dimensions of a stored value below its dequantize (never along its axis) or cast, so
/// that the codes stay constant.
static Value reverseStored(NodeBuilder &n, Value x, Shape axes) {
  if (!x)
    return nullptr;
  Operation *op = x.getDefiningOp();
  if (auto dequantize = llvm::dyn_cast_or_null<qir::DequantizeOp>(op);
      dequantize && NodeBuilder::isStored(x) && !dequantize.getBlockSize()) {
    Value codes = reverseStored(n, dequantize.getInput(), axes);
    return codes ? qir::DequantizeOp::create(n.b, x.getType(), codes, dequantize.getScale(),
                                             dequantize.getZeroPoint(), dequantize.getCodebook(),
                                             dequantize.getAxisAttr(), IntegerAttr(),
                                             dequantize.getSiteAttr())
                       .getResult()
                 : Value();
  }
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1);
  for (int64_t axis : axes) {
    starts[axis] = shapeOf(x)[axis] - 1;
    steps[axis] = -1;
  }
  return qir::SliceOp::create(n.b, x.getType(), x, starts, steps).getResult();
}

/// [C, M / groups, H, W] to the weights [M, H, W, C / groups] of the convolution.
static Value turnWeights(NodeBuilder &n, Value weights, int64_t groups) {
  Dims shape(shapeOf(weights));
  weights = reverseStored(n, weights, {2, 3});
  if (groups == 1)
    return n.transposeStored(weights, {1, 2, 3, 0});
  int64_t inputs = shape[0] / groups;
  weights = n.reshapeStored(weights, {groups, inputs, shape[1], shape[2], shape[3]});
  weights = n.transposeStored(weights, {0, 2, 3, 4, 1});
  return n.reshapeStored(weights, {groups * shape[1], shape[2], shape[3], inputs});
}

static bool checkShapes(NodeBuilder &n, Value x, Value weights, Value bias, int64_t groups) {
  int64_t rank = rankOf(x);
  bool legal = (rank == 3 || rank == 4) && rankOf(weights) == rank && groups >= 1 &&
               shapeOf(x)[1] == shapeOf(weights)[0] && shapeOf(x)[1] % groups == 0;
  if (legal && (!bias || shapeOf(bias) == Shape({shapeOf(weights)[1] * groups})) &&
      llvm::all_of(shapeOf(x).drop_front(2), [](int64_t size) { return size >= 1; }) &&
      llvm::all_of(shapeOf(weights), [](int64_t size) { return size >= 1 && size <= longest; }))
    return true;
  auto diagnostic = n.error();
  diagnostic
      << "expected an input [N, C, ...] with 1 or 2 spatial dimensions, weights [C, M / group, "
         "...] and a bias [M], found "
      << x.getType() << ", " << weights.getType();
  if (bias)
    diagnostic << " and " << bias.getType();
  diagnostic << " with group " << groups;
  return false;
}

/// Cuts rows and columns off where more is padded than the windows reach over; the rest are pads of
/// the convolution.
static Value crop(NodeBuilder &n, Value x, Dims &pads) {
  Dims starts{0, std::max<int64_t>(-pads[0], 0), std::max<int64_t>(-pads[1], 0), 0};
  Dims sizes(shapeOf(x));
  for (int d : {0, 1}) {
    sizes[1 + d] -= starts[1 + d] + std::max<int64_t>(-pads[2 + d], 0);
    if (sizes[1 + d] < 1)
      return n.fail("expected pads that leave something of the input");
  }
  for (int64_t &pad : pads)
    pad = std::max<int64_t>(pad, 0);
  return n.slice(x, starts, {1, 1, 1, 1}, sizes);
}

static Value convolveTransposed(NodeBuilder &n, Value x, Value weights, Value bias) {
  int64_t groups = n.node.getInt("group", 1), spatialRank = rankOf(x) - 2;
  if (!checkShapes(n, x, weights, bias, groups))
    return nullptr;
  Shape kernel = shapeOf(weights).drop_front(2);
  if (auto given = n.node.getInts("kernel_shape"); given && *given != kernel)
    return n.fail("expected kernel_shape to be that of the weights");
  auto geometry = readGeometry(n, shapeOf(x).drop_front(2), kernel);
  if (!geometry)
    return nullptr;
  // One dimension is two, the first of size 1.
  Dims size(kernel), shape(shapeOf(weights));
  if (spatialRank == 1) {
    for (Dims *list : {&geometry->strides, &geometry->dilations, &size})
      list->insert(list->begin(), 1);
    for (Dims *list : {&geometry->outputPadding, &geometry->before, &geometry->after})
      list->insert(list->begin(), 0);
    weights = n.reshapeStored(weights, {shape[0], shape[1], 1, shape[2]});
  }
  Dims pads(4), result{shapeOf(x)[0], 0, 0, shape[1] * groups};
  Value input = spread(n, toChannelsLast(n, x), geometry->strides);
  if (!input)
    return nullptr;
  for (int d : {0, 1}) {
    int64_t reach = (size[d] - 1) * geometry->dilations[d];
    pads[d] = reach - geometry->before[d];
    pads[2 + d] = reach - geometry->after[d] + geometry->outputPadding[d];
    result[1 + d] = shapeOf(input)[1 + d] + pads[d] + pads[2 + d] - reach;
    if (result[1 + d] < 1)
      return n.fail("expected pads that leave something of the result");
  }
  input = crop(n, input, pads);
  Value filter = turnWeights(n, weights, groups);
  if (!input || !filter || !n.fits(result))
    return nullptr;
  auto type = RankedTensorType::get(result, n.b.getF32Type());
  Value y = qir::ConvOp::create(n.b, type, Type(), input, filter, /*pad_value=*/Value(), Dims{1, 1},
                                pads, geometry->dilations, groups)
                .getResult();
  if (bias)
    y = n.binary(qir::BinaryKind::Add, y, bias);
  return toChannelsFirst(n, y, spatialRank);
}

static LogicalResult buildConvTranspose(NodeBuilder &n) {
  Value x = n.f32(0), weights = n.f32(1), bias = n.has(2) ? n.f32(2) : Value();
  if (!x || !weights || (n.has(2) && !bias))
    return failure();
  return n.finish(convolveTransposed(n, x, weights, bias));
}

void quern::legalize::addConvTransposeRows(Rows &rows) {
  rows.push_back({onnxDomain, "ConvTranspose", 1, latest, 2,
                  "auto_pad dilations group kernel_shape output_padding output_shape pads strides",
                  buildConvTranspose});
}
