// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Kernel/MapNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;

namespace quern {

/// The nest of a dispatch whose anchor is a map: accesses of the inputs, then of the results.
static MapNest nestOf(const DispatchView &view) {
  SmallVector<LinearAccess> accesses;
  bool padded = false;
  if (auto map = llvm::dyn_cast<qir::MapOp>(view.anchor))
    for (auto [input, attribute] :
         llvm::zip(map.getInputs(), map.getMaps().getAsRange<AffineMapAttr>()))
      accesses.push_back(LinearAccess::of(
          attribute.getValue(), Layout::of(llvm::cast<RankedTensorType>(input.getType()))));
  RankedTensorType type;
  for (Value result : view.dispatch.getResults()) {
    type = llvm::cast<RankedTensorType>(result.getType());
    padded |= llvm::isa_and_present<qir::PaddedAttr>(type.getEncoding());
    accesses.push_back(LinearAccess::of(Layout::of(type)));
  }
  return MapNest::of(type.getShape(), accesses, padded);
}

int64_t getMapUnits(const DispatchView &view) { return nestOf(view).unitCount(); }

namespace {
class MapEmitter {
public:
  explicit MapEmitter(const EmitContext &context)
      : context(context), b(context.b), map(llvm::cast<qir::MapOp>(context.view.anchor)),
        fused(context.view, map, {}), nest(nestOf(context.view)), lanes(context.isa.lanes()) {}

  void emit();

private:
  void emitUnit(ArrayRef<Value> unit);
  /// Elements [0, count) of the inner dimension from `first`.
  void emitInner(ArrayRef<Value> outer, Value first, int64_t count);
  void emitGroup(ArrayRef<Value> outer, Value position, int64_t vectors, int64_t valid);
  /// The inner dimension is a few channels: lanes lie along the middle one and are interleaved.
  bool interleaves() const;
  void emitInterleaved(ArrayRef<Value> unit);
  void storeInterleaved(ArrayRef<Value> outer, Value position, size_t result,
                        SmallVector<Value> channels, int64_t valid);
  SmallVector<Value> load(ArrayRef<Value> indices, size_t laneDimension, int64_t delta,
                          int64_t valid);
  size_t inputs() const { return fused.sources.size(); }

  const EmitContext &context;
  KernelBuilder &b;
  qir::MapOp map;
  FusedMap fused;
  MapNest nest;
  int64_t lanes;
};
} // namespace

/// Inputs at these indices; lanes along one dimension, `delta` further.
SmallVector<Value> MapEmitter::load(ArrayRef<Value> indices, size_t laneDimension, int64_t delta,
                                    int64_t valid) {
  SmallVector<Value> values;
  for (size_t i = 0; i < inputs(); ++i) {
    const LinearAccess &access = nest.accesses[i];
    int64_t stride = access.coefficients[laneDimension];
    Value offset = b.add(access.offset(b, indices), delta * stride);
    values.push_back(loadLanes(b, fused.sources[i].buffer, offset, stride, lanes, valid));
  }
  return values;
}

void MapEmitter::emitGroup(ArrayRef<Value> outer, Value position, int64_t vectors, int64_t valid) {
  SmallVector<Value> indices(outer);
  indices.push_back(position);
  SmallVector<SmallVector<PendingStore>> pending(context.view.results.size());
  for (int64_t v = 0; v < vectors; ++v) {
    int64_t here = v + 1 == vectors ? valid : lanes;
    SmallVector<Value> arguments = load(indices, indices.size() - 1, v * lanes, here);
    SmallVector<Yielded> values = emitBody(b, map.getBody().front(), arguments, lanes);
    for (auto [r, result] : llvm::enumerate(context.view.results)) {
      Value base = nest.accesses[inputs() + r].offset(b, indices);
      pending[r].push_back(
          {values[context.view.returned[r].getResultNumber()], result, base, v * lanes, here});
    }
  }
  for (SmallVector<PendingStore> &stores : pending) {
    for (PendingStore &store : stores)
      store.base = stores.front().base;
    context.isa.stores().store(b, stores);
  }
}

void MapEmitter::emitInner(ArrayRef<Value> outer, Value first, int64_t count) {
  int64_t group = lanes == 1 ? 1 : 4 * lanes, whole = count / group * group;
  b.loop(0, whole, group,
         [&](Value i) { emitGroup(outer, b.add(i, first), group / lanes, lanes); });
  int64_t rest = count - whole, vectors = (rest + lanes - 1) / lanes;
  if (rest > 0)
    emitGroup(outer, b.add(first, whole), vectors, rest - (vectors - 1) * lanes);
}

bool MapEmitter::interleaves() const {
  if (lanes == 1 || nest.inner > 4 || nest.inner == 1 || nest.middle < lanes)
    return false;
  for (size_t i = inputs(); i < nest.accesses.size(); ++i)
    if (nest.accesses[i].coefficients.end()[-2] != nest.inner ||
        nest.accesses[i].coefficients.back() != 1)
      return false;
  return true;
}

void MapEmitter::storeInterleaved(ArrayRef<Value> outer, Value position, size_t r,
                                  SmallVector<Value> channels, int64_t valid) {
  int64_t count = nest.inner;
  while (channels.size() < 4)
    channels.push_back(channels.back());
  SmallVector<int64_t> both(2 * lanes), order(count * lanes);
  std::iota(both.begin(), both.end(), 0);
  Value low = b.shuffle(channels[0], channels[1], both),
        high = b.shuffle(channels[2], channels[3], both);
  for (int64_t i = 0; i < count * lanes; ++i)
    order[i] = i % count * lanes + i / count;
  SmallVector<Value> indices(outer);
  indices.push_back(position);
  Value offset = nest.accesses[inputs() + r].offset(b, indices);
  b.storeRaw(b.shuffle(low, high, order), context.view.results[r].memref, offset, count * valid);
}

void MapEmitter::emitInterleaved(ArrayRef<Value> unit) {
  auto emitColumns = [&](Value position, int64_t valid) {
    SmallVector<SmallVector<Value>> channels(context.view.results.size());
    for (int64_t c = 0; c < nest.inner; ++c) {
      SmallVector<Value> indices(unit);
      indices.append({position, b.index(c)});
      SmallVector<Value> arguments = load(indices, indices.size() - 2, 0, valid);
      SmallVector<Yielded> values = emitBody(b, map.getBody().front(), arguments, lanes);
      for (auto [r, result] : llvm::enumerate(context.view.results))
        channels[r].push_back(b.toMemory(
            finish(b, values[context.view.returned[r].getResultNumber()]), result.element()));
    }
    for (size_t r = 0; r < channels.size(); ++r)
      storeInterleaved(unit, position, r, channels[r], valid);
  };
  int64_t whole = nest.middle / lanes * lanes;
  b.loop(0, whole, lanes, [&](Value position) { emitColumns(position, lanes); });
  if (whole < nest.middle)
    emitColumns(b.index(whole), nest.middle - whole);
}

void MapEmitter::emitUnit(ArrayRef<Value> unit) {
  if (interleaves())
    return emitInterleaved(unit);
  b.loop(0, nest.middle, 1, [&](Value middle) {
    SmallVector<Value> outer(unit);
    outer.push_back(middle);
    emitInner(outer, b.index(0), nest.inner);
  });
}

void MapEmitter::emit() {
  const DispatchView &view = context.view;
  if (!nest.isFlat()) {
    b.loop(view.begin, view.end, 1, [&](Value unit) {
      emitUnit(nest.delinearize(b, unit));
      for (const Buffer &result : view.results)
        if (llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
          emitHalo(context, result, unit);
    });
    return;
  }
  int64_t block = MapNest::blockElements, whole = nest.inner / block;
  b.loop(view.begin, b.minimum(view.end, b.index(whole)), 1,
         [&](Value unit) { emitInner({Value()}, b.mul(unit, block), block); });
  if (whole * block == nest.inner)
    return;
  Value reaches = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, view.end, b.index(whole));
  b.ifThen(reaches,
           [&] { emitInner({Value()}, b.index(whole * block), nest.inner - whole * block); });
}

LogicalResult emitMap(const EmitContext &context) {
  MapEmitter(context).emit();
  return success();
}

} // namespace quern
