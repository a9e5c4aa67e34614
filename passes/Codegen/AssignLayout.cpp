// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/Layouts.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "dialects/Quern/ConstantData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"

namespace quern {

#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

/// A matrix in a packed form, and the sums of its columns once somebody needs them.
struct PackedMatrix {
  Value packed;
  Value sums; ///< over the reduction, which stays with size 1; or null
};

/// Packs the right operands of one function, each in each form once.
class RightOperands {
public:
  RightOperands(OpBuilder &builder, const TargetModel &target) : builder(builder), target(target) {}
  LogicalResult pack(qir::DispatchOp dispatch);

private:
  Value packConstant(qir::ConstantOp constant, RankedTensorType type);
  void packBlockParameters(qir::DispatchOp dispatch, qir::MatMulOp matmul);
  PackedMatrix &packMatrix(OpOperand &operand, RankedTensorType type, bool isTransposed);
  void useSums(qir::DispatchOp dispatch, qir::MatMulOp matmul, PackedMatrix &matrix);

  OpBuilder &builder;
  const TargetModel &target;
  /// By value, packed type, and whether the value is [..., N, K].
  llvm::MapVector<std::tuple<Value, Type, unsigned>, PackedMatrix> packed;
};

struct AssignLayout : impl::AssignLayoutBase<AssignLayout> {
  using AssignLayoutBase::AssignLayoutBase;
  explicit AssignLayout(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override;

  const TargetModel *chosen = nullptr;
};

} // namespace

Value RightOperands::packConstant(qir::ConstantOp constant, RankedTensorType type) {
  PackedMatrix &matrix = packed[{constant, type, false}];
  if (!matrix.packed) {
    builder.setInsertionPointAfter(constant);
    matrix.packed = qir::RelayoutOp::create(builder, constant.getLoc(), type, constant, Value());
  }
  return matrix.packed;
}

/// The map that makes the matrix and nothing else, if its dispatch can pack at once.
static qir::DispatchOp getPackingProducer(OpOperand &operand) {
  auto producer = operand.get().getDefiningOp<qir::DispatchOp>();
  if (!producer || !operand.get().hasOneUse() || producer->getNumResults() != 1)
    return nullptr;
  DispatchParts parts = DispatchParts::of(producer);
  return parts.isMap() && !parts.relayout ? producer : nullptr;
}

/// Packs a matrix that is known only at run time, in a dispatch that also computes it if it can.
PackedMatrix &RightOperands::packMatrix(OpOperand &operand, RankedTensorType type,
                                        bool isTransposed) {
  PackedMatrix &matrix = packed[{operand.get(), type, isTransposed}];
  if (matrix.packed)
    return matrix;
  if (qir::DispatchOp producer = getPackingProducer(operand)) {
    Operation *terminator = producer.getBody().front().getTerminator();
    builder.setInsertionPoint(terminator);
    Value dense = terminator->getOperand(0);
    terminator->setOperand(
        0, qir::RelayoutOp::create(builder, producer.getLoc(), type, dense, Value(), isTransposed));
    setResultType(producer->getResult(0), type);
    matrix.packed = operand.get();
    return matrix;
  }
  // Next to the value: all its consumers come later.
  builder.setInsertionPointAfterValue(operand.get());
  Location location = operand.getOwner()->getLoc();
  auto relayout =
      qir::RelayoutOp::create(builder, location, type, operand.get(), Value(), isTransposed);
  operand.set(relayout);
  matrix.packed = wrapInDispatch(builder, relayout.getOperation()).getResult(0);
  operand.set(matrix.packed);
  return matrix;
}

static qir::ReduceOp makeSums(OpBuilder &builder, qir::MatMulOp matmul, Value dense) {
  auto element = llvm::cast<RankedTensorType>(matmul.getRhsSum().getType()).getElementType();
  auto input = llvm::cast<RankedTensorType>(dense.getType());
  int64_t axis = input.getRank() - (matmul.getTransposeRhs() ? 1 : 2);
  SmallVector<int64_t> shape(input.getShape());
  shape[axis] = 1;
  return qir::ReduceOp::create(builder, matmul.getLoc(), RankedTensorType::get(shape, element),
                               qir::ReduceKind::Sum, dense, builder.getDenseI64ArrayAttr({axis}));
}

/// Makes the sums a second result of the dispatch that packs the matrix.
static void addSums(OpBuilder &builder, PackedMatrix &matrix, qir::MatMulOp matmul) {
  auto producer = matrix.packed.getDefiningOp<qir::DispatchOp>();
  auto relayout = DispatchParts::of(producer).relayout;
  builder.setInsertionPoint(relayout);
  qir::ReduceOp sums = makeSums(builder, matmul, relayout.getInput());
  SmallVector<Type> types(producer->getResultTypes());
  types.push_back(sums.getType());
  builder.setInsertionPoint(producer);
  auto both = qir::DispatchOp::create(builder, producer.getLoc(), types, producer.getInputs(),
                                      producer.getTileAttr(), producer.getFillAttr());
  both->setDiscardableAttrs(producer->getDiscardableAttrDictionary());
  both.getBody().takeBody(producer.getBody());
  Operation *terminator = both.getBody().front().getTerminator();
  terminator->insertOperands(terminator->getNumOperands(), sums.getResult());
  matrix.packed.replaceAllUsesWith(both->getResult(0));
  matrix.packed = both->getResult(0);
  matrix.sums = both->getResult(1);
  producer.erase();
}

/// Replaces the product's own column sums.
void RightOperands::useSums(qir::DispatchOp dispatch, qir::MatMulOp matmul, PackedMatrix &matrix) {
  auto wanted = llvm::cast<RankedTensorType>(matmul.getRhsSum().getType());
  if (!matrix.sums)
    addSums(builder, matrix, matmul);
  Value sums = matrix.sums;
  if (sums.getType() != wanted) {
    builder.setInsertionPoint(dispatch);
    sums = qir::ReshapeOp::create(builder, matmul.getLoc(), wanted, sums);
  }
  matmul.getRhsSum().replaceAllUsesWith(addInput(dispatch, sums));
  builder.setInsertionPoint(matmul);
  Type lhsSum = matmul.getLhsSum() ? matmul.getLhsSum().getType() : Type();
  auto changed =
      qir::MatMulOp::create(builder, matmul.getLoc(), matmul.getResult().getType(), lhsSum, Type(),
                            matmul.getLhs(), matmul.getRhs(), matmul.getTransposeRhs());
  changed->setDiscardableAttrs(matmul->getDiscardableAttrDictionary());
  matmul.getResult().replaceAllUsesWith(changed.getResult());
  if (lhsSum)
    matmul.getLhsSum().replaceAllUsesWith(changed.getLhsSum());
  matmul.erase();
}

/// The sums can be computed beside the matrix if they have as many elements as its columns.
static bool canMoveSums(qir::DispatchOp dispatch, qir::MatMulOp matmul) {
  if (!matmul || !matmul.getRhsSum())
    return false;
  auto rhs = llvm::cast<RankedTensorType>(matmul.getRhs().getType());
  auto sum = llvm::cast<RankedTensorType>(matmul.getRhsSum().getType());
  int64_t k = rhs.getDimSize(rhs.getRank() - (matmul.getTransposeRhs() ? 1 : 2));
  bool isReturned = llvm::is_contained(dispatch.getBody().front().getTerminator()->getOperands(),
                                       matmul.getRhsSum());
  return !isReturned && k != 0 && sum.getNumElements() == rhs.getNumElements() / k;
}

/// Scales and zero points by blocks, in the order in which the kernel reads them.
void RightOperands::packBlockParameters(qir::DispatchOp dispatch, qir::MatMulOp matmul) {
  for (Value parameter : {matmul.getScales(), matmul.getZeroPoints()}) {
    OpOperand *operand = parameter ? getDispatchOperand(dispatch, parameter) : nullptr;
    auto constant = operand ? operand->get().getDefiningOp<qir::ConstantOp>() : qir::ConstantOp();
    qir::PackedAttr form = constant ? target.getBlockForm(matmul, parameter) : qir::PackedAttr();
    if (!form)
      continue;
    auto type = withEncoding(parameter.getType(), form);
    operand->set(packConstant(constant, type));
    setInputType(*operand, type);
  }
}

LogicalResult RightOperands::pack(qir::DispatchOp dispatch) {
  Operation *anchor = DispatchParts::of(dispatch).anchor;
  if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(anchor))
    return success();
  qir::PackedAttr form = target.getPackedForm(anchor);
  OpOperand *operand = getDispatchOperand(dispatch, getRightOperand(anchor).get());
  if (!form || !operand)
    return success();
  auto type = withEncoding(operand->get().getType(), form);
  // The body must not read the matrix in another role, too.
  Value inside = getRightOperand(anchor).get();
  if (!inside.hasOneUse()) {
    auto argument = addInput(dispatch, operand->get());
    getRightOperand(anchor).set(argument);
    operand = getDispatchOperand(dispatch, argument);
  }
  auto constant = operand->get().getDefiningOp<qir::ConstantOp>();
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor);
  if (constant) {
    if (matmul)
      packBlockParameters(dispatch, matmul);
    operand->set(packConstant(constant, type));
    setInputType(*operand, type);
    return success();
  }
  if (!matmul)
    return anchor->emitError("expected constant weights, found ")
           << type << " that is computed at run time: '" << target.getName()
           << "' packs convolution weights at compile time only";
  PackedMatrix &matrix = packMatrix(*operand, type, matmul.getTransposeRhs());
  operand->set(matrix.packed);
  setInputType(*operand, type);
  if (canMoveSums(dispatch, matmul))
    useSums(dispatch, matmul, matrix);
  return success();
}

LogicalResult packRightOperands(OpBuilder &builder, Block &block, const TargetModel &target) {
  RightOperands operands(builder, target);
  SmallVector<qir::DispatchOp> dispatches(block.getOps<qir::DispatchOp>());
  for (qir::DispatchOp dispatch : dispatches)
    if (failed(operands.pack(dispatch)))
      return failure();
  return success();
}

void AssignLayout::runOnOperation() {
  if (getOperation().isExternal())
    return;
  OpBuilder builder(&getContext());
  if (chosen->wantsPaddedInputs())
    padInputs(builder, getOperation().front(), *chosen);
  if (failed(packRightOperands(builder, getOperation().front(), *chosen)))
    signalPassFailure();
}

std::unique_ptr<Pass> createAssignLayoutPass(const TargetModel &target) {
  return std::make_unique<AssignLayout>(target);
}

} // namespace quern
