// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {

#define GEN_PASS_DEF_ASSIGNTILES
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct AssignTiles : impl::AssignTilesBase<AssignTiles> {
  using AssignTilesBase::AssignTilesBase;
  explicit AssignTiles(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override {
    getOperation().walk([&](qir::DispatchOp dispatch) {
      if (dispatch.getTileAttr())
        return;
      if (DictionaryAttr tile = chosen->chooseTile(dispatch))
        dispatch.setTileAttr(tile);
    });
  }

  const TargetModel *chosen = nullptr;
};

} // namespace

std::unique_ptr<Pass> createAssignTilesPass(const TargetModel &target) {
  return std::make_unique<AssignTiles>(target);
}

} // namespace quern
