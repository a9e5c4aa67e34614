// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "passes/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace quern {

#define GEN_PASS_DEF_SHARELITERALS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct ShareLiterals : impl::ShareLiteralsBase<ShareLiterals> {
  using ShareLiteralsBase::ShareLiteralsBase;
  void runOnOperation() override;
};

} // namespace

/// Appends an input to the map and to the dispatch around it; gives the body's new argument.
static Value appendInput(qir::DispatchOp dispatch, qir::MapOp map, Value constant, Type scalar) {
  auto type = llvm::cast<RankedTensorType>(constant.getType());
  Location loc = map.getLoc();
  dispatch.getInputsMutable().append(constant);
  Value inside = dispatch.getBody().addArgument(type, loc);
  map.getInputsMutable().append(inside);
  auto space = llvm::cast<RankedTensorType>(map.getResult(0).getType());
  MLIRContext *context = map.getContext();
  AffineMap first = AffineMap::get(space.getRank(), 0, getAffineConstantExpr(0, context), context);
  SmallVector<Attribute> maps(map.getMaps().getValue());
  maps.push_back(AffineMapAttr::get(first));
  map.setMapsAttr(ArrayAttr::get(context, maps));
  return map.getBody().addArgument(scalar, loc);
}

void ShareLiterals::runOnOperation() {
  getOperation().walk([&](qir::ToCodeOp code) {
    auto map = code->getParentOfType<qir::MapOp>();
    auto dispatch = code->getParentOfType<qir::DispatchOp>();
    auto zeroPoint = static_cast<int32_t>(code.getZeroPoint());
    if (!map || !dispatch || zeroPoint == 0 || code.getDynamicZeroPoint())
      return;
    OpBuilder builder(dispatch);
    auto type = RankedTensorType::get({1}, builder.getIntegerType(32, /*isSigned=*/true));
    Value constant = makeConstant<int32_t>(builder, code.getLoc(), type, {zeroPoint});
    Value argument = appendInput(dispatch, map, constant, builder.getI32Type());
    code.getDynamicZeroPointMutable().assign(argument);
    code.setZeroPoint(0);
  });
}

} // namespace quern
