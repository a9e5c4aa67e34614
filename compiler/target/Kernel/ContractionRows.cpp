// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/ContractionRows.h"

using namespace mlir;

namespace quern {

ContractionRows::ContractionRows(const EmitContext &outer, const ContractionShape &shape,
                                 const ContractionTile &tile, const DotKernel &dot)
    : shape(shape), dot(dot), b(outer.b), contraction(outer.view.anchor),
      view(outer.view.ofFollower()), context{outer.b, view, outer.isa} {
  int64_t lanes = dot.lanes();
  rowStep = (shape.channels + lanes - 1) / lanes * lanes;
  auto result = llvm::cast<RankedTensorType>(contraction->getResult(0).getType());
  Type element = result.getElementType().isF32() ? Type(b.getF32Type()) : Type(b.getI32Type());
  auto add = [&](Value value, int64_t step) {
    produced.values.push_back(value);
    produced.buffers.push_back(
        {b.stackBuffer(tile.rows * step, element), llvm::cast<RankedTensorType>(value.getType())});
    produced.rowSteps.push_back(step);
  };
  add(contraction->getResult(0), rowStep);
  if (shape.sums)
    add(contraction->getResult(1), lanes);
  rows.emplace(context, tile.rows, &produced);
}

void ContractionRows::keep(const ContractionPanel &panel, const PixelTile &t,
                           ValueRange accumulators) {
  int64_t lanes = dot.lanes();
  Value first = b.mul(panel.firstVector, lanes);
  for (int64_t pixel = 0; pixel < t.count; ++pixel)
    for (int64_t v = 0; v < panel.vectors; ++v)
      b.storeRaw(accumulators[pixel * panel.vectors + v], produced.buffers[0].memref,
                 b.add(first, pixel * rowStep + v * lanes), lanes);
  if (shape.sums)
    for (int64_t pixel = 0; pixel < t.count; ++pixel)
      b.storeRaw(accumulators[t.count * panel.vectors + pixel], produced.buffers[1].memref,
                 b.index(pixel * lanes), lanes);
}

void ContractionRows::finish(const PixelTile &t) {
  ArrayRef<int64_t> sizes =
      llvm::cast<RankedTensorType>(contraction->getResult(0).getType()).getShape().drop_back();
  rows->emitBlock([&](llvm::function_ref<void(const RowEmitter::Row &)> visit) {
    b.loop(b.index(0), b.index(t.count), 1, [&](Value number) {
      Value column = b.add(t.column, number);
      SmallVector<Value> indices(t.row);
      if (shape.flat)
        indices = delinearize(b, column, sizes);
      else
        indices.push_back(column);
      visit({indices, number});
    });
  });
}

} // namespace quern
