// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/ContentStore.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace quern {

#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct PackWeights : impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;
  explicit PackWeights(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override;

private:
  LogicalResult packOne(qir::RelayoutOp relayout);
  void releaseUnused();

  const TargetModel *chosen = nullptr;
  llvm::StringMap<Attribute> packed; ///< values of packed constants by what they were made from
  llvm::StringSet<> replaced;        ///< hashes of blobs that were packed
};

} // namespace

/// The contraction that reads the packed matrix.
static Operation *getContraction(qir::RelayoutOp relayout) {
  for (OpOperand &use : relayout->getUses()) {
    auto dispatch = llvm::dyn_cast<qir::DispatchOp>(use.getOwner());
    if (!dispatch)
      continue;
    Operation *anchor = DispatchParts::of(dispatch).anchor;
    // The right operand, or what belongs to its blocks.
    if (llvm::isa<qir::ConvOp, qir::MatMulOp>(anchor) &&
        llvm::any_of(anchor->getOperands().drop_front(),
                     [&](Value operand) { return getDispatchOperand(dispatch, operand) == &use; }))
      return anchor;
  }
  return nullptr;
}

/// Equal keys have equal packed bytes: the content, its shape, the form and how the op reads it.
static std::string makeKey(Operation *anchor, qir::BlobAttr blob, Type type) {
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << blob << ' ' << type << ' ' << anchor->getName();
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor))
    stream << ' ' << conv.getGroups();
  else
    stream << ' ' << llvm::cast<qir::MatMulOp>(anchor).getTransposeRhs();
  return key;
}

LogicalResult PackWeights::packOne(qir::RelayoutOp relayout) {
  qir::ConstantOp constant = getConstant(relayout.getInput());
  auto type = llvm::cast<RankedTensorType>(relayout.getType());
  auto form = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding());
  Operation *anchor = getContraction(relayout);
  if (!constant || !form || !anchor)
    return relayout.emitError("expected a constant that a convolution or product reads packed");
  OpBuilder builder(relayout);
  auto blob = llvm::dyn_cast<qir::BlobAttr>(constant.getValue());
  std::string key = blob ? makeKey(anchor, blob, type) : "";
  Attribute known = blob ? packed.lookup(key) : Attribute();
  qir::ConstantOp result;
  if (known) {
    result = qir::ConstantOp::create(builder, constant.getLoc(), type, known, nullptr);
  } else {
    std::vector<char> storage;
    std::vector<char> bytes = chosen->pack(anchor, form, getConstantBytes(constant, storage));
    if (static_cast<int64_t>(bytes.size()) != form.getBytes())
      return relayout.emitError("target '") << chosen->getName() << "' packed " << bytes.size()
                                            << " bytes, expected " << form.getBytes();
    result = makeConstantFromBytes(builder, constant.getLoc(), type, std::move(bytes));
  }
  if (blob) {
    packed[key] = result.getValue();
    replaced.insert(blob.getHash());
  }
  result.setSiteAttr(constant.getSiteAttr());
  relayout.getResult().replaceAllUsesWith(result);
  relayout.erase();
  if (constant->use_empty())
    constant.erase();
  return success();
}

/// Blobs that were packed and that no constant names any more.
void PackWeights::releaseUnused() {
  getOperation().walk([&](qir::ConstantOp constant) {
    if (auto blob = llvm::dyn_cast<qir::BlobAttr>(constant.getValue()))
      replaced.erase(blob.getHash());
  });
  auto *dialect = getContext().getLoadedDialect<qir::QuernDialect>();
  for (const auto &hash : replaced)
    dialect->getContentStore().release(hash.getKey());
}

void PackWeights::runOnOperation() {
  packed.clear();
  replaced.clear();
  SmallVector<qir::RelayoutOp> relayouts;
  for (auto function : getOperation().getOps<func::FuncOp>())
    llvm::append_range(relayouts, function.getOps<qir::RelayoutOp>());
  for (qir::RelayoutOp relayout : relayouts)
    if (failed(packOne(relayout)))
      return signalPassFailure();
  releaseUnused();
}

std::unique_ptr<Pass> createPackWeightsPass(const TargetModel &target) {
  return std::make_unique<PackWeights>(target);
}

} // namespace quern
