// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/MapFusion.h"

#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace quern {

AffineMap inputMap(qir::MapOp map, unsigned input) {
  return llvm::cast<AffineMapAttr>(map.getMaps()[input]).getValue();
}

bool keepsValues(qir::MapOp map) {
  return llvm::all_of(map.getResults(), [](Value result) {
    Type type = elementOf(result);
    return type.isInteger() || type.isF32() || type.isF64();
  });
}

static SmallVector<int64_t> withoutUnits(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> dims;
  for (auto [index, size] : llvm::enumerate(shape))
    if (size != 1)
      dims.push_back(index);
  return dims;
}

bool isReadInOrder(qir::MapOp map, unsigned input) {
  ArrayRef<int64_t> from = tensorOf(map.getInputs()[input]).getShape();
  ArrayRef<int64_t> space = tensorOf(map.getResult(0)).getShape();
  SmallVector<int64_t> read = withoutUnits(from), walked = withoutUnits(space);
  if (read.size() != walked.size())
    return false;
  for (auto [source, dim] : llvm::zip(read, walked)) {
    auto expr = llvm::dyn_cast<AffineDimExpr>(inputMap(map, input).getResult(source));
    if (!expr || expr.getPosition() != dim || from[source] != space[dim])
      return false;
  }
  return true;
}

/// to_code(x) + c is to_code(x) with everything moved by c: what a change of sign asks for.
static void moveCodes(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto add = llvm::dyn_cast<arith::AddIOp>(op);
    APInt constant;
    if (!add || !matchPattern(add.getRhs(), m_ConstantInt(&constant)))
      continue;
    auto code = add.getLhs().getDefiningOp<qir::ToCodeOp>();
    if (!code || !code->hasOneUse())
      continue;
    auto change = static_cast<int32_t>(constant.getSExtValue());
    auto plus = [&](uint32_t value) { return static_cast<int32_t>(value) + change; };
    code.setZeroPoint(plus(code.getZeroPoint()));
    code.setLo(plus(code.getLo()));
    code.setHi(plus(code.getHi()));
    add.replaceAllUsesWith(code.getResult());
    add.erase();
  }
}

static qir::MapOp replaceMap(MapBuilder &map, qir::MapOp old, const IRMapping &mapping) {
  SmallVector<Value> yields;
  for (Value value : old.getBody().front().getTerminator()->getOperands())
    yields.push_back(mapping.lookup(value));
  SmallVector<Type> elements;
  for (Value result : old.getResults())
    elements.push_back(elementOf(result));
  qir::MapOp result = map.finish(yields, elements, old.getSiteAttr());
  result->setDiscardableAttrs(old->getDiscardableAttrDictionary());
  moveCodes(result.getBody().front());
  eraseDeadOps(result.getBody().front());
  OpBuilder builder(old);
  for (auto [from, to] : llvm::zip(old.getResults(), result.getResults())) {
    Value value = to;
    if (from.getType() != to.getType())
      value = qir::ReshapeOp::create(builder, old.getLoc(), from.getType(), to);
    from.replaceAllUsesWith(value);
  }
  old.erase();
  return result;
}

static void cloneBody(MapBuilder &map, qir::MapOp source, IRMapping &mapping) {
  for (Operation &op : source.getBody().front().without_terminator())
    map.body().clone(op, mapping);
}

/// The producer's yielded values where it is read through `at`.
static SmallVector<Value> cloneProducer(MapBuilder &map, qir::MapOp producer, AffineMap at) {
  IRMapping mapping;
  Block &block = producer.getBody().front();
  for (auto [index, input] : llvm::enumerate(producer.getInputs()))
    mapping.map(block.getArgument(index), map.read(input, inputMap(producer, index).compose(at)));
  cloneBody(map, producer, mapping);
  SmallVector<Value> values;
  for (Value value : block.getTerminator()->getOperands())
    values.push_back(mapping.lookup(value));
  return values;
}

qir::MapOp fuseInto(qir::MapOp producer, qir::MapOp consumer) {
  OpBuilder builder(consumer);
  MapBuilder map(builder, consumer.getLoc(), tensorOf(consumer.getResult(0)).getShape());
  llvm::MapVector<AffineMap, SmallVector<Value>> clones;
  IRMapping mapping;
  for (auto [index, input] : llvm::enumerate(consumer.getInputs())) {
    Value argument = consumer.getBody().getArgument(index);
    AffineMap at = inputMap(consumer, index);
    if (input.getDefiningOp() != producer) {
      mapping.map(argument, map.read(input, at));
      continue;
    }
    SmallVector<Value> &values = clones[at];
    if (values.empty())
      values = cloneProducer(map, producer, at);
    mapping.map(argument, values[llvm::cast<OpResult>(input).getResultNumber()]);
  }
  cloneBody(map, consumer, mapping);
  return replaceMap(map, consumer, mapping);
}

/// The index in `from` as a function of the index in `to` when the shapes differ by dimensions of
/// size 1 only; else null.
static AffineMap matchUnits(ArrayRef<int64_t> from, ArrayRef<int64_t> to, MLIRContext *context) {
  SmallVector<int64_t> source = withoutUnits(from), target = withoutUnits(to);
  if (source.size() != target.size())
    return {};
  SmallVector<AffineExpr> exprs(from.size(), getAffineConstantExpr(0, context));
  for (auto [s, t] : llvm::zip(source, target)) {
    if (from[s] != to[t])
      return {};
    exprs[s] = getAffineDimExpr(t, context);
  }
  return AffineMap::get(to.size(), 0, exprs, context);
}

qir::MapOp changeSpace(qir::MapOp old, ArrayRef<int64_t> shape) {
  OpBuilder builder(old);
  AffineMap index = matchUnits(tensorOf(old.getResult(0)).getShape(), shape, builder.getContext());
  MapBuilder map(builder, old.getLoc(), shape);
  IRMapping mapping;
  for (auto [position, input] : llvm::enumerate(old.getInputs()))
    mapping.map(old.getBody().getArgument(position),
                map.read(input, inputMap(old, position).compose(index)));
  cloneBody(map, old, mapping);
  return replaceMap(map, old, mapping);
}

/// The operand's index as a function of the result's; null for other ops.
static AffineMap readLayoutOp(Operation *op) {
  if (auto reshape = llvm::dyn_cast<qir::ReshapeOp>(op))
    return matchUnits(tensorOf(reshape.getInput()).getShape(),
                      tensorOf(reshape.getResult()).getShape(), op->getContext());
  MLIRContext *context = op->getContext();
  SmallVector<AffineExpr> exprs;
  unsigned rank = tensorOf(op->getResult(0)).getRank();
  if (auto transpose = llvm::dyn_cast<qir::TransposeOp>(op)) {
    exprs.resize(rank);
    for (auto [index, source] : llvm::enumerate(transpose.getPermutation()))
      exprs[source] = getAffineDimExpr(index, context);
  } else if (auto slice = llvm::dyn_cast<qir::SliceOp>(op)) {
    for (unsigned d = 0; d < rank; ++d)
      exprs.push_back(getAffineDimExpr(d, context) * slice.getSteps()[d] + slice.getStarts()[d]);
  } else if (auto broadcast = llvm::dyn_cast<qir::BroadcastOp>(op)) {
    ArrayRef<int64_t> shape = tensorOf(broadcast.getInput()).getShape();
    for (auto [index, size] : llvm::enumerate(shape))
      exprs.push_back(size == 1 ? getAffineConstantExpr(0, context)
                                : getAffineDimExpr(rank - shape.size() + index, context));
  } else {
    return {};
  }
  return AffineMap::get(rank, 0, exprs, context);
}

qir::MapOp foldLayoutOps(qir::MapOp consumer) {
  SmallVector<std::pair<Value, AffineMap>> reads;
  bool changed = false;
  for (auto [index, input] : llvm::enumerate(consumer.getInputs())) {
    Value value = input;
    AffineMap at = inputMap(consumer, index);
    while (Operation *op = value.getDefiningOp()) {
      AffineMap through = op->getNumResults() == 1 ? readLayoutOp(op) : AffineMap();
      if (!through)
        break;
      at = through.compose(at);
      value = op->getOperand(0);
      changed = true;
    }
    reads.push_back({value, at});
  }
  if (!changed)
    return consumer;
  OpBuilder builder(consumer);
  MapBuilder map(builder, consumer.getLoc(), tensorOf(consumer.getResult(0)).getShape());
  IRMapping mapping;
  for (auto [argument, read] : llvm::zip(consumer.getBody().getArguments(), reads))
    mapping.map(argument, map.read(read.first, read.second));
  cloneBody(map, consumer, mapping);
  return replaceMap(map, consumer, mapping);
}

} // namespace quern
