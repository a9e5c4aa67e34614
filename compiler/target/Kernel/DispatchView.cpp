// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/DispatchView.h"

#include "passes/Codegen/DispatchParts.h"

using namespace mlir;

namespace quern {

/// Which body ops are anchors: everything but maps, a closing relayout, the return.
static bool isAnchor(Operation &op) {
  return !llvm::isa<qir::MapOp, qir::ReturnOp, qir::RelayoutOp>(op);
}

static bool isExtremeOf(const DispatchView &view, Value value) {
  return llvm::any_of(view.extremes, [&](const DispatchView::Extreme &extreme) {
    return extreme.reduce.getResult() == value;
  });
}

static bool isContraction(Operation *op) {
  return llvm::isa_and_present<qir::ConvOp, qir::MatMulOp>(op);
}

static LogicalResult readReturn(DispatchView &view) {
  auto terminator = llvm::cast<qir::ReturnOp>(view.dispatch.getBody().front().getTerminator());
  for (Value value : terminator.getValues()) {
    bool relaid =
        view.relayout && value == view.relayout.getResult() && view.anchor != view.relayout;
    auto result = llvm::dyn_cast<OpResult>(relaid ? view.relayout.getInput() : value);
    if (isExtremeOf(view, value))
      continue;
    Operation *owner = result ? result.getOwner() : nullptr;
    bool isLast = view.follower ? owner == view.follower || owner == view.closing
                                : owner == view.anchor || owner == view.epilogue;
    if (!owner || (!isLast && owner != view.columnSums))
      return view.dispatch.emitError("a dispatch returns what its last op computes, found ")
             << value;
    view.returned.push_back(result);
  }
  return success();
}

/// Packing is an anchor: the map that makes the matrix is its prologue, sums go along.
static LogicalResult setPacking(DispatchView &view) {
  if (view.anchor && !llvm::isa<qir::ReduceOp>(view.anchor))
    return view.dispatch.emitError("a dispatch that packs a matrix has no other anchor, found '")
           << view.anchor->getName() << "'";
  view.columnSums = llvm::dyn_cast_if_present<qir::ReduceOp>(view.anchor);
  if (!view.columnSums)
    view.prologue = view.epilogue;
  view.epilogue = nullptr;
  view.anchor = view.relayout;
  return success();
}

FailureOr<DispatchView> DispatchView::parse(qir::DispatchOp dispatch) {
  DispatchView view;
  view.dispatch = dispatch;
  for (Operation &op : dispatch.getBody().front().without_terminator()) {
    if (auto relayout = llvm::dyn_cast<qir::RelayoutOp>(op)) {
      view.relayout = relayout;
    } else if (isContraction(view.anchor) && isExtreme(&op)) {
      view.extremes.push_back({llvm::cast<qir::ReduceOp>(op), Buffer()});
    } else if (isContraction(view.anchor) && isFollower(&op) && !view.follower) {
      view.follower = &op;
    } else if (isAnchor(op)) {
      if (view.anchor)
        return dispatch.emitError("a dispatch has one anchor, found '")
               << view.anchor->getName() << "' and '" << op.getName() << "'";
      view.anchor = &op;
      view.prologue = view.epilogue;
      view.epilogue = nullptr;
    } else if (auto map = llvm::dyn_cast<qir::MapOp>(op)) {
      qir::MapOp &behind = view.follower ? view.closing : view.epilogue;
      if (behind)
        return dispatch.emitError("a dispatch has one map on each side of its anchor");
      behind = map;
    }
  }
  auto isPacked = [](qir::RelayoutOp relayout) {
    auto type = llvm::cast<RankedTensorType>(relayout.getResult().getType());
    return llvm::isa_and_present<qir::PackedAttr>(type.getEncoding());
  };
  if (view.relayout && isPacked(view.relayout) && failed(setPacking(view)))
    return failure();
  if (!view.anchor)
    view.anchor = view.epilogue ? view.epilogue.getOperation() : view.relayout.getOperation();
  if (!view.anchor)
    return dispatch.emitError("an empty dispatch");
  if (failed(readReturn(view)))
    return failure();
  return view;
}

void DispatchView::bind(func::FuncOp kernel) {
  inputs.clear();
  results.clear();
  unsigned next = 0;
  auto take = [&](Value value) {
    auto type = llvm::cast<RankedTensorType>(value.getType());
    RankedTensorType parts = getPartsType(type);
    return Buffer{kernel.getArgument(next++), parts ? parts : type};
  };
  for (Value value : dispatch.getInputs())
    inputs.push_back(take(value));
  ValueRange returnedValues = dispatch.getBody().front().getTerminator()->getOperands();
  for (auto [value, inside] : llvm::zip(dispatch.getResults(), returnedValues)) {
    Buffer buffer = take(value);
    auto *extreme = llvm::find_if(
        extremes, [&](const Extreme &each) { return each.reduce.getResult() == inside; });
    if (extreme != extremes.end())
      extreme->parts = buffer;
    else
      results.push_back(buffer);
  }
  begin = kernel.getArgument(next++);
  end = kernel.getArgument(next);
}

SmallVector<RankedTensorType> DispatchView::resultTypes() const {
  SmallVector<RankedTensorType> types;
  ValueRange returnedValues = dispatch.getBody().front().getTerminator()->getOperands();
  for (auto [value, inside] : llvm::zip(dispatch.getResults(), returnedValues))
    if (!isExtremeOf(*this, inside))
      types.push_back(llvm::cast<RankedTensorType>(value.getType()));
  return types;
}

DispatchView DispatchView::ofFollower() const {
  DispatchView view(*this);
  view.anchor = follower;
  view.prologue = epilogue;
  view.epilogue = closing;
  view.follower = nullptr;
  view.closing = nullptr;
  return view;
}

Buffer DispatchView::input(Value value) const {
  auto argument = llvm::cast<BlockArgument>(value);
  return inputs[argument.getArgNumber()];
}

FusedMap::FusedMap(const DispatchView &view, qir::MapOp map, ValueRange anchorValues) : map(map) {
  if (!map)
    return;
  for (auto [input, attribute] :
       llvm::zip(map.getInputs(), map.getMaps().getAsRange<AffineMapAttr>())) {
    Source source;
    auto found = llvm::find(anchorValues, input);
    if (found != anchorValues.end()) {
      source.anchor = std::distance(anchorValues.begin(), found);
      source.buffer.type = llvm::cast<RankedTensorType>(input.getType());
    } else {
      source.buffer = view.input(input);
    }
    source.access = LinearAccess::of(attribute.getValue(), Layout::of(source.buffer.type));
    sources.push_back(std::move(source));
  }
}

} // namespace quern
