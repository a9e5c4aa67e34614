// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/DeviceHalo.h"

#include "compiler/target/Nvptx/Device.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace quern::device {

void fillHalos(const EmitContext &context) {
  KernelBuilder &b = context.b;
  for (const Buffer &result : context.view.results) {
    if (!llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
      continue;
    Value rows = b.index(result.type.getDimSize(0) * result.type.getDimSize(1));
    auto loop = scf::ForOp::create(b, gridThread(b), rows, gridThreads(b));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emitHalo(context, result, loop.getInductionVar());
  }
}

} // namespace quern::device
