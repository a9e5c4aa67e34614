// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/MapBuilder.h"
#include "passes/Integerize/MapFusion.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"

namespace quern {
#define GEN_PASS_DEF_MERGESCALARS
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

static bool isScalar(qir::MapOp map) {
  return map && tensorOf(map.getResult(0)).getNumElements() == 1;
}

/// The last of the scalar maps whose results this one reads, if everything else that it reads is
/// there before that map.
static qir::MapOp findPartner(qir::MapOp map, DominanceInfo &dominance) {
  qir::MapOp last;
  for (Value input : map.getInputs()) {
    auto producer = input.getDefiningOp<qir::MapOp>();
    if (isScalar(producer) && keepsValues(producer) && producer->getBlock() == map->getBlock() &&
        tensorOf(producer.getResult(0)).getShape() == tensorOf(map.getResult(0)).getShape() &&
        (!last || last->isBeforeInBlock(producer)))
      last = producer;
  }
  if (!last)
    return nullptr;
  bool isReady = llvm::all_of(map.getInputs(), [&](Value input) {
    return input.getDefiningOp() == last || dominance.properlyDominates(input, last);
  });
  return isReady ? last : nullptr;
}

/// Clones the body of `source`; its arguments are read, or the known values of `known`.
static SmallVector<Value> cloneInto(MapBuilder &map, qir::MapOp source,
                                    const llvm::DenseMap<Value, Value> &known) {
  IRMapping mapping;
  for (auto [index, input] : llvm::enumerate(source.getInputs())) {
    Value value = known.lookup(input);
    mapping.map(source.getBody().getArgument(index),
                value ? value : map.read(input, inputMap(source, index)));
  }
  for (Operation &op : source.getBody().front().without_terminator())
    map.body().clone(op, mapping);
  return llvm::map_to_vector(source.getBody().front().getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// Makes both maps one, in the first one's place.
static qir::MapOp merge(qir::MapOp first, qir::MapOp second) {
  OpBuilder builder(first);
  MapBuilder map(builder, first.getLoc(), tensorOf(first.getResult(0)).getShape());
  llvm::DenseMap<Value, Value> known;
  SmallVector<Value> yields = cloneInto(map, first, known);
  for (auto [result, value] : llvm::zip(first.getResults(), yields))
    known[result] = value;
  llvm::append_range(yields, cloneInto(map, second, known));
  SmallVector<Value> old(first.getResults());
  llvm::append_range(old, second.getResults());
  SmallVector<Type> elements =
      llvm::map_to_vector(old, [](Value value) { return elementOf(value); });
  qir::MapOp both = map.finish(yields, elements, first.getSiteAttr());
  for (auto [from, to] : llvm::zip(old, both.getResults()))
    from.replaceAllUsesWith(to);
  second.erase();
  first.erase();
  return both;
}

namespace {

class MergeScalarsPass : public impl::MergeScalarsBase<MergeScalarsPass> {
public:
  void runOnOperation() override {
    DominanceInfo dominance(getOperation());
    SmallVector<qir::MapOp> maps;
    getOperation().walk([&](qir::MapOp map) {
      if (isScalar(map))
        maps.push_back(map);
    });
    for (qir::MapOp map : maps)
      if (qir::MapOp partner = findPartner(map, dominance))
        merge(partner, map);
  }
};

} // namespace

} // namespace quern
