// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over axes that are an attribute (older schemas) or an input.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

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
            });
}
