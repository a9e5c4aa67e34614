// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over axes that are an attribute (older schemas) or an input; places of extreme values;
// cumulative sums.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::ReduceKind;
using qir::UnaryKind;

/// Sorted and counted from the front.
static std::optional<Dims> readAxes(NodeBuilder &n, int64_t rank) {
  Dims given;
  if (auto attribute = n.node.getInts("axes")) {
    given.assign(attribute->begin(), attribute->end());
  } else if (n.has(1)) {
    auto input = n.ints(1, "the axes");
    if (!input)
      return std::nullopt;
    given = *input;
  }
  if (given.empty() && n.node.getInt("noop_with_empty_axes", 0))
    return Dims();
  if (given.empty())
    return countUp(0, rank);
  for (int64_t &axis : given) {
    auto position = n.axis(axis, rank);
    if (!position)
      return std::nullopt;
    axis = *position;
  }
  llvm::sort(given);
  given.erase(llvm::unique(given), given.end());
  return given;
}

static Value reduceNode(NodeBuilder &n, ReduceKind kind, Value x) {
  if (!x)
    return nullptr;
  auto axes = readAxes(n, rankOf(x));
  return axes ? n.reduce(kind, x, *axes, n.node.getInt("keepdims", 1) != 0) : nullptr;
}

static Value number(NodeBuilder &n, Value x) {
  return llvm::isa<FloatType>(elementOf(x)) ? n.f32(x) : x;
}

template <ReduceKind kind> static LogicalResult buildReduce(NodeBuilder &n) {
  return n.finish(reduceNode(n, kind, number(n, n.in(0))));
}

static LogicalResult buildReduceL1(NodeBuilder &n) {
  return n.finish(reduceNode(n, ReduceKind::Sum, n.unary(UnaryKind::Abs, n.f32(0))));
}

static Value sumSquares(NodeBuilder &n) {
  Value x = n.f32(0);
  return reduceNode(n, ReduceKind::Sum, n.binary(BinaryKind::Mul, x, x));
}

static LogicalResult buildReduceSumSquare(NodeBuilder &n) { return n.finish(sumSquares(n)); }

static LogicalResult buildReduceL2(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::Sqrt, sumSquares(n)));
}

static LogicalResult buildReduceLogSum(NodeBuilder &n) {
  return n.finish(n.unary(UnaryKind::Log, reduceNode(n, ReduceKind::Sum, n.f32(0))));
}

/// max + log(sum(exp(x - max))): no exponential overflows.
static LogicalResult buildReduceLogSumExp(NodeBuilder &n) {
  Value x = n.f32(0);
  auto axes = x ? readAxes(n, rankOf(x)) : std::nullopt;
  if (!axes)
    return failure();
  Value top = n.reduce(ReduceKind::Max, x, *axes, /*keep=*/true);
  Value shifted = n.unary(UnaryKind::Exp, n.binary(BinaryKind::Sub, x, top));
  Value sum = n.unary(UnaryKind::Log, n.reduce(ReduceKind::Sum, shifted, *axes, /*keep=*/true));
  Value result = n.binary(BinaryKind::Add, top, sum);
  if (!result || n.node.getInt("keepdims", 1))
    return n.finish(result);
  Dims shape;
  for (auto [d, size] : llvm::enumerate(shapeOf(x)))
    if (!llvm::is_contained(*axes, static_cast<int64_t>(d)))
      shape.push_back(size);
  return n.finish(n.reshape(result, shape));
}

/// The numbers 0, 1, … along one axis, to broadcast over the others.
static Value countAlong(NodeBuilder &n, int64_t axis, int64_t rank, int64_t count) {
  Dims shape(rank, 1);
  shape[axis] = count;
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return n.floats(numbers, shape);
}

/// The place of the extreme value: the smallest (or with select_last_index the largest) index whose
/// element equals it; of a slice of NaNs the last index (or the first). Indices are floats until
/// the end, exact up to 2^24: there are kernels for their extremes.
template <ReduceKind kind> static LogicalResult buildArg(NodeBuilder &n) {
  Value x = number(n, n.in(0));
  auto axis = x ? n.axis(n.node.getInt("axis", 0), rankOf(x)) : std::nullopt;
  if (!axis)
    return failure();
  int64_t count = shapeOf(x)[*axis];
  if (count < 1 || count > 1 << 24)
    return n.error() << "expected from 1 to 2^24 elements along the axis, found " << count;
  bool last = n.node.getInt("select_last_index", 0) != 0;
  Value isBest = n.binary(BinaryKind::Equal, x, n.reduce(kind, x, {*axis}, /*keep=*/true));
  Value places = n.select(isBest, countAlong(n, *axis, rankOf(x), count),
                          n.scalarF32(last ? 0.0f : static_cast<float>(count - 1)));
  Value place = n.reduce(last ? ReduceKind::Max : ReduceKind::Min, places, {*axis},
                         n.node.getInt("keepdims", 1) != 0);
  return n.finish(n.cast(place, n.b.getIntegerType(64, /*isSigned=*/true)));
}

/// The tensor moved along an axis by `distance`, forward or (if `reverse`) backward, zeros coming
/// in.
static Value shift(NodeBuilder &n, Value x, int64_t axis, int64_t distance, bool reverse) {
  if (!x)
    return nullptr;
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x)), low(rankOf(x), 0), high = low;
  sizes[axis] -= distance;
  starts[axis] = reverse ? distance : 0;
  (reverse ? high : low)[axis] = distance;
  Value zero = elementOf(x).isF32() ? n.scalarF32(0) : n.integers({0}, {}, elementOf(x));
  return n.pad(n.slice(x, starts, steps, sizes), zero, low, high);
}

/// By doubling: adding the sums moved by 1, 2, 4, … covers all elements before each.
static LogicalResult buildCumSum(NodeBuilder &n) {
  Value x = number(n, n.in(0));
  auto given = x ? n.scalar(1, "the axis") : std::nullopt;
  auto axis = given ? n.axis(static_cast<int64_t>(*given), rankOf(x)) : std::nullopt;
  if (!axis)
    return failure();
  bool reverse = n.node.getInt("reverse", 0) != 0;
  int64_t count = shapeOf(x)[*axis];
  if (n.node.getInt("exclusive", 0) && count > 0)
    x = shift(n, x, *axis, 1, reverse);
  for (int64_t distance = 1; x && distance < count; distance *= 2)
    x = n.binary(BinaryKind::Add, x, shift(n, x, *axis, distance, reverse));
  return n.finish(x);
}

void quern::legalize::addReductionRows(Rows &rows) {
  constexpr llvm::StringLiteral names = "axes keepdims noop_with_empty_axes";
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "ReduceSum", 1, latest, 1, names, buildReduce<ReduceKind::Sum>},
                {onnxDomain, "ReduceMean", 1, latest, 1, names, buildReduce<ReduceKind::Mean>},
                {onnxDomain, "ReduceMax", 1, latest, 1, names, buildReduce<ReduceKind::Max>},
                {onnxDomain, "ReduceMin", 1, latest, 1, names, buildReduce<ReduceKind::Min>},
                {onnxDomain, "ReduceProd", 1, latest, 1, names, buildReduce<ReduceKind::Prod>},
                {onnxDomain, "ReduceL1", 1, latest, 1, names, buildReduceL1},
                {onnxDomain, "ReduceL2", 1, latest, 1, names, buildReduceL2},
                {onnxDomain, "ReduceSumSquare", 1, latest, 1, names, buildReduceSumSquare},
                {onnxDomain, "ReduceLogSum", 1, latest, 1, names, buildReduceLogSum},
                {onnxDomain, "ReduceLogSumExp", 1, latest, 1, names, buildReduceLogSumExp},
                {onnxDomain, "ArgMax", 1, latest, 1, "axis keepdims select_last_index",
                 buildArg<ReduceKind::Max>},
                {onnxDomain, "ArgMin", 1, latest, 1, "axis keepdims select_last_index",
                 buildArg<ReduceKind::Min>},
                {onnxDomain, "CumSum", 11, latest, 2, "exclusive reverse", buildCumSum},
            });
}
