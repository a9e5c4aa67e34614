// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/IterationSpace.h"
#include "passes/Codegen/Layouts.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include "llvm/ADT/MapVector.h"

#include <array>
#include <limits>

using namespace mlir;

namespace quern {

namespace {

/// top, left, bottom, right
using Halo = std::array<int64_t, 4>;

/// Consumers of one value that agree on what its halo holds.
struct HaloGroup {
  Attribute fill;  ///< IntegerAttr (i32 code) or FloatAttr, or null
  Value fillValue; ///< what it is when only known at run time
  Halo halo = {0, 0, 0, 0};
  SmallVector<OpOperand *> uses;
};

} // namespace

static RankedTensorType tensorOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// As wide as the pads, even where strides skip the last of them: kernels compute addresses of
/// whole rows of the padded image.
static std::optional<Halo> getHalo(Operation *anchor, const TargetModel &target) {
  ArrayRef<int64_t> pads;
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor))
    pads = conv.getPads();
  else if (auto pool = llvm::dyn_cast<qir::PoolOp>(anchor))
    pads = pool.getPads();
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }) || !target.readsHalo(anchor))
    return std::nullopt;
  return Halo{pads[0], pads[1], pads[2], pads[3]};
}

static Attribute codeAttr(MLIRContext *context, int64_t code) {
  return IntegerAttr::get(IntegerType::get(context, 32), code);
}

static Attribute makeFill(Type element, double value) {
  if (llvm::isa<FloatType>(element))
    return FloatAttr::get(Float32Type::get(element.getContext()), value);
  return codeAttr(element.getContext(), static_cast<int64_t>(value));
}

/// What does not win against any element.
static Attribute makeLowest(Type element) {
  if (llvm::isa<FloatType>(element))
    return makeFill(element, -std::numeric_limits<double>::infinity());
  auto scheme = getStorageScheme(element);
  int64_t lowest = scheme ? scheme->min : std::numeric_limits<int32_t>::min();
  return codeAttr(element.getContext(), lowest);
}

/// The value of the halo that the anchor needs; `fillValue` of the group is a value of @main.
static void setFill(HaloGroup &group, qir::DispatchOp dispatch, Operation *anchor) {
  Type element = tensorOf(anchor->getOperand(0)).getElementType();
  if (auto pool = llvm::dyn_cast<qir::PoolOp>(anchor)) {
    group.fill = pool.getKind() == qir::PoolKind::Max ? makeLowest(element) : makeFill(element, 0);
    return;
  }
  Value padValue = llvm::cast<qir::ConvOp>(anchor).getPadValue();
  if (!padValue) {
    group.fill = makeFill(element, 0);
    return;
  }
  OpOperand *operand = getDispatchOperand(dispatch, padValue);
  std::optional<double> constant = readScalarConstant<double>(operand->get());
  if (constant)
    group.fill = makeFill(element, *constant);
  else
    group.fillValue = operand->get();
}

static void addToGroup(SmallVector<HaloGroup> &groups, HaloGroup need) {
  auto *found = llvm::find_if(groups, [&](const HaloGroup &group) {
    return group.fill == need.fill && group.fillValue == need.fillValue;
  });
  if (found == groups.end()) {
    groups.push_back(std::move(need));
    return;
  }
  for (int side = 0; side < 4; ++side)
    found->halo[side] = std::max(found->halo[side], need.halo[side]);
  found->uses.append(need.uses);
}

using HaloNeeds = llvm::MapVector<Value, SmallVector<HaloGroup>>;

static HaloNeeds collectNeeds(Block &block, const TargetModel &target) {
  HaloNeeds needs;
  for (auto dispatch : block.getOps<qir::DispatchOp>()) {
    Operation *anchor = DispatchParts::of(dispatch).anchor;
    std::optional<Halo> halo = getHalo(anchor, target);
    if (!halo)
      continue;
    OpOperand *input = getDispatchOperand(dispatch, anchor->getOperand(0));
    if (!input)
      continue;
    HaloGroup need;
    need.halo = *halo;
    setFill(need, dispatch, anchor);
    need.uses.push_back(input);
    addToGroup(needs[input->get()], std::move(need));
  }
  return needs;
}

/// Whether the operand's reader steps over a halo; other kernels, and reshapes, want it dense.
static bool acceptsHalo(OpOperand &use) {
  auto dispatch = llvm::dyn_cast<qir::DispatchOp>(use.getOwner());
  if (!dispatch)
    return false;
  Value inside = dispatch.getBody().front().getArgument(use.getOperandNumber());
  return llvm::all_of(inside.getUses(), [](OpOperand &inner) {
    Operation *op = inner.getOwner();
    return llvm::isa<qir::MapOp, qir::ReduceOp, qir::ConcatOp>(op) ||
           (llvm::isa<qir::ConvOp, qir::PoolOp, qir::TableOp, qir::PadOp>(op) &&
            inner.getOperandNumber() == 0);
  });
}

/// Whether the group's fill is known where the producer runs.
static bool isFillKnownAt(qir::DispatchOp producer, const HaloGroup &group) {
  if (group.fill)
    return !producer.getFillAttr() || producer.getFillAttr() == group.fill;
  Operation *source = group.fillValue.getDefiningOp();
  return !producer.getFillAttr() && producer->getNumResults() == 1 &&
         (!source || source->isBeforeInBlock(producer));
}

/// Whether the value's producer can write the halo itself.
static bool canPadInPlace(Value value, const HaloGroup &group) {
  auto producer = value.getDefiningOp<qir::DispatchOp>();
  if (!producer || tensorOf(value).getEncoding() || !isFillKnownAt(producer, group))
    return false;
  DispatchParts parts = DispatchParts::of(producer);
  bool writesHalo =
      !parts.relayout &&
      (parts.epilogue ||
       llvm::isa<qir::ConvOp, qir::PoolOp, qir::TableOp, qir::ConcatOp, qir::PadOp>(parts.anchor));
  return writesHalo && llvm::all_of(value.getUses(), acceptsHalo);
}

static Attribute makeEncoding(const HaloGroup &group, MLIRContext *context) {
  auto [top, left, bottom, right] = group.halo;
  return qir::PaddedAttr::get(context, top, left, bottom, right);
}

/// A fill known only at run time enters the producer through a closing relayout.
static void closeWithRelayout(OpBuilder &builder, OpResult value, RankedTensorType type,
                              Value fillValue) {
  auto producer = llvm::cast<qir::DispatchOp>(value.getOwner());
  Operation *terminator = producer.getBody().front().getTerminator();
  Value inside = addInput(producer, fillValue);
  builder.setInsertionPoint(terminator);
  OpOperand &returned = terminator->getOpOperand(value.getResultNumber());
  returned.set(qir::RelayoutOp::create(builder, producer.getLoc(), type, returned.get(), inside));
}

static void padInPlace(OpBuilder &builder, Value value, const HaloGroup &group) {
  auto type = withEncoding(value.getType(), makeEncoding(group, value.getContext()));
  auto producer = value.getDefiningOp<qir::DispatchOp>();
  if (group.fill)
    producer.setFillAttr(group.fill);
  else
    closeWithRelayout(builder, llvm::cast<OpResult>(value), type, group.fillValue);
  setResultType(llvm::cast<OpResult>(value), type);
  for (OpOperand &use : value.getUses())
    setInputType(use, type);
}

/// The step that makes the padded copy; a map where the encodings differ only in the fill.
static Operation *makePaddingStep(OpBuilder &builder, Value value, RankedTensorType type,
                                  Value fillValue) {
  if (value.getType() != type)
    return qir::RelayoutOp::create(builder, value.getLoc(), type, value, fillValue);
  qir::MapOp copy = makeCopy(builder, value.getLoc(), value);
  copy->getResult(0).setType(type);
  return copy;
}

static void padCopy(OpBuilder &builder, Value value, const HaloGroup &group) {
  Operation *first = group.uses.front()->getOwner();
  for (OpOperand *use : group.uses)
    if (use->getOwner()->isBeforeInBlock(first))
      first = use->getOwner();
  builder.setInsertionPoint(first);
  auto type = withEncoding(value.getType(), makeEncoding(group, value.getContext()));
  Operation *step = makePaddingStep(builder, value, type, group.fillValue);
  for (OpOperand *use : group.uses) {
    use->set(step->getResult(0));
    setInputType(*use, type);
  }
  qir::DispatchOp dispatch = wrapInDispatch(builder, step);
  if (group.fill)
    dispatch.setFillAttr(group.fill);
  dispatch->setAttr(reasonAttrName,
                    builder.getStringAttr("padded copy: the value is an input, is read densely "
                                          "elsewhere, or other readers need another fill"));
}

/// The group whose consumers get the halo without a copy: the largest that can. Null if none can.
static const HaloGroup *chooseInPlace(Value value, ArrayRef<HaloGroup> groups) {
  const HaloGroup *best = nullptr;
  for (const HaloGroup &group : groups)
    if (canPadInPlace(value, group) && (!best || group.uses.size() > best->uses.size()))
      best = &group;
  return best;
}

void padInputs(OpBuilder &builder, Block &block, const TargetModel &target) {
  HaloNeeds needs = collectNeeds(block, target);
  for (auto &[value, groups] : needs) {
    const HaloGroup *inPlace = chooseInPlace(value, groups);
    if (inPlace)
      padInPlace(builder, value, *inPlace);
    for (const HaloGroup &group : groups)
      if (&group != inPlace)
        padCopy(builder, value, group);
  }
}

} // namespace quern
