// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/CostModel.h"

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/DispatchParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static int64_t countElements(Value value) { return typeOf(value).getNumElements(); }

bool isCodeType(Type type) {
  auto integer = llvm::dyn_cast<IntegerType>(type);
  return integer && integer.getWidth() > 1 && integer.getWidth() <= 16;
}

static int64_t countMacs(Operation *anchor) {
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor)) {
    int64_t outputs = typeOf(conv.getWeights()).getDimSize(0);
    return outputs == 0
               ? 0
               : countElements(conv.getResult()) * countElements(conv.getWeights()) / outputs;
  }
  if (auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor)) {
    auto lhs = typeOf(matmul.getLhs());
    return countElements(matmul.getResult()) * lhs.getDimSize(lhs.getRank() - 1);
  }
  return 0;
}

static int64_t countBufferBytes(RankedTensorType type, CostForm form) {
  if (form == CostForm::AsFloat && isCodeType(type.getElementType()))
    return 4 * type.getNumElements();
  return getBufferBytes(type);
}

static int64_t countBytes(qir::DispatchOp dispatch, Operation *anchor, CostForm form) {
  int64_t bytes = 0;
  auto gather = llvm::dyn_cast<qir::GatherOp>(anchor);
  for (auto [outside, inside] :
       llvm::zip(dispatch.getInputs(), dispatch.getBody().front().getArguments()))
    bytes += countBufferBytes(
        typeOf(gather && gather.getInput() == inside ? gather.getResult() : outside), form);
  for (Value result : dispatch.getResults())
    bytes += countBufferBytes(typeOf(result), form);
  return bytes;
}

/// Whether an op of a map's body is there only because the model is quantized: conversions between
/// codes and floats, the multiplications by scales beside them, integer arithmetic.
static bool servesCodes(Operation &op) {
  if (llvm::isa<qir::ToCodeOp, arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp>(op))
    return true;
  if (op.getNumResults() == 1 && op.getResult(0).getType().isInteger(32))
    return true;
  if (!llvm::isa<arith::MulFOp, arith::DivFOp>(op))
    return false;
  auto isConversion = [](Value value) {
    return llvm::isa_and_present<arith::SIToFPOp, arith::UIToFPOp>(value.getDefiningOp());
  };
  return llvm::any_of(op.getOperands(), isConversion) ||
         llvm::all_of(op.getUsers(),
                      [](Operation *user) { return llvm::isa<qir::ToCodeOp>(user); });
}

/// Operations for one element of a map. Reading and storing codes is widening and packing.
static double countMapOps(qir::MapOp map, CostForm form) {
  constexpr double toCode = 3;
  double ops = 0;
  for (Operation &op : map.getBody().front().without_terminator()) {
    if (llvm::isa<arith::ConstantOp>(op) || (form == CostForm::AsFloat && servesCodes(op)))
      continue;
    ops += llvm::isa<qir::ToCodeOp>(op) ? toCode : 1;
  }
  if (form == CostForm::AsStored)
    ops += llvm::count_if(map.getInputs(),
                          [](Value input) { return isCodeType(typeOf(input).getElementType()); });
  return ops;
}

// What the kernels of these ops take for an element, in operations.
static constexpr double softmaxOps = 19, layerNormOps = 12, tableOps = 1.5, biasAndClampOps = 2;

/// Operations for one element of the result of an anchor or follower, where it is no map.
static double countAnchorOps(Operation *anchor, CostForm form) {
  return llvm::TypeSwitch<Operation *, double>(anchor)
      .Case<qir::SoftmaxOp>([](auto) { return softmaxOps; })
      .Case<qir::LayerNormOp>([](auto) { return layerNormOps; })
      .Case<qir::TableOp>([](auto) { return tableOps; })
      .Case<qir::PoolOp>([](qir::PoolOp pool) {
        return static_cast<double>(pool.getKernel()[0] * pool.getKernel()[1]);
      })
      .Case<qir::ReduceOp>([](qir::ReduceOp reduce) {
        return static_cast<double>(countElements(reduce.getInput())) /
               std::max<int64_t>(1, countElements(reduce.getResult()));
      })
      // Among codes the bias is an integer operation of the epilogue and the clamp part of to_code.
      .Case<qir::ConvOp, qir::MatMulOp>([&](Operation *op) {
        bool isFloat = typeOf(op->getOperand(0)).getElementType().isF32();
        return form == CostForm::AsFloat && !isFloat ? biasAndClampOps : 0.0;
      })
      .Default(0.0);
}

static double countElementOps(qir::DispatchOp dispatch, const DispatchParts &parts, CostForm form) {
  double ops = 0;
  for (auto map : dispatch.getBody().front().getOps<qir::MapOp>())
    ops += countMapOps(map, form) * static_cast<double>(countElements(map.getResult(0)));
  for (Operation *op : {parts.anchor, parts.follower})
    if (op && op->getNumResults() > 0 && !llvm::isa<qir::MapOp>(op))
      ops += countAnchorOps(op, form) * static_cast<double>(countElements(op->getResult(0)));
  return ops;
}

Cost estimateCost(qir::DispatchOp dispatch, const TargetModel &target, CostForm form) {
  DispatchParts parts = DispatchParts::of(dispatch);
  Operation *anchor = parts.anchor;
  TargetRates rates = target.getRates();
  Cost cost;
  if (!anchor) // written by hand, with no more than its kernel's name
    return cost;
  cost.macs = countMacs(anchor);
  cost.bytes = countBytes(dispatch, anchor, form);
  if (cost.macs > 0)
    cost.products = target.estimateProducts(dispatch, cost.macs, form == CostForm::AsFloat);
  cost.elements = countElementOps(dispatch, parts, form) / rates.elementOps;
  cost.transport = static_cast<double>(cost.bytes) / rates.bytes;
  return cost;
}

} // namespace quern
