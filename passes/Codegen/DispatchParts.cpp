// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/DispatchParts.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace quern {

bool isAnchorOp(Operation *op) {
  return llvm::isa<qir::ConvOp, qir::MatMulOp, qir::PoolOp, qir::SoftmaxOp, qir::LayerNormOp,
                   qir::ReduceOp, qir::TableOp, qir::GatherOp, qir::PadOp, qir::ConcatOp>(op);
}

bool isFollower(Operation *op) { return llvm::isa<qir::TableOp, qir::SoftmaxOp>(op); }

static bool isContraction(Operation *op) {
  return llvm::isa_and_present<qir::ConvOp, qir::MatMulOp>(op);
}

DispatchParts DispatchParts::of(qir::DispatchOp dispatch) {
  DispatchParts parts;
  for (Operation &op : dispatch.getBody().front().without_terminator()) {
    if (auto relayout = llvm::dyn_cast<qir::RelayoutOp>(op)) {
      parts.relayout = relayout;
    } else if (auto map = llvm::dyn_cast<qir::MapOp>(op)) {
      (parts.follower ? parts.closing : parts.epilogue) = map;
    } else if (isContraction(parts.anchor) && isExtreme(&op)) {
      parts.extremes.push_back(llvm::cast<qir::ReduceOp>(op));
    } else if (isContraction(parts.anchor) && isFollower(&op)) {
      parts.follower = &op;
    } else {
      parts.anchor = &op;
      parts.prologue = parts.epilogue;
      parts.epilogue = nullptr;
    }
  }
  if (!parts.anchor)
    parts.anchor = parts.epilogue ? parts.epilogue.getOperation() : parts.relayout.getOperation();
  return parts;
}

bool isExtreme(Operation *op) {
  auto reduce = llvm::dyn_cast<qir::ReduceOp>(op);
  if (!reduce ||
      (reduce.getKind() != qir::ReduceKind::Max && reduce.getKind() != qir::ReduceKind::Min))
    return false;
  auto type = llvm::cast<RankedTensorType>(reduce.getInput().getType());
  return type.getElementType().isF32() && type.getRank() >= 2 && type.getNumElements() > 0 &&
         static_cast<int64_t>(reduce.getAxes().size()) == type.getRank();
}

static constexpr StringLiteral partsForm = "parts";
static constexpr int64_t partLanes = 16;

RankedTensorType getPartsType(RankedTensorType type) {
  auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding());
  if (!packed || packed.getForm() != partsForm)
    return nullptr;
  return RankedTensorType::get({packed.getDepth(), packed.getColumns()}, type.getElementType());
}

RankedTensorType inParts(RankedTensorType type, int64_t units) {
  return withEncoding(type, qir::PackedAttr::get(type.getContext(), partsForm, partLanes, units,
                                                 units * partLanes * 4));
}

OpOperand &getRightOperand(Operation *contraction) {
  return contraction->getOpOperand(1); // weights of a conv, rhs of a matmul
}

OpOperand *getDispatchOperand(qir::DispatchOp dispatch, Value inside) {
  auto argument = llvm::dyn_cast<BlockArgument>(inside);
  if (!argument || argument.getOwner() != &dispatch.getBody().front())
    return nullptr;
  return &dispatch->getOpOperand(argument.getArgNumber());
}

qir::ConstantOp getConstantRightOperand(Operation *contraction) {
  auto dispatch = contraction->getParentOfType<qir::DispatchOp>();
  OpOperand *operand =
      dispatch ? getDispatchOperand(dispatch, getRightOperand(contraction).get()) : nullptr;
  if (!operand)
    return nullptr;
  auto relayout = operand->get().getDefiningOp<qir::RelayoutOp>();
  return (relayout ? relayout.getInput() : operand->get()).getDefiningOp<qir::ConstantOp>();
}

/// Values that the ops use and do not compute themselves, in order of their first use.
static llvm::SetVector<Value> collectInputs(ArrayRef<Operation *> operations) {
  llvm::SetVector<Value> inputs;
  for (Operation *op : operations)
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(operations, operand.getDefiningOp()))
        inputs.insert(operand);
  return inputs;
}

static SmallVector<Value> collectResults(ArrayRef<Operation *> operations) {
  SmallVector<Value> results;
  for (Operation *op : operations)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !llvm::is_contained(operations, user); }))
        results.push_back(result);
  return results;
}

qir::DispatchOp wrapInDispatch(OpBuilder &builder, ArrayRef<Operation *> operations) {
  llvm::SetVector<Value> inputs = collectInputs(operations);
  SmallVector<Value> results = collectResults(operations);
  Operation *named = operations.front();
  if (const auto *anchor = llvm::find_if(operations, isAnchorOp); anchor != operations.end())
    named = *anchor;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(operations.back());
  auto dispatch = qir::DispatchOp::create(builder, named->getLoc(), ValueRange(results).getTypes(),
                                          inputs.getArrayRef(), DictionaryAttr(), Attribute());
  SmallVector<Location> locations(inputs.size(), named->getLoc());
  Block *body = builder.createBlock(&dispatch.getBody(), {},
                                    ValueRange(inputs.getArrayRef()).getTypes(), locations);
  for (Operation *op : operations)
    op->moveBefore(body, body->end());
  for (auto [input, argument] : llvm::zip(inputs.getArrayRef(), body->getArguments()))
    Value(input).replaceUsesWithIf(
        argument, [&](OpOperand &use) { return use.getOwner()->getBlock() == body; });
  for (auto [inside, outside] : llvm::zip(results, dispatch.getResults()))
    inside.replaceUsesWithIf(outside,
                             [&](OpOperand &use) { return use.getOwner()->getBlock() != body; });
  builder.setInsertionPointToEnd(body);
  qir::ReturnOp::create(builder, named->getLoc(), results);
  return dispatch;
}

void setInputType(OpOperand &operand, Type type) {
  auto dispatch = llvm::cast<qir::DispatchOp>(operand.getOwner());
  dispatch.getBody().front().getArgument(operand.getOperandNumber()).setType(type);
}

void setResultType(OpResult result, Type type) {
  auto dispatch = llvm::cast<qir::DispatchOp>(result.getOwner());
  result.setType(type);
  dispatch.getBody().front().getTerminator()->getOperand(result.getResultNumber()).setType(type);
}

BlockArgument addInput(qir::DispatchOp dispatch, Value value) {
  dispatch.getInputsMutable().append(value);
  return dispatch.getBody().front().addArgument(value.getType(), value.getLoc());
}

void dropUnusedInputs(qir::DispatchOp dispatch) {
  Block &body = dispatch.getBody().front();
  for (unsigned index = body.getNumArguments(); index-- > 0;)
    if (body.getArgument(index).use_empty()) {
      body.eraseArgument(index);
      dispatch->eraseOperand(index);
    }
}

RankedTensorType getDenseType(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

RankedTensorType withEncoding(Type type, Attribute encoding) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType(), encoding);
}

} // namespace quern
