// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapFusion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace quern {
#define GEN_PASS_DEF_FUSEMAPS
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// A body of at most this many ops may be computed more than once.
static constexpr int64_t cheapOps = 6;

/// Ops whose kernels take a map as their epilogue.
static bool isAnchor(Operation *op) {
  return llvm::isa_and_nonnull<qir::ConvOp, qir::MatMulOp, qir::PoolOp, qir::ReduceOp,
                               qir::SoftmaxOp, qir::LayerNormOp>(op);
}

using Anchors = llvm::SmallPtrSet<Operation *, 4>;

static Anchors anchorsOf(qir::MapOp map) {
  Anchors anchors;
  for (Value input : map.getInputs())
    if (isAnchor(input.getDefiningOp()))
      anchors.insert(input.getDefiningOp());
  return anchors;
}

static ArrayRef<int64_t> spaceOf(qir::MapOp map) { return tensorOf(map.getResult(0)).getShape(); }

static int64_t countElements(qir::MapOp map) { return tensorOf(map.getResult(0)).getNumElements(); }

static int64_t countOps(qir::MapOp map) {
  int64_t count = 0;
  for (Operation &op : map.getBody().front().without_terminator())
    count += !llvm::isa<arith::ConstantOp>(op);
  return count;
}

static bool isCheap(qir::MapOp map) {
  if (countOps(map) > cheapOps)
    return false;
  return llvm::none_of(map.getBody().front(), [](Operation &op) {
    return llvm::isa<arith::DivFOp, arith::DivSIOp, arith::RemSIOp, math::SqrtOp>(op);
  });
}

/// Bytes read per element from tensors as large as the iteration space.
static int64_t bytesRead(qir::MapOp map) {
  int64_t bytes = 0;
  for (Value input : map.getInputs())
    if (tensorOf(input).getNumElements() * 2 > countElements(map))
      bytes += getElementBytes(elementOf(input));
  return bytes;
}

static int64_t bytesWritten(qir::MapOp map) {
  int64_t bytes = 0;
  for (Value result : map.getResults())
    bytes += getElementBytes(elementOf(result));
  return bytes;
}

static bool isOnlyReader(qir::MapOp producer, qir::MapOp consumer) {
  return llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; });
}

static bool isReadInOrderBy(qir::MapOp producer, qir::MapOp consumer) {
  for (auto [index, input] : llvm::enumerate(consumer.getInputs()))
    if (input.getDefiningOp() == producer && !isReadInOrder(consumer, index))
      return false;
  return true;
}

/// The result is read by maps alone, or reading what it is made from is much cheaper than itself.
static bool isWorthRepeating(qir::MapOp producer) {
  if (!isCheap(producer))
    return false;
  int64_t read = bytesRead(producer), written = bytesWritten(producer);
  bool onlyMaps = llvm::all_of(producer->getUsers(), llvm::IsaPred<qir::MapOp>);
  return onlyMaps ? read <= written : 2 * read <= written;
}

/// An epilogue stays one: read in order, with the results of no other anchor.
static bool canJoinEpilogue(qir::MapOp producer, qir::MapOp consumer, const Anchors &anchors) {
  if (!isOnlyReader(producer, consumer) || !isReadInOrderBy(producer, consumer))
    return false;
  return llvm::all_of(anchorsOf(consumer),
                      [&](Operation *anchor) { return anchors.contains(anchor); });
}

namespace {

class FuseMapsPass : public impl::FuseMapsBase<FuseMapsPass> {
public:
  using FuseMapsBase::FuseMapsBase;

  void runOnOperation() override {
    SmallVector<qir::MapOp> work;
    getOperation().walk([&](qir::MapOp map) { work.push_back(map); });
    for (qir::MapOp map : work)
      fuseAll(map);
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }

private:
  /// Fuses producers until none is left that should be. Maps come in order, so producers are done;
  /// those that have become dead are still there and are not counted as readers.
  void fuseAll(qir::MapOp consumer) {
    while (true) {
      consumer = foldLayoutOps(consumer);
      qir::MapOp producer = chooseProducer(consumer);
      if (!producer)
        return;
      // An epilogue iterates over its anchor's shape.
      if (!anchorsOf(producer).empty() && spaceOf(producer) != spaceOf(consumer))
        consumer = changeSpace(consumer, spaceOf(producer));
      consumer = fuseInto(producer, consumer);
      if (producer.use_empty())
        dead.push_back(producer);
      eraseDead();
    }
  }

  /// Producers that have no readers left would count as readers of what they read themselves.
  void eraseDead() {
    for (qir::MapOp map : dead)
      map.erase();
    dead.clear();
  }

  /// The last one in program order: of two contractions the later takes the sum.
  qir::MapOp chooseProducer(qir::MapOp consumer) {
    qir::MapOp chosen;
    for (Value input : consumer.getInputs()) {
      auto producer = input.getDefiningOp<qir::MapOp>();
      if (producer && shouldFuse(producer, consumer) &&
          (!chosen || chosen->isBeforeInBlock(producer)))
        chosen = producer;
    }
    return chosen;
  }

  bool shouldFuse(qir::MapOp producer, qir::MapOp consumer) {
    if (!keepsValues(producer))
      return false;
    // What is computed once for many elements stays outside, unless it is only moved.
    if (countElements(producer) < countElements(consumer) && countOps(producer) > 0)
      return false;
    // Where codes are, tables may begin.
    bool givesCodes = llvm::any_of(producer.getResults(),
                                   [](Value result) { return isByteCode(elementOf(result)); });
    if (!anchors && givesCodes)
      return false;
    Anchors of = anchorsOf(producer);
    if (!of.empty())
      return anchors && canJoinEpilogue(producer, consumer, of);
    return isOnlyReader(producer, consumer) || isWorthRepeating(producer);
  }

  SmallVector<qir::MapOp> dead;
};

} // namespace

} // namespace quern
