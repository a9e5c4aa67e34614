// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

/// What the halo holds, as it is in memory: the `fill` of the dispatch, or the operand of its
/// relayout, or 0.
static Value fillValue(const EmitContext &context, Type element) {
  KernelBuilder &b = context.b;
  if (qir::RelayoutOp relayout = context.view.relayout; relayout && relayout.getFillValue())
    return b.loadRaw(context.view.input(relayout.getFillValue()).memref, b.index(0), 1, 1);
  Attribute fill = context.view.dispatch.getFillAttr();
  Type memory = getMemoryType(element);
  if (llvm::isa<IntegerType>(memory)) {
    auto code = llvm::dyn_cast_if_present<IntegerAttr>(fill);
    APInt bits(64, code ? code.getInt() : 0, /*isSigned=*/true);
    return b.integer(memory, bits.trunc(memory.getIntOrFloatBitWidth()).getSExtValue());
  }
  auto real = llvm::dyn_cast_if_present<FloatAttr>(fill);
  return b.toMemory(b.real(b.getF32Type(), real ? real.getValueAsDouble() : 0.0), element);
}

/// Stores `count` equal elements.
static void fillRun(const EmitContext &context, const Buffer &buffer, Value first, int64_t count,
                    Value scalar) {
  if (count == 0)
    return;
  KernelBuilder &b = context.b;
  int64_t lanes = rawLanes(context.isa, scalar.getType());
  while (lanes / 2 >= count)
    lanes /= 2;
  Value vector = b.splat(scalar, lanes);
  int64_t whole = count / lanes * lanes;
  b.loop(0, whole, lanes,
         [&](Value i) { b.storeRaw(vector, buffer.memref, b.add(first, i), lanes); });
  if (whole == count)
    return;
  // The last vector overlaps the one before it, which costs less than a mask.
  if (whole > 0)
    b.storeRaw(vector, buffer.memref, b.add(first, count - lanes), lanes);
  else
    b.storeRaw(vector, buffer.memref, first, count);
}

void emitHalo(const EmitContext &context, const Buffer &result, Value row) {
  KernelBuilder &b = context.b;
  auto padded = llvm::cast<qir::PaddedAttr>(result.type.getEncoding());
  Layout layout = Layout::of(result.type);
  Value fill = fillValue(context, result.element());
  ArrayRef<int64_t> shape = result.type.getShape();
  SmallVector<Value> indices = delinearize(b, row, shape.take_front(2));
  Value image = b.mul(indices[0], layout.strides[0]);
  int64_t rowStride = layout.strides[1], pixel = layout.strides[2];
  Value start = b.add(b.add(image, b.mul(indices[1], rowStride)), padded.getTop() * rowStride);
  fillRun(context, result, start, padded.getLeft() * pixel, fill);
  Value right = b.add(start, (padded.getLeft() + shape[2]) * pixel);
  fillRun(context, result, right, padded.getRight() * pixel, fill);
  auto fillAt = [&](int64_t height, int64_t rows, int64_t firstRow) {
    if (rows == 0)
      return;
    Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, indices[1], b.index(height));
    b.ifThen(isHere, [&] {
      fillRun(context, result, b.add(image, firstRow * rowStride), rows * rowStride, fill);
    });
  };
  fillAt(0, padded.getTop(), 0);
  fillAt(shape[1] - 1, padded.getBottom(), padded.getTop() + shape[1]);
}

} // namespace quern
