// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/ElementMap.h"

#include "compiler/target/Kernel/AnchorAccess.h"

using namespace mlir;

namespace quern {

/// Takes one element of the iteration space through the map.
static void emitElement(const EmitContext &context, const FusedMap &fused,
                        ArrayRef<Value> indices) {
  KernelBuilder &b = context.b;
  SmallVector<Value> arguments;
  for (const FusedMap::Source &source : fused.sources) {
    Value offset = source.access.offset(b, indices);
    arguments.push_back(loadLanes(b, source.buffer, offset, 1, 1, 1));
  }
  SmallVector<Yielded> values = emitBody(b, fused.map.getBody().front(), arguments, 1);
  SmallVector<PendingStore> stores;
  for (auto [result, returned] : llvm::zip(context.view.results, context.view.returned)) {
    Value offset = LinearAccess::of(Layout::of(result.type)).offset(b, indices);
    stores.push_back({values[returned.getResultNumber()], result, offset, 0, 1});
  }
  context.isa.stores().store(b, stores);
}

LogicalResult emitElementMap(const EmitContext &context) {
  const DispatchView &view = context.view;
  FusedMap fused(view, llvm::cast<qir::MapOp>(view.anchor), {});
  ArrayRef<int64_t> shape = view.results.front().type.getShape();
  context.b.loop(view.begin, view.end, 1, [&](Value unit) {
    emitElement(context, fused, delinearize(context.b, unit, shape));
  });
  return success();
}

} // namespace quern
