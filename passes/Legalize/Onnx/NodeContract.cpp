// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"
#include "passes/Legalize/Onnx/NodeBuilder.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

/// Integers that no reduction takes: one half of an axis is combined with the other until one
/// element is left.
static Value reduceByHalves(NodeBuilder &n, qir::BinaryKind kind, Value x, Shape axes) {
  for (int64_t axis : axes) {
    if (x && shapeOf(x)[axis] < 1)
      return n.fail("expected at least one element along axis " + llvm::Twine(axis));
    Value rest; // what is left over where a size is odd
    while (x && shapeOf(x)[axis] > 1) {
      int64_t size = shapeOf(x)[axis], half = size / 2;
      if (size % 2) {
        Value odd = n.sliceStored(x, axis, size - 1, 1);
        rest = rest ? n.binary(kind, rest, odd) : odd;
      }
      x = n.binary(kind, n.sliceStored(x, axis, 0, half), n.sliceStored(x, axis, half, half));
    }
    x = rest ? n.binary(kind, x, rest) : x;
  }
  return x;
}

static std::optional<qir::BinaryKind> combine(qir::ReduceKind kind) {
  switch (kind) {
  case qir::ReduceKind::Sum:
    return qir::BinaryKind::Add;
  case qir::ReduceKind::Prod:
    return qir::BinaryKind::Mul;
  case qir::ReduceKind::Max:
    return qir::BinaryKind::Max;
  case qir::ReduceKind::Min:
    return qir::BinaryKind::Min;
  case qir::ReduceKind::Mean:
    return std::nullopt;
  }
  return std::nullopt;
}

Value NodeBuilder::reduce(qir::ReduceKind kind, Value x, Shape axes, bool keep) {
  if (!x)
    return nullptr;
  Type in = elementOf(x);
  bool isExtreme = kind == qir::ReduceKind::Max || kind == qir::ReduceKind::Min;
  bool isWide = !in.isF32() && !(isExtreme && qir::isCode8(in)); // wider than codes, or summed
  if (isWide && !combine(kind)) {
    error() << "expected f32, found " << in << "; nearest supported form: Cast to float before";
    return nullptr;
  }
  Dims kept(shapeOf(x)), dropped;
  for (int64_t axis : axes)
    kept[axis] = 1;
  for (auto [d, size] : llvm::enumerate(kept))
    if (!llvm::is_contained(axes, static_cast<int64_t>(d)))
      dropped.push_back(size);
  Value result = x;
  if (isWide)
    result = reduceByHalves(*this, *combine(kind), x, axes);
  else if (!axes.empty())
    result = qir::ReduceOp::create(b, RankedTensorType::get(kept, in), kind, x, axes).getResult();
  return keep ? result : reshape(result, dropped);
}

/// Adds leading dimensions of size 1.
static Value raiseRank(NodeBuilder &n, Value x, int64_t rank) {
  Dims shape(rank - rankOf(x), 1);
  llvm::append_range(shape, shapeOf(x));
  return n.reshape(x, shape);
}

static Value multiply(NodeBuilder &n, Value lhs, Value rhs) {
  int64_t rank = std::max(rankOf(lhs), rankOf(rhs));
  lhs = raiseRank(n, lhs, rank);
  if (rankOf(rhs) != 2)
    rhs = raiseRank(n, rhs, rank);
  FailureOr<Dims> batch = Dims(shapeOf(lhs).drop_back(2));
  if (rankOf(rhs) == rank)
    batch = qir::broadcastShapes({*batch, shapeOf(rhs).drop_back(2)});
  int64_t k = shapeOf(lhs).back(), rhsK = shapeOf(rhs)[rankOf(rhs) - 2];
  if (failed(batch) || k != rhsK) {
    n.error() << "expected matrices that agree in the reduced dimension and whose batch dimensions "
                 "broadcast, found "
              << lhs.getType() << " and " << rhs.getType();
    return nullptr;
  }
  batch->append({shapeOf(lhs)[rank - 2], shapeOf(rhs).back()});
  return qir::MatMulOp::create(n.b, RankedTensorType::get(*batch, n.b.getF32Type()), Type(), Type(),
                               lhs, rhs, /*transpose_rhs=*/false)
      .getResult();
}

Value NodeBuilder::matmul(Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return nullptr;
  if (rankOf(lhs) == 0 || rankOf(rhs) == 0) {
    error() << "expected operands of rank >= 1, found " << lhs.getType() << " and "
            << rhs.getType();
    return nullptr;
  }
  bool isRow = rankOf(lhs) == 1, isColumn = rankOf(rhs) == 1;
  if (isRow)
    lhs = reshape(lhs, {1, shapeOf(lhs)[0]});
  if (isColumn)
    rhs = reshapeStored(rhs, {shapeOf(rhs)[0], 1});
  Value result = multiply(*this, lhs, rhs);
  if (!result || (!isRow && !isColumn))
    return result;
  Dims shape(shapeOf(result));
  if (isRow)
    shape.erase(shape.end() - 2);
  if (isColumn)
    shape.pop_back();
  return reshape(result, shape);
}

/// The permutation that swaps `axis` with the last dimension: its own inverse.
static Dims swapWithLast(int64_t axis, int64_t rank) {
  Dims permutation = countUp(0, rank);
  std::swap(permutation[axis], permutation[rank - 1]);
  return permutation;
}

Value NodeBuilder::softmax(Value x, int64_t axis, bool log) {
  if (!x)
    return nullptr;
  Dims permutation = swapWithLast(axis, rankOf(x));
  Value moved = transpose(x, permutation);
  Value result = qir::SoftmaxOp::create(b, moved.getType(), moved, log).getResult();
  return transpose(result, permutation);
}
