// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/PropagateLayoutRegion.h"

#include "dialects/Quern/ConstantData.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace quern::layout {

// Costs are elements moved, not bytes: between a dequantize and a quantize a value will be codes.
// The factors only break ties.
/// A transpose at the function's edge fuses into the first or last kernel.
static constexpr double edgeFactor = 0.98;
/// A transpose that stays where it is.
static constexpr double keepFactor = 0.99;
/// A transpose that goes on below the reshape that uses it, where it may meet its inverse.
static constexpr double sinkFactor = 0.97;

static double elements(Value value) { return static_cast<double>(getType(value).getNumElements()); }

/// The shape with leading dimensions of size 1, as broadcasting sees it.
static llvm::SmallVector<int64_t> expandShape(llvm::ArrayRef<int64_t> shape, int64_t rank) {
  llvm::SmallVector<int64_t> expanded(rank - shape.size(), 1);
  llvm::append_range(expanded, shape);
  return expanded;
}

static bool isScalarLike(Value value) { return getType(value).getNumElements() == 1; }

LayoutRegion::LayoutRegion(std::vector<Operation *> regionOps)
    : ops(std::move(regionOps)), rank(getType(ops.front()->getResult(0)).getRank()) {
  members.insert(ops.begin(), ops.end());
  for (Operation *op : ops) {
    for (OpOperand &operand : op->getOpOperands()) {
      Operation *definition = operand.get().getDefiningOp();
      bool isInside = definition && contains(definition);
      if (isLayoutOperand(operand) && !isInside && !getConstant(operand.get()))
        entries.insert(operand.get());
    }
    Value result = op->getResult(0);
    if (llvm::any_of(result.getUses(), [&](OpOperand &use) {
          return !contains(use.getOwner()) || !isLayoutOperand(use);
        }))
      exits.insert(result);
  }
}

std::vector<Permutation> LayoutRegion::getCandidates() const {
  std::vector<Permutation> candidates;
  auto add = [&](Permutation candidate) {
    if (!llvm::is_contained(candidates, candidate))
      candidates.push_back(std::move(candidate));
  };
  Permutation identity(rank);
  for (int64_t d = 0; d < rank; ++d)
    identity[d] = d;
  add(identity);
  for (Value value : entries)
    if (auto transpose = value.getDefiningOp<qir::TransposeOp>())
      if (getType(value).getRank() == rank)
        add(invert(transpose.getPermutation()));
  for (Value value : exits)
    for (Operation *user : value.getUsers())
      if (auto transpose = dyn_cast<qir::TransposeOp>(user))
        add(Permutation(transpose.getPermutation()));
  return candidates;
}

double LayoutRegion::entryCost(Value value, PermutationRef layout) const {
  RankedTensorType type = getType(value);
  if (isScalarLike(value))
    return 0;
  auto transpose = value.getDefiningOp<qir::TransposeOp>();
  if (!transpose || type.getRank() != rank) {
    double factor = isa<BlockArgument>(value) ? edgeFactor : 1.0;
    bool isFree = keepsOrder(layout, expandShape(type.getShape(), rank));
    return isFree ? 0 : factor * elements(value);
  }
  Permutation total = compose(transpose.getPermutation(), layout);
  if (keepsOrder(total, getType(transpose.getInput()).getShape()))
    return 0;
  if (!isIdentity(layout))
    return elements(value);
  // Left as it is; for nothing where others need it all the same.
  bool isShared = llvm::any_of(value.getUsers(), [&](Operation *user) {
    return !contains(user) && !isa<qir::TransposeOp>(user);
  });
  double factor = isa<BlockArgument>(transpose.getInput()) ? edgeFactor : keepFactor;
  return isShared ? 0 : factor * elements(value);
}

/// What a transpose by `back` of a value of `shape` costs, in elements of the value, when a reshape
/// is its user: nothing if it can pass the reshape and meets its inverse there.
static double reshapeFactor(qir::ReshapeOp reshape, llvm::ArrayRef<int64_t> shape,
                            PermutationRef back) {
  auto sunk = sinkThroughReshape(shape, back, getType(reshape.getResult()).getShape());
  if (!sunk)
    return 1.0;
  bool meetsInverse = llvm::all_of(reshape->getUsers(), [&](Operation *user) {
    auto transpose = dyn_cast<qir::TransposeOp>(user);
    return transpose &&
           keepsOrder(compose(sunk->permutation, transpose.getPermutation()), sunk->shape);
  });
  return meetsInverse ? 0.0 : sinkFactor;
}

double LayoutRegion::exitCost(Value value, PermutationRef layout) const {
  llvm::SmallVector<int64_t> shape = permute(getType(value).getShape(), layout);
  Permutation back = invert(layout);
  double cost = 0;
  double plain = 0; // of the untransposed value, if anybody wants that
  std::vector<Permutation> counted;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (contains(user) && isLayoutOperand(use))
      continue;
    if (auto transpose = dyn_cast<qir::TransposeOp>(user)) {
      Permutation total = compose(back, transpose.getPermutation());
      if (keepsOrder(total, shape) || llvm::is_contained(counted, total))
        continue;
      cost += (isIdentity(layout) ? keepFactor : 1.0) * elements(value);
      counted.push_back(total);
      continue;
    }
    if (keepsOrder(back, shape))
      continue;
    double factor = user->hasTrait<OpTrait::IsTerminator>() ? edgeFactor : 1.0;
    if (auto reshape = dyn_cast<qir::ReshapeOp>(user))
      factor = reshapeFactor(reshape, shape, back);
    plain = std::max(plain, factor * elements(value));
  }
  return cost + plain;
}

double LayoutRegion::costOf(PermutationRef layout) const {
  double cost = 0;
  for (Value value : entries)
    cost += entryCost(value, layout);
  for (Value value : exits)
    cost += exitCost(value, layout);
  return cost;
}

Permutation LayoutRegion::chooseLayout() const {
  std::vector<Permutation> candidates = getCandidates();
  Permutation best = candidates.front();
  double bestCost = costOf(best);
  for (const Permutation &candidate : llvm::ArrayRef(candidates).drop_front()) {
    double cost = costOf(candidate);
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}

/// An operand from outside, stored in the region's layout.
Value LayoutRegion::enter(OpBuilder &builder, Value value, PermutationRef layout) const {
  RankedTensorType type = getType(value);
  if (isScalarLike(value) && type.getRank() < rank)
    return value;
  if (type.getRank() == rank)
    return makeTranspose(builder, value, layout);
  Value expanded = makeReshape(builder, value, expandShape(type.getShape(), rank));
  return makeTranspose(builder, expanded, layout);
}

/// A constant that is broadcast needs no leading dimensions of size 1: a bias is then [C] again.
static Value dropLeadingOnes(OpBuilder &builder, Value value) {
  llvm::ArrayRef<int64_t> shape = getType(value).getShape();
  return makeReshape(builder, value, shape.drop_while([](int64_t size) { return size == 1; }));
}

/// Whether a constant operand may lose leading dimensions: another operand has the result's rank.
static bool broadcastsConstants(Operation *op) {
  if (!isa<qir::BinaryOp, qir::SelectOp>(op))
    return false;
  int64_t rank = getType(op->getResult(0)).getRank();
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return !getConstant(operand) && getType(operand).getRank() == rank;
  });
}

void LayoutRegion::rewrite(PermutationRef layout) {
  llvm::DenseMap<Value, Value> stored;
  for (Operation *op : ops) {
    OpBuilder builder(op);
    llvm::SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isLayoutOperand(operand)) {
        operands.push_back(value);
        continue;
      }
      if (!stored.contains(value))
        stored[value] = enter(builder, value, layout);
      bool shortens = getConstant(value) && broadcastsConstants(op);
      operands.push_back(shortens ? dropLeadingOnes(builder, stored[value]) : stored[value]);
    }
    Operation *rebuilt = rebuildInLayout(builder, op, operands, layout);
    stored[op->getResult(0)] = rebuilt->getResult(0);
  }
  Permutation back = invert(layout);
  for (Operation *op : llvm::reverse(ops)) {
    OpBuilder builder(op);
    // What is left are the uses outside: users inside have been erased.
    Value result = op->getResult(0);
    if (!result.use_empty())
      result.replaceAllUsesWith(makeTranspose(builder, stored[result], back));
    op->erase();
  }
}

/// Which ops must take one layout: producer and consumer, and consumers of one value.
static void connect(Operation &op, llvm::EquivalenceClasses<Operation *> &classes,
                    llvm::DenseMap<Value, Operation *> &consumers) {
  classes.insert(&op);
  int64_t rank = getType(op.getResult(0)).getRank();
  for (OpOperand &operand : op.getOpOperands()) {
    Value value = operand.get();
    if (!isLayoutOperand(operand) || getConstant(value) || getType(value).getRank() != rank)
      continue;
    Operation *definition = value.getDefiningOp();
    if (definition && isLayoutAgnostic(definition))
      classes.unionSets(&op, definition);
    auto [consumer, isNew] = consumers.try_emplace(value, &op);
    if (!isNew)
      classes.unionSets(&op, consumer->second);
  }
}

std::vector<std::vector<Operation *>> collectRegions(Block &block) {
  llvm::EquivalenceClasses<Operation *> classes;
  llvm::DenseMap<Value, Operation *> consumers;
  llvm::SmallVector<Operation *> agnostic;
  for (Operation &op : block) {
    if (!isLayoutAgnostic(&op))
      continue;
    connect(op, classes, consumers);
    agnostic.push_back(&op);
  }
  llvm::MapVector<Operation *, std::vector<Operation *>> byLeader;
  for (Operation *op : agnostic)
    byLeader[classes.getLeaderValue(op)].push_back(op);
  std::vector<std::vector<Operation *>> regions;
  for (auto &[leader, ops] : byLeader)
    regions.push_back(std::move(ops));
  return regions;
}

} // namespace quern::layout
