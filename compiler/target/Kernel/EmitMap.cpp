// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Kernel/MapNest.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;

namespace quern {

/// Whether all that the map reads, computes and writes has at most 32 bits, as transposing wants.
static bool isNarrow(const DispatchView &view) {
  auto map = llvm::dyn_cast<qir::MapOp>(view.anchor);
  if (!map)
    return false;
  auto narrow = [](Type type) {
    return getComputeType(llvm::cast<RankedTensorType>(type).getElementType())
               .getIntOrFloatBitWidth() == 32;
  };
  return llvm::all_of(map.getInputs().getTypes(), narrow) &&
         llvm::all_of(view.dispatch->getResultTypes(), narrow);
}

/// The nest of a dispatch whose anchor is a map: accesses of the inputs, then of the results.
static MapNest nestOf(const DispatchView &view, const CpuIsa &isa) {
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
  if (!padded && isNarrow(view)) {
    size_t inputs = accesses.size() - view.dispatch->getNumResults();
    if (auto nest = MapNest::transposing(type.getShape(), accesses, inputs, isa.lanes()))
      return *nest;
  }
  return MapNest::of(type.getShape(), accesses, padded);
}

int64_t getMapUnits(const DispatchView &view, const CpuIsa &isa) {
  return nestOf(view, isa).unitCount();
}

namespace {
class MapEmitter {
public:
  explicit MapEmitter(const EmitContext &context)
      : context(context), b(context.b), map(llvm::cast<qir::MapOp>(context.view.anchor)),
        fused(context.view, map, {}), nest(nestOf(context.view, context.isa)),
        lanes(context.isa.lanes()) {}

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
  void emitTransposed(ArrayRef<Value> unit);
  void emitTransposedTile(ArrayRef<Value> unit, Value inner, int64_t across, int64_t along);
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

/// `rows` as columns: a square of vectors, in log2(lanes) exchanges.
static void transposeSquare(KernelBuilder &b, MutableArrayRef<Value> rows) {
  auto lanes = static_cast<int64_t>(rows.size());
  for (int64_t distance = 1; distance < lanes; distance *= 2) {
    SmallVector<int64_t> low(lanes), high(lanes);
    for (int64_t j = 0; j < lanes; ++j) {
      bool own = (j & distance) == 0;
      low[j] = own ? j : lanes + j - distance;
      high[j] = own ? j + distance : lanes + j;
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if (i & distance)
        continue;
      Value first = rows[i], second = rows[i + distance];
      rows[i] = b.shuffle(first, second, low);
      rows[i + distance] = b.shuffle(first, second, high);
    }
  }
}

/// `across` middle positions of the unit by `along` inner ones from `inner`.
void MapEmitter::emitTransposedTile(ArrayRef<Value> unit, Value inner, int64_t across,
                                    int64_t along) {
  SmallVector<Value> indices(unit);
  indices.append({b.index(0), inner});
  SmallVector<SmallVector<Value>> squares(context.view.results.size());
  for (int64_t i = 0; i < lanes; ++i) {
    if (i >= along) { // what is transposed there is not stored
      for (SmallVector<Value> &square : squares)
        square.push_back(square.front());
      continue;
    }
    indices.back() = b.add(inner, i);
    SmallVector<Value> arguments = load(indices, indices.size() - 2, 0, across);
    SmallVector<Yielded> values = emitBody(b, map.getBody().front(), arguments, lanes);
    for (auto [r, square] : llvm::enumerate(squares))
      square.push_back(finish(b, values[context.view.returned[r].getResultNumber()]));
  }
  indices.back() = inner;
  for (auto [r, square] : llvm::enumerate(squares)) {
    transposeSquare(b, square);
    const LinearAccess &access = nest.accesses[inputs() + r];
    const Buffer &result = context.view.results[r];
    Value base = access.offset(b, indices);
    for (int64_t t = 0; t < across; ++t)
      b.storeRaw(b.toMemory(square[t], result.element()), result.memref,
                 b.add(base, t * access.coefficients.end()[-2]), along);
  }
}

void MapEmitter::emitTransposed(ArrayRef<Value> unit) {
  int64_t groups = nest.units.back(), rest = nest.middle - (groups - 1) * lanes;
  int64_t whole = nest.inner / lanes * lanes;
  auto emitGroup = [&](int64_t across) {
    b.loop(0, whole, lanes, [&](Value i) { emitTransposedTile(unit, i, across, lanes); });
    if (whole < nest.inner)
      emitTransposedTile(unit, b.index(whole), across, nest.inner - whole);
  };
  if (rest == lanes)
    return emitGroup(lanes);
  Value last = b.index(groups - 1);
  auto is = [&](arith::CmpIPredicate predicate) {
    return arith::CmpIOp::create(b, predicate, unit.back(), last);
  };
  if (groups > 1)
    b.ifThen(is(arith::CmpIPredicate::ne), [&] { emitGroup(lanes); });
  b.ifThen(is(arith::CmpIPredicate::eq), [&] { emitGroup(rest); });
}

void MapEmitter::emitUnit(ArrayRef<Value> unit) {
  if (nest.transposedLanes != 0)
    return emitTransposed(unit);
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
