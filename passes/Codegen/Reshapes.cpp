// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/Reshapes.h"

#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/IterationSpace.h"

using namespace mlir;

namespace quern {

bool isOnlyUser(Value value, Operation *user) {
  return llvm::all_of(value.getUsers(), [&](Operation *other) { return other == user; });
}

/// The shape in which the map could read an anchor's result that comes to it through a reshape.
static std::optional<ArrayRef<int64_t>> getShapeBeforeReshape(qir::MapOp map) {
  for (Value input : map.getInputs()) {
    auto reshape = input.getDefiningOp<qir::ReshapeOp>();
    if (!reshape || !isOnlyUser(reshape, map) || !readsAtIdentity(map, input))
      continue;
    Operation *anchor = reshape.getInput().getDefiningOp();
    if (anchor && isAnchorOp(anchor) && reshape.getInput() == anchor->getResult(0) &&
        isOnlyUser(reshape.getInput(), reshape))
      return llvm::cast<RankedTensorType>(reshape.getInput().getType()).getShape();
  }
  return std::nullopt;
}

bool takesPrologue(Operation *anchor) {
  return llvm::isa<qir::SoftmaxOp, qir::LayerNormOp, qir::ReduceOp>(anchor);
}

/// Whether a contraction computes the value, or the map that reads its result at its own index.
static bool comesFromContraction(Value value) {
  Operation *producer = value.getDefiningOp();
  auto isContraction = [](Value operand) {
    return llvm::isa_and_present<qir::ConvOp, qir::MatMulOp>(operand.getDefiningOp());
  };
  auto map = llvm::dyn_cast_if_present<qir::MapOp>(producer);
  return map ? llvm::any_of(
                   map.getInputs(),
                   [&](Value input) { return isContraction(input) && readsAtIdentity(map, input); })
             : isContraction(value);
}

/// The shape in which the map could write its result for an anchor that reads it reshaped.
static std::optional<ArrayRef<int64_t>> getShapeBehindReshape(qir::MapOp map) {
  if (map->getNumResults() != 1 || !map->hasOneUse() || comesFromContraction(map.getResult(0)))
    return std::nullopt;
  auto reshape = llvm::dyn_cast<qir::ReshapeOp>(*map->user_begin());
  if (!reshape || !reshape->hasOneUse() || !takesPrologue(*reshape->user_begin()) ||
      reshape->use_begin()->getOperandNumber() != 0)
    return std::nullopt;
  return llvm::cast<RankedTensorType>(reshape.getType()).getShape();
}

static void moveAroundMaps(RewriterBase &rewriter, Block &block) {
  SmallVector<qir::MapOp> maps(block.getOps<qir::MapOp>());
  for (qir::MapOp map : maps) {
    std::optional<ArrayRef<int64_t>> shape = getShapeBeforeReshape(map);
    if (!shape)
      shape = getShapeBehindReshape(map);
    if (shape)
      (void)changeIterationSpace(rewriter, map, *shape);
  }
}

/// A table looks at each element, a softmax at each row: the shape around those is the producer's.
static void moveBehindFollower(RewriterBase &rewriter, Operation *follower) {
  auto reshape = follower->getOperand(0).getDefiningOp<qir::ReshapeOp>();
  if (!reshape || !reshape->hasOneUse() || !comesFromContraction(reshape.getInput()))
    return;
  auto from = llvm::cast<RankedTensorType>(reshape.getInput().getType());
  auto to = llvm::cast<RankedTensorType>(reshape.getType());
  bool keepsRows =
      from.getRank() > 0 && to.getRank() > 0 && from.getShape().back() == to.getShape().back();
  if (llvm::isa<qir::SoftmaxOp>(follower) && !keepsRows)
    return;
  rewriter.setInsertionPoint(follower);
  Operation *moved = rewriter.clone(*follower);
  moved->setOperand(0, reshape.getInput());
  auto result = llvm::cast<RankedTensorType>(follower->getResult(0).getType());
  moved->getResult(0).setType(RankedTensorType::get(from.getShape(), result.getElementType()));
  rewriter.replaceOp(
      follower, qir::ReshapeOp::create(rewriter, follower->getLoc(), result, moved->getResult(0))
                    .getResult());
}

static void mergeReshapes(RewriterBase &rewriter, Block &block) {
  SmallVector<qir::ReshapeOp> reshapes(block.getOps<qir::ReshapeOp>());
  for (qir::ReshapeOp reshape : reshapes) {
    if (auto inner = reshape.getInput().getDefiningOp<qir::ReshapeOp>())
      reshape.setOperand(inner.getInput());
    if (reshape.getInput().getType() == reshape.getType())
      rewriter.replaceOp(reshape, reshape.getInput());
  }
  for (qir::ReshapeOp reshape : llvm::make_early_inc_range(block.getOps<qir::ReshapeOp>()))
    if (reshape.use_empty())
      rewriter.eraseOp(reshape);
}

void moveReshapes(RewriterBase &rewriter, Block &block) {
  moveAroundMaps(rewriter, block);
  mergeReshapes(rewriter, block);
  SmallVector<Operation *> followers;
  for (Operation &op : block)
    if (llvm::isa<qir::TableOp, qir::SoftmaxOp>(op))
      followers.push_back(&op);
  for (Operation *follower : followers)
    moveBehindFollower(rewriter, follower);
  // What reads a follower may have to follow it.
  moveAroundMaps(rewriter, block);
  mergeReshapes(rewriter, block);
}

} // namespace quern
