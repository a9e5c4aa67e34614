// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/IterationSpace.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace quern {

static RankedTensorType tensorOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static AffineMap getInputMap(qir::MapOp map, unsigned input) {
  return llvm::cast<AffineMapAttr>(map.getMaps()[input]).getValue();
}

bool readsAtIdentity(qir::MapOp map, unsigned input) {
  auto type = tensorOf(map.getInputs()[input]);
  if (type.getShape() != tensorOf(map.getResult(0)).getShape())
    return false;
  for (auto [index, expr] : llvm::enumerate(getInputMap(map, input).getResults())) {
    auto dimension = llvm::dyn_cast<AffineDimExpr>(expr);
    bool same = dimension && dimension.getPosition() == index;
    auto constant = llvm::dyn_cast<AffineConstantExpr>(expr);
    bool only = type.getDimSize(index) == 1 && constant && constant.getValue() == 0;
    if (!same && !only)
      return false;
  }
  return true;
}

bool readsAtIdentity(qir::MapOp map, Value value) {
  bool found = false;
  for (auto [index, input] : llvm::enumerate(map.getInputs())) {
    if (input != value)
      continue;
    found = true;
    if (!readsAtIdentity(map, index))
      return false;
  }
  return found;
}

AffineMap getReadMap(Operation *op) {
  MLIRContext *context = op->getContext();
  SmallVector<AffineExpr> exprs;
  auto dim = [&](int64_t index) { return getAffineDimExpr(index, context); };
  unsigned rank = op->getNumResults() == 1 ? tensorOf(op->getResult(0)).getRank() : 0;
  if (auto transpose = llvm::dyn_cast<qir::TransposeOp>(op)) {
    exprs.resize(rank);
    for (auto [index, source] : llvm::enumerate(transpose.getPermutation()))
      exprs[source] = dim(index);
  } else if (auto slice = llvm::dyn_cast<qir::SliceOp>(op)) {
    for (unsigned i = 0; i < rank; ++i)
      exprs.push_back(dim(i) * slice.getSteps()[i] + slice.getStarts()[i]);
  } else if (auto broadcast = llvm::dyn_cast<qir::BroadcastOp>(op)) {
    ArrayRef<int64_t> shape = tensorOf(broadcast.getInput()).getShape();
    for (auto [index, size] : llvm::enumerate(shape))
      exprs.push_back(size == 1 ? getAffineConstantExpr(0, context)
                                : dim(rank - shape.size() + index));
  } else {
    return {};
  }
  return AffineMap::get(rank, 0, exprs, context);
}

static qir::MapOp makeCopy(OpBuilder &builder, Location location, Value value,
                           RankedTensorType type, AffineMap map) {
  auto copy = qir::MapOp::create(builder, location, TypeRange{type}, value,
                                 builder.getAffineMapArrayAttr({map}), nullptr);
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&copy.getBody());
  body->addArgument(getComputeType(type.getElementType()), location);
  qir::YieldOp::create(builder, location, body->getArguments());
  return copy;
}

qir::MapOp makeCopy(OpBuilder &builder, Location location, Value value) {
  auto type = RankedTensorType::get(tensorOf(value).getShape(), tensorOf(value).getElementType());
  return makeCopy(builder, location, value, type, builder.getMultiDimIdentityMap(type.getRank()));
}

void replaceByCopy(RewriterBase &rewriter, Operation *op) {
  rewriter.setInsertionPoint(op);
  qir::MapOp copy = makeCopy(rewriter, op->getLoc(), op->getOperand(0), tensorOf(op->getResult(0)),
                             getReadMap(op));
  rewriter.replaceOp(op, copy.getResults());
}

namespace {

/// Runs of dimensions of two shapes that hold the same elements.
struct Group {
  SmallVector<int64_t> before, after; ///< dimensions of size > 1
};

/// What an input becomes: its new shape and the new map.
struct NewInput {
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> exprs;
};

} // namespace

/// Pairs the shapes' dimensions into the smallest groups of equal products.
static SmallVector<Group> groupDimensions(ArrayRef<int64_t> before, ArrayRef<int64_t> after) {
  SmallVector<Group> groups;
  size_t i = 0, j = 0;
  auto take = [](ArrayRef<int64_t> shape, size_t &index, SmallVector<int64_t> &dims,
                 int64_t &product) {
    if (shape[index] != 1)
      dims.push_back(index);
    product *= shape[index++];
  };
  while (i < before.size() || j < after.size()) {
    Group group;
    int64_t left = 1, right = 1;
    if (i < before.size())
      take(before, i, group.before, left);
    if (j < after.size())
      take(after, j, group.after, right);
    while (left != right) {
      if (left < right && i < before.size())
        take(before, i, group.before, left);
      else if (right < left && j < after.size())
        take(after, j, group.after, right);
      else
        return {};
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

/// The group's dimensions where the input reads them at `position`, all of them in order and in
/// full.
static bool readsWholeGroup(AffineMap map, RankedTensorType type, ArrayRef<int64_t> space,
                            const Group &group, unsigned position) {
  for (int64_t dimension : group.before) {
    while (position < map.getNumResults() && type.getDimSize(position) == 1 &&
           space[dimension] != 1)
      ++position;
    if (position >= map.getNumResults() || type.getDimSize(position) != space[dimension])
      return false;
    auto expr = llvm::dyn_cast<AffineDimExpr>(map.getResult(position++));
    if (!expr || expr.getPosition() != dimension)
      return false;
  }
  return true;
}

/// How an input that is read through `map` over `space` is read over `shape`.
static FailureOr<NewInput> regroup(AffineMap map, RankedTensorType type, ArrayRef<int64_t> space,
                                   ArrayRef<int64_t> shape, ArrayRef<Group> groups) {
  MLIRContext *context = map.getContext();
  NewInput result;
  for (unsigned position = 0; position < map.getNumResults();) {
    AffineExpr expr = map.getResult(position);
    auto dimension = llvm::dyn_cast<AffineDimExpr>(expr);
    bool still =
        llvm::isa<AffineConstantExpr>(expr) || (dimension && space[dimension.getPosition()] == 1);
    if (still) {
      bool constant = llvm::isa<AffineConstantExpr>(expr);
      result.shape.push_back(type.getDimSize(position++));
      result.exprs.push_back(constant ? expr : getAffineConstantExpr(0, context));
      continue;
    }
    if (!dimension)
      return failure();
    const Group *group = llvm::find_if(groups, [&](const Group &candidate) {
      return !candidate.before.empty() && candidate.before.front() == dimension.getPosition();
    });
    if (group == groups.end() || !readsWholeGroup(map, type, space, *group, position))
      return failure();
    for (int64_t index : group->after) {
      result.shape.push_back(shape[index]);
      result.exprs.push_back(getAffineDimExpr(index, context));
    }
    for (size_t left = group->before.size(); left > 0; ++position)
      left -= type.getDimSize(position) != 1;
  }
  return result;
}

/// At its own index an input takes the whole new shape, dimensions of size 1 included.
static NewInput regroupIdentity(ArrayRef<int64_t> shape, MLIRContext *context) {
  NewInput result;
  result.shape.assign(shape.begin(), shape.end());
  for (size_t index = 0; index < shape.size(); ++index)
    result.exprs.push_back(getAffineDimExpr(index, context));
  return result;
}

static Value reshapeTo(RewriterBase &rewriter, Location location, Value value,
                       ArrayRef<int64_t> shape) {
  if (auto reshape = value.getDefiningOp<qir::ReshapeOp>())
    value = reshape.getInput();
  auto type = tensorOf(value);
  if (type.getShape() == shape)
    return value;
  auto result = RankedTensorType::get(shape, type.getElementType());
  return qir::ReshapeOp::create(rewriter, location, result, value);
}

static void rebuild(RewriterBase &rewriter, qir::MapOp map, ArrayRef<int64_t> shape,
                    ArrayRef<NewInput> plans) {
  rewriter.setInsertionPoint(map);
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (auto [input, plan] : llvm::zip(map.getInputs(), plans)) {
    inputs.push_back(reshapeTo(rewriter, map.getLoc(), input, plan.shape));
    maps.push_back(AffineMap::get(shape.size(), 0, plan.exprs, rewriter.getContext()));
  }
  SmallVector<Type> types;
  for (Value result : map.getResults())
    types.push_back(RankedTensorType::get(shape, tensorOf(result).getElementType()));
  auto changed = qir::MapOp::create(rewriter, map.getLoc(), types, inputs,
                                    rewriter.getAffineMapArrayAttr(maps), map.getSiteAttr());
  changed->setDiscardableAttrs(map->getDiscardableAttrDictionary());
  rewriter.inlineRegionBefore(map.getBody(), changed.getBody(), changed.getBody().begin());
  SmallVector<Value> results;
  for (auto [old, result] : llvm::zip(map.getResults(), changed.getResults()))
    results.push_back(
        qir::ReshapeOp::create(rewriter, map.getLoc(), old.getType(), result).getResult());
  rewriter.replaceOp(map, results);
}

LogicalResult changeIterationSpace(RewriterBase &rewriter, qir::MapOp map,
                                   ArrayRef<int64_t> shape) {
  SmallVector<int64_t> space(tensorOf(map.getResult(0)).getShape());
  SmallVector<Group> groups = groupDimensions(space, shape);
  SmallVector<NewInput> plans;
  for (auto [index, input] : llvm::enumerate(map.getInputs())) {
    if (readsAtIdentity(map, index)) {
      plans.push_back(regroupIdentity(shape, map.getContext()));
      continue;
    }
    auto plan = regroup(getInputMap(map, index), tensorOf(input), space, shape, groups);
    if (failed(plan))
      return failure();
    plans.push_back(std::move(*plan));
  }
  rebuild(rewriter, map, shape, plans);
  return success();
}

} // namespace quern
