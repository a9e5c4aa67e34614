// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/IterationSpace.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/Reshapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"

namespace quern {

#define GEN_PASS_DEF_FORMDISPATCHES
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

/// The fusions of one function.
class Fusion {
public:
  explicit Fusion(Block &block) : block(block) {}
  void chooseEpilogues();
  void choosePrologues();
  void chooseExtremes();
  void wrapAll(OpBuilder &builder);

private:
  bool mayTake(Operation *anchor, qir::MapOp map) const;
  Operation *findContraction(Operation *op) const;
  std::string explain(Operation *op) const;

  Block &block;
  DenseMap<Operation *, Operation *> epilogues, prologues;  ///< by anchor
  DenseMap<Operation *, SmallVector<Operation *>> extremes; ///< by anchor
  DenseSet<Operation *> absorbed;                           ///< what belongs to an anchor
};

struct FormDispatches : impl::FormDispatchesBase<FormDispatches> {
  void runOnOperation() override;
};

} // namespace

static void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// Scalars that folding has hoisted out of map bodies go back: a dispatch is isolated from above.
static void sinkScalars(RewriterBase &rewriter, Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (op.getNumOperands() != 0 || op.getNumResults() != 1 ||
        !op.getResult(0).getType().isIntOrIndexOrFloat())
      continue;
    DenseMap<Block *, Operation *> clones;
    for (OpOperand &use : llvm::make_early_inc_range(op.getResult(0).getUses())) {
      Block *body = use.getOwner()->getBlock();
      Operation *&clone = clones[body];
      if (body == &block)
        continue;
      if (!clone) {
        rewriter.setInsertionPointToStart(body);
        clone = rewriter.clone(op);
      }
      use.set(clone->getResult(0));
    }
    if (op.use_empty())
      rewriter.eraseOp(&op);
  }
}

/// Reads of a transposed, sliced or broadcast tensor become reads of the tensor itself.
static void foldIntoMaps(RewriterBase &rewriter, Operation *layoutOp) {
  AffineMap read = getReadMap(layoutOp);
  for (OpOperand &use : llvm::make_early_inc_range(layoutOp->getResult(0).getUses())) {
    auto map = llvm::dyn_cast<qir::MapOp>(use.getOwner());
    if (!map)
      continue;
    SmallVector<AffineMap> maps(map.getMaps().getAsValueRange<AffineMapAttr>());
    maps[use.getOperandNumber()] = read.compose(maps[use.getOperandNumber()]);
    map.setMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    use.set(layoutOp->getOperand(0));
  }
}

/// A map that only a layout op reads, and that will be no anchor's epilogue, writes its result as
/// the layout op would have: no tensor between them. Returns whether it did.
static bool foldIntoProducer(RewriterBase &rewriter, Operation *layoutOp) {
  auto map = layoutOp->getOperand(0).getDefiningOp<qir::MapOp>();
  if (!map || map->getNumResults() != 1 || !map->hasOneUse() ||
      llvm::any_of(map.getInputs(), [](Value input) {
        Operation *producer = getBufferRoot(input).getDefiningOp();
        return producer && isAnchorOp(producer);
      }))
    return false;
  auto from = llvm::cast<RankedTensorType>(map.getResult(0).getType());
  auto to = llvm::cast<RankedTensorType>(layoutOp->getResult(0).getType());
  if (to.getNumElements() > from.getNumElements())
    return false; // a broadcast would compute elements again
  AffineMap read = getReadMap(layoutOp);
  SmallVector<AffineMap> maps;
  for (AffineMap input : map.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(input.compose(read));
  map.setMapsAttr(rewriter.getAffineMapArrayAttr(maps));
  map->getResult(0).setType(to);
  rewriter.replaceOp(layoutOp, map->getResults());
  return true;
}

/// The largest or smallest element of a tensor is that of the tensor before it was moved.
static void reduceBeforeMoves(RewriterBase &rewriter, Block &block) {
  SmallVector<qir::ReduceOp> reductions(block.getOps<qir::ReduceOp>());
  for (qir::ReduceOp reduce : reductions) {
    Value source = reduce.getInput();
    while (llvm::isa_and_present<qir::TransposeOp, qir::ReshapeOp>(source.getDefiningOp()))
      source = source.getDefiningOp()->getOperand(0);
    auto type = llvm::cast<RankedTensorType>(source.getType());
    if (!isExtreme(reduce) || source == reduce.getInput() || type.getRank() < 2)
      continue;
    rewriter.setInsertionPoint(reduce);
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    auto one =
        RankedTensorType::get(SmallVector<int64_t>(type.getRank(), 1), type.getElementType());
    Value result = qir::ReduceOp::create(rewriter, reduce.getLoc(), one, reduce.getKind(), source,
                                         rewriter.getDenseI64ArrayAttr(axes));
    if (result.getType() != reduce.getType())
      result = qir::ReshapeOp::create(rewriter, reduce.getLoc(), reduce.getType(), result);
    rewriter.replaceOp(reduce, result);
  }
  eraseDeadOps(block);
}

static void lowerLayoutOps(RewriterBase &rewriter, Block &block) {
  // From the last to the first, so that chains of layout ops fold into one map.
  SmallVector<Operation *> layoutOps;
  for (Operation &op : llvm::reverse(block))
    if (llvm::isa<qir::TransposeOp, qir::SliceOp, qir::BroadcastOp>(op))
      layoutOps.push_back(&op);
  for (Operation *op : layoutOps) {
    foldIntoMaps(rewriter, op);
    if (op->use_empty())
      rewriter.eraseOp(op);
    else if (!foldIntoProducer(rewriter, op))
      replaceByCopy(rewriter, op);
  }
}

/// Whether neighbours along this dimension of the map's result are neighbours in the inputs that
/// have an element for each of the result's.
static bool readsAlong(qir::MapOp map, unsigned dimension) {
  int64_t elements = llvm::cast<RankedTensorType>(map.getResult(0).getType()).getNumElements();
  bool found = false;
  for (auto [input, attribute] :
       llvm::zip(map.getInputs(), map.getMaps().getAsRange<AffineMapAttr>())) {
    auto type = llvm::cast<RankedTensorType>(input.getType());
    if (type.getNumElements() != elements || type.getRank() == 0)
      continue;
    if (attribute.getValue().getResults().back() != getAffineDimExpr(dimension, map.getContext()))
      return false;
    found = true;
  }
  return found;
}

/// A run-time right operand is made in the orientation in which its source lies in memory: a
/// product takes both.
static void orientRightOperand(RewriterBase &rewriter, qir::MatMulOp matmul) {
  auto map = matmul.getRhs().getDefiningOp<qir::MapOp>();
  if (!map || map->getNumResults() != 1 || !map->hasOneUse())
    return;
  auto type = llvm::cast<RankedTensorType>(map.getResult(0).getType());
  unsigned rank = type.getRank();
  if (!readsAlong(map, rank - 2))
    return;
  SmallVector<unsigned> swapped(llvm::to_vector(llvm::seq(0u, rank)));
  std::swap(swapped[rank - 2], swapped[rank - 1]);
  AffineMap swap = AffineMap::getPermutationMap(swapped, rewriter.getContext());
  SmallVector<AffineMap> maps;
  for (AffineMap read : map.getMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(read.compose(swap));
  SmallVector<int64_t> shape(type.getShape());
  std::swap(shape[rank - 2], shape[rank - 1]);
  map.setMapsAttr(rewriter.getAffineMapArrayAttr(maps));
  map->getResult(0).setType(RankedTensorType::get(shape, type.getElementType()));
  matmul.setTransposeRhs(!matmul.getTransposeRhs());
}

/// The map reads all that the anchor computes, the result itself at its own index, and nothing
/// else reads it.
bool Fusion::mayTake(Operation *anchor, qir::MapOp map) const {
  if (!anchor || !isAnchorOp(anchor) || epilogues.contains(anchor) || findContraction(anchor) ||
      !readsAtIdentity(map, anchor->getResult(0)))
    return false;
  return llvm::all_of(anchor->getResults(), [&](Value result) { return isOnlyUser(result, map); });
}

/// The contraction whose dispatch computes what this op reduces to an extreme, or null: there the
/// values are in registers.
Operation *Fusion::findContraction(Operation *op) const {
  if (!isExtreme(op))
    return nullptr;
  Operation *producer = op->getOperand(0).getDefiningOp();
  if (auto map = llvm::dyn_cast_if_present<qir::MapOp>(producer)) {
    producer = nullptr;
    for (Value input : map.getInputs())
      if (Operation *anchor = input.getDefiningOp(); epilogues.lookup(anchor) == map)
        producer = anchor;
  }
  return llvm::isa_and_present<qir::ConvOp, qir::MatMulOp>(producer) ? producer : nullptr;
}

void Fusion::chooseExtremes() {
  SmallVector<qir::ReduceOp> reductions(block.getOps<qir::ReduceOp>());
  for (qir::ReduceOp reduce : reductions) {
    Operation *anchor = findContraction(reduce);
    if (!anchor)
      continue;
    // Before whatever else reads the value: the dispatch stands where its last op stood.
    reduce->moveAfter(reduce.getInput().getDefiningOp());
    extremes[anchor].push_back(reduce);
    absorbed.insert(reduce);
  }
}

void Fusion::chooseEpilogues() {
  for (auto map : block.getOps<qir::MapOp>()) {
    Operation *chosen = nullptr;
    for (Value input : map.getInputs()) {
      Operation *anchor = input.getDefiningOp();
      if (mayTake(anchor, map) && (!chosen || chosen->isBeforeInBlock(anchor)))
        chosen = anchor;
    }
    if (!chosen)
      continue;
    epilogues[chosen] = map;
    absorbed.insert(map);
  }
}

void Fusion::choosePrologues() {
  for (Operation &anchor : block) {
    if (!takesPrologue(&anchor) || absorbed.contains(&anchor))
      continue;
    auto map = anchor.getOperand(0).getDefiningOp<qir::MapOp>();
    if (!map || absorbed.contains(map) || map->getNumResults() != 1 || !map->hasOneUse())
      continue;
    prologues[&anchor] = map;
    absorbed.insert(map);
  }
}

std::string Fusion::explain(Operation *op) const {
  if (!llvm::isa<qir::MapOp>(op))
    return "";
  for (Value input : op->getOperands()) {
    Operation *anchor = input.getDefiningOp();
    if (!anchor || !llvm::isa<qir::DispatchOp>(anchor))
      continue;
    auto parts = DispatchParts::of(llvm::cast<qir::DispatchOp>(anchor));
    if (isAnchorOp(parts.anchor) && !parts.epilogue &&
        !readsAtIdentity(llvm::cast<qir::MapOp>(op), input))
      return "not fused: reads the result of its operand's anchor at other indices";
    if (isAnchorOp(parts.anchor) && !parts.epilogue && !isOnlyUser(input, op))
      return "not fused: other ops read the result of its operand's anchor, too";
  }
  return "";
}

void Fusion::wrapAll(OpBuilder &builder) {
  SmallVector<Operation *> heads;
  for (Operation &op : block)
    if ((isAnchorOp(&op) || llvm::isa<qir::MapOp>(op)) && !absorbed.contains(&op))
      heads.push_back(&op);
  for (Operation *head : heads) {
    SmallVector<Operation *> operations;
    if (Operation *prologue = prologues.lookup(head))
      operations.push_back(prologue);
    operations.push_back(head);
    if (Operation *epilogue = epilogues.lookup(head))
      operations.push_back(epilogue);
    // Each was put right behind the value, so the first one is the last in the block.
    llvm::append_range(operations, llvm::reverse(extremes.lookup(head)));
    std::string reason = explain(head);
    qir::DispatchOp dispatch = wrapInDispatch(builder, operations);
    if (!reason.empty())
      dispatch->setAttr(reasonAttrName, builder.getStringAttr(reason));
  }
}

/// Everything else should have been lowered before.
static LogicalResult checkOps(Block &block) {
  for (Operation &op : block.without_terminator())
    if (!isAnchorOp(&op) && !llvm::isa<qir::MapOp, qir::ConstantOp, qir::ReshapeOp, qir::DispatchOp,
                                       qir::TransposeOp, qir::SliceOp, qir::BroadcastOp>(op))
      return op.emitError("no dispatch can hold '")
             << op.getName() << "': expected integer form (see docs/ir.md)";
  return success();
}

/// What @main returns is a dispatch's result, and each is returned once: dispatches write to the
/// caller's buffers themselves.
static void copyReturned(OpBuilder &builder, Operation *terminator) {
  DenseSet<Value> returned;
  for (OpOperand &operand : terminator->getOpOperands()) {
    Value root = getBufferRoot(operand.get());
    if (root.getDefiningOp<qir::DispatchOp>() && returned.insert(root).second)
      continue;
    builder.setInsertionPoint(terminator);
    qir::MapOp copy = makeCopy(builder, terminator->getLoc(), operand.get());
    operand.set(copy.getResult(0));
    Value result = wrapInDispatch(builder, copy.getOperation()).getResult(0);
    result.getDefiningOp()->setAttr(
        reasonAttrName, builder.getStringAttr("copy: an input, a constant or a second output"));
    returned.insert(result);
  }
}

void FormDispatches::runOnOperation() {
  if (getOperation().isExternal())
    return;
  Block &block = getOperation().front();
  IRRewriter rewriter(&getContext());
  sinkScalars(rewriter, block);
  if (!getOperation().getBody().hasOneBlock() || failed(checkOps(block)))
    return signalPassFailure();
  eraseDeadOps(block);
  reduceBeforeMoves(rewriter, block);
  lowerLayoutOps(rewriter, block);
  for (auto matmul : block.getOps<qir::MatMulOp>())
    orientRightOperand(rewriter, matmul);
  moveReshapes(rewriter, block);
  eraseDeadOps(block);
  Fusion fusion(block);
  fusion.chooseEpilogues();
  fusion.chooseExtremes();
  fusion.choosePrologues();
  fusion.wrapAll(rewriter);
  copyReturned(rewriter, block.getTerminator());
}

} // namespace quern
