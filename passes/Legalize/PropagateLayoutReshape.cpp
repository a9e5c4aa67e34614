// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "passes/Legalize/ConstantBytes.h"
#include "passes/Legalize/PropagateLayout.h"

using namespace mlir;

namespace quern::layout {

namespace {
/// Dimensions [fromBegin, fromEnd) of one shape that hold the same elements as [toBegin, toEnd) of
/// another.
struct Group {
  int64_t fromBegin, fromEnd, toBegin, toEnd;
};
} // namespace

/// Splits two shapes of equally many elements into the smallest groups that correspond. Trailing
/// dimensions of size 1 go with the last group.
static std::optional<llvm::SmallVector<Group>> groupDimensions(llvm::ArrayRef<int64_t> from,
                                                               llvm::ArrayRef<int64_t> to) {
  llvm::SmallVector<Group> groups;
  auto fromRank = static_cast<int64_t>(from.size());
  auto toRank = static_cast<int64_t>(to.size());
  int64_t i = 0;
  int64_t j = 0;
  while (i < fromRank && j < toRank) {
    Group group{i, i + 1, j, j + 1};
    int64_t left = from[i++];
    int64_t right = to[j++];
    while (left != right) {
      if (left < right && i < fromRank)
        left *= from[i++];
      else if (left > right && j < toRank)
        right *= to[j++];
      else
        return std::nullopt;
    }
    group.fromEnd = i;
    group.toEnd = j;
    groups.push_back(group);
  }
  if (groups.empty() || llvm::is_contained(from, 0))
    return std::nullopt;
  groups.back().fromEnd = fromRank;
  groups.back().toEnd = toRank;
  return groups;
}

std::optional<SunkTranspose> sinkThroughReshape(llvm::ArrayRef<int64_t> from, PermutationRef p,
                                                llvm::ArrayRef<int64_t> to) {
  llvm::SmallVector<int64_t> transposed = permute(from, p);
  auto groups = groupDimensions(transposed, to);
  if (!groups)
    return std::nullopt;
  // Dimensions of size 1 may lie anywhere; the others of a group must be in order and together.
  llvm::SmallVector<std::pair<int64_t, const Group *>> order;
  for (const Group &group : *groups) {
    int64_t first = -1;
    int64_t last = -1;
    for (int64_t i = group.fromBegin; i < group.fromEnd; ++i) {
      if (transposed[i] == 1)
        continue;
      for (int64_t between = last + 1; last >= 0 && between < p[i]; ++between)
        if (from[between] != 1)
          return std::nullopt;
      if (last >= 0 && p[i] < last)
        return std::nullopt;
      last = p[i];
      first = first < 0 ? last : first;
    }
    order.push_back({first < 0 ? p[group.fromBegin] : first, &group});
  }
  llvm::sort(order, [](const auto &a, const auto &b) { return a.first < b.first; });
  SunkTranspose result;
  Permutation inverse;
  for (const auto &[position, group] : order)
    for (int64_t j = group->toBegin; j < group->toEnd; ++j) {
      result.shape.push_back(to[j]);
      inverse.push_back(j);
    }
  result.permutation = invert(inverse);
  return result;
}

/// Elementwise with one tensor operand and no axis: does not care about the shape.
static bool ignoresShape(Operation *op) {
  if (auto quantize = dyn_cast<qir::QuantizeOp>(op))
    return !quantize.getAxis();
  if (auto dequantize = dyn_cast<qir::DequantizeOp>(op))
    return !dequantize.getAxis();
  return isa<qir::UnaryOp, qir::ClampOp, qir::CastOp>(op);
}

/// Walks up from `value` through ops of one user each that ignore shape.
static Value skipElementwise(Value value, llvm::SmallVectorImpl<Operation *> &chain) {
  Operation *op = value.getDefiningOp();
  while (op && value.hasOneUse() && ignoresShape(op)) {
    chain.push_back(op);
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return value;
}

/// Repeats a chain (nearest op last) on a value of another shape.
static Value repeatChain(OpBuilder &builder, Value value, llvm::ArrayRef<Operation *> chain) {
  for (Operation *op : llvm::reverse(chain)) {
    Operation *copy = builder.clone(*op);
    copy->setOperand(0, value);
    copy->getResult(0).setType(
        cast<RankedTensorType>(getType(op->getResult(0)).clone(getType(value).getShape())));
    value = copy->getResult(0);
  }
  return value;
}

/// The right operand with its rows, which were in the order of `flattened` permuted by
/// `permutation`, in the order of `flattened`; null if it is no constant or has row scales.
static Value permuteRows(OpBuilder &builder, qir::MatMulOp matmul,
                         llvm::ArrayRef<int64_t> transposed, PermutationRef permutation) {
  Value rhs = matmul.getRhs();
  auto dequantize = rhs.getDefiningOp<qir::DequantizeOp>();
  qir::ConstantOp constant = getConstant(dequantize ? dequantize.getInput() : rhs);
  RankedTensorType type = getType(rhs);
  int64_t rowAxis = matmul.getTransposeRhs() ? 1 : 0;
  if (!constant || type.getRank() != 2)
    return {};
  if (dequantize && dequantize.getAxis() &&
      (static_cast<int64_t>(*dequantize.getAxis()) == rowAxis || dequantize.getBlockSize()))
    return {};
  // Rows as the transposed tensor's dimensions, brought back into the tensor's own order.
  llvm::SmallVector<int64_t> shape(transposed);
  Permutation back = invert(permutation);
  if (rowAxis == 0) {
    back.push_back(static_cast<int64_t>(shape.size()));
    shape.push_back(type.getDimSize(1));
  } else {
    for (int64_t &dimension : back)
      ++dimension;
    back.insert(back.begin(), 0);
    shape.insert(shape.begin(), type.getDimSize(0));
  }
  qir::ConstantOp rows = reshapeConstant(builder, constant, shape);
  qir::ConstantOp moved = transposeConstant(builder, rows, back);
  qir::ConstantOp codes = reshapeConstant(builder, moved, type.getShape());
  moved.erase();
  rows.erase();
  if (!dequantize)
    return codes;
  Operation *copy = builder.clone(*dequantize);
  copy->setOperand(0, codes);
  return copy->getResult(0);
}

bool foldIntoMatMulRows(OpBuilder &builder, qir::MatMulOp matmul) {
  llvm::SmallVector<Operation *> after;
  llvm::SmallVector<Operation *> before;
  auto reshape = skipElementwise(matmul.getLhs(), after).getDefiningOp<qir::ReshapeOp>();
  if (!reshape || !reshape->hasOneUse())
    return false;
  auto transpose = skipElementwise(reshape.getInput(), before).getDefiningOp<qir::TransposeOp>();
  if (!transpose)
    return false;
  llvm::ArrayRef<int64_t> flat = getType(reshape.getResult()).getShape();
  llvm::ArrayRef<int64_t> transposed = getType(transpose.getResult()).getShape();
  // [N, ...] to [N, K], the batch in its place.
  PermutationRef permutation = transpose.getPermutation();
  if (flat.size() != 2 || transposed.empty() || flat[0] != transposed[0] || permutation[0] != 0)
    return false;
  Permutation inner;
  for (int64_t dimension : permutation.drop_front())
    inner.push_back(dimension - 1);
  builder.setInsertionPoint(matmul);
  Value rhs = permuteRows(builder, matmul, transposed.drop_front(), inner);
  if (!rhs)
    return false;
  Value lhs = repeatChain(builder, transpose.getInput(), before);
  lhs = repeatChain(builder, makeReshape(builder, lhs, flat), after);
  matmul.getLhsMutable().assign(lhs);
  matmul.getRhsMutable().assign(rhs);
  return true;
}

} // namespace quern::layout
