// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/ArenaLayout.h"
#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/IterationSpace.h"
#include "passes/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

namespace quern {

#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

/// The plan of one function.
class MemoryPlan {
public:
  MemoryPlan(func::FuncOp function, bool inPlaceAnchors)
      : function(function), inPlaceAnchors(inPlaceAnchors) {}
  LogicalResult bindOutputs();
  void collectLifetimes();
  void reuseInPlace();
  /// Writes the attributes; returns the bytes of the arena.
  int64_t apply();

private:
  struct Result {
    OpResult value;
    int64_t output = -1; ///< number of @main's result that it is
    int64_t buffer = -1; ///< index in `buffers`
    int64_t reused = -1; ///< dispatch operand whose buffer it takes over
  };
  Result *find(Value root);
  bool mayReuse(qir::DispatchOp dispatch, unsigned result, OpOperand &operand, int64_t step);
  void reuseFor(qir::DispatchOp dispatch, unsigned index, int64_t step);

  func::FuncOp function;
  bool inPlaceAnchors;
  SmallVector<qir::DispatchOp> dispatches;
  SmallVector<Result> results;
  DenseMap<Value, size_t> indices; ///< of a dispatch's result in `results`
  std::vector<ArenaBuffer> buffers;
};

struct PlanMemory : impl::PlanMemoryBase<PlanMemory> {
  using PlanMemoryBase::PlanMemoryBase;
  void runOnOperation() override;
};

} // namespace

MemoryPlan::Result *MemoryPlan::find(Value root) {
  auto found = indices.find(root);
  return found == indices.end() ? nullptr : &results[found->second];
}

LogicalResult MemoryPlan::bindOutputs() {
  for (auto dispatch : function.getOps<qir::DispatchOp>()) {
    dispatches.push_back(dispatch);
    for (OpResult result : dispatch->getResults()) {
      indices[result] = results.size();
      results.push_back({result});
    }
  }
  Operation *terminator = function.front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    Result *result = find(getBufferRoot(operand.get()));
    if (!result || result->output >= 0)
      return terminator->emitError("result ")
             << operand.getOperandNumber()
             << ": expected a dispatch's own result, returned once (form-dispatches makes copies)";
    auto type = llvm::cast<RankedTensorType>(result->value.getType());
    if (type.getEncoding())
      return result->value.getOwner()->emitError("returned: expected a dense result, found ")
             << type;
    result->output = operand.getOperandNumber();
  }
  return success();
}

void MemoryPlan::collectLifetimes() {
  for (auto [step, dispatch] : llvm::enumerate(dispatches)) {
    for (Value operand : dispatch.getInputs())
      if (Result *result = find(getBufferRoot(operand)); result && result->buffer >= 0)
        buffers[result->buffer].last = step;
    for (OpResult value : dispatch->getResults()) {
      Result *result = find(value);
      if (result->output >= 0)
        continue;
      result->buffer = buffers.size();
      // An empty tensor has a place, too.
      int64_t bytes =
          std::max<int64_t>(1, getBufferBytes(llvm::cast<RankedTensorType>(value.getType())));
      auto now = static_cast<int64_t>(step);
      buffers.push_back({bytes, now, now});
    }
  }
}

/// Whether the dispatch reads the operand only at the index that it writes at that time.
static bool isReadElementwise(qir::DispatchOp dispatch, OpOperand &operand, bool inPlaceAnchors) {
  DispatchParts parts = DispatchParts::of(dispatch);
  if (parts.prologue || parts.relayout || llvm::isa_and_present<qir::SoftmaxOp>(parts.follower))
    return false;
  Value inside = dispatch.getBody().front().getArgument(operand.getOperandNumber());
  auto table = llvm::dyn_cast<qir::TableOp>(parts.anchor);
  if (table && !parts.epilogue)
    return inPlaceAnchors && inside == table.getInput() && inside.hasOneUse();
  if (!parts.epilogue || (!parts.isMap() && !inPlaceAnchors))
    return false;
  return llvm::all_of(inside.getUsers(), [&](Operation *user) { return user == parts.epilogue; }) &&
         readsAtIdentity(parts.epilogue, inside);
}

bool MemoryPlan::mayReuse(qir::DispatchOp dispatch, unsigned result, OpOperand &operand,
                          int64_t step) {
  Value root = getBufferRoot(operand.get());
  Result *source = find(root);
  if (!source || source->buffer < 0 || buffers[source->buffer].last != step ||
      buffers[source->buffer].first == step)
    return false;
  for (OpResult other : dispatch->getResults())
    if (find(other)->reused == static_cast<int64_t>(operand.getOperandNumber()))
      return false;
  // Of two operands with one buffer neither may be written over while the other is read.
  for (OpOperand &other : dispatch->getOpOperands())
    if (&other != &operand && getBufferRoot(other.get()) == root)
      return false;
  auto from = llvm::cast<RankedTensorType>(operand.get().getType());
  auto to = llvm::cast<RankedTensorType>(dispatch->getResult(result).getType());
  return from.getEncoding() == to.getEncoding() && from.getShape() == to.getShape() &&
         getBufferBytes(from) == getBufferBytes(to) &&
         isReadElementwise(dispatch, operand, inPlaceAnchors);
}

void MemoryPlan::reuseFor(qir::DispatchOp dispatch, unsigned index, int64_t step) {
  Result *result = find(dispatch->getResult(index));
  if (result->buffer < 0)
    return;
  for (OpOperand &operand : dispatch->getOpOperands()) {
    if (!mayReuse(dispatch, index, operand, step))
      continue;
    Result *source = find(getBufferRoot(operand.get()));
    buffers[source->buffer].last = buffers[result->buffer].last;
    buffers[result->buffer].bytes = 0; // given up
    result->buffer = source->buffer;
    result->reused = operand.getOperandNumber();
    return;
  }
}

void MemoryPlan::reuseInPlace() {
  for (auto [step, dispatch] : llvm::enumerate(dispatches))
    for (unsigned index = 0; index < dispatch->getNumResults(); ++index)
      reuseFor(dispatch, index, step);
}

int64_t MemoryPlan::apply() {
  std::vector<ArenaBuffer> kept;
  std::vector<int64_t> position(buffers.size(), -1);
  for (auto [index, buffer] : llvm::enumerate(buffers))
    if (buffer.bytes > 0) {
      position[index] = kept.size();
      kept.push_back(buffer);
    }
  ArenaLayout layout = layOutArena(kept, bufferAlignment);
  Builder builder(function.getContext());
  for (qir::DispatchOp dispatch : dispatches) {
    SmallVector<int64_t> offsets, reused;
    for (OpResult value : dispatch->getResults()) {
      Result *result = find(value);
      offsets.push_back(result->output >= 0 ? -1 - result->output
                                            : layout.offsets[position[result->buffer]]);
      reused.push_back(result->reused);
    }
    dispatch->setAttr(offsetsAttrName, builder.getDenseI64ArrayAttr(offsets));
    dispatch->removeAttr(inPlaceAttrName);
    if (llvm::any_of(reused, [](int64_t operand) { return operand >= 0; }))
      dispatch->setAttr(inPlaceAttrName, builder.getDenseI64ArrayAttr(reused));
  }
  return layout.end == 0 ? 0 : llvm::alignTo(layout.end + readableSlack, bufferAlignment);
}

void PlanMemory::runOnOperation() {
  int64_t bytes = 0;
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    MemoryPlan plan(function, inPlaceAnchors);
    if (failed(plan.bindOutputs()))
      return signalPassFailure();
    plan.collectLifetimes();
    plan.reuseInPlace();
    bytes = std::max(bytes, plan.apply());
  }
  getOperation()->setAttr(arenaBytesAttrName,
                          IntegerAttr::get(IntegerType::get(&getContext(), 64), bytes));
}

} // namespace quern
