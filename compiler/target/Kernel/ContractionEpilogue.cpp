// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/ContractionEpilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

ContractionEpilogue::ContractionEpilogue(const EmitContext &context, const ContractionShape &shape,
                                         const DotKernel &dot)
    : context(context), b(context.b), view(context.view), shape(shape), dot(dot),
      map(view, takesEpilogue() ? view.epilogue : qir::MapOp(), view.anchor->getResults()),
      extremes(context) {
  auto result = llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType());
  isFloat = result.getElementType().isF32();
  Type scalar = isFloat ? Type(b.getF32Type()) : Type(b.getI32Type());
  accumulatorType = KernelBuilder::withLanes(scalar, dot.lanes());
  for (const FusedMap::Source &source : map.sources)
    sourceAccesses.push_back(project(source.access));
  for (const Buffer &result : view.results)
    resultAccesses.push_back(project(LinearAccess::of(Layout::of(result.type))));
  bias = findBias();
  if (auto follower = llvm::dyn_cast_if_present<qir::TableOp>(view.follower)) {
    auto codes = llvm::cast<RankedTensorType>(follower.getInput().getType());
    table = {&context.isa, view.input(follower.getTable()).memref,
             codes.getElementType().isSignedInteger()};
  }
}

/// Before a softmax it is the rows' part (ContractionRows).
bool ContractionEpilogue::takesEpilogue() const {
  return !llvm::isa_and_present<qir::SoftmaxOp>(view.follower);
}

bool ContractionEpilogue::wantsSum() const { return shape.sums; }

ContractionEpilogue::OutputAccess ContractionEpilogue::project(const LinearAccess &access) const {
  OutputAccess output;
  size_t rank = access.coefficients.size();
  output.rows.constant = access.constant;
  output.channel = access.coefficients[rank - 1];
  if (!shape.flat) {
    output.rows.coefficients.assign(access.coefficients.begin(),
                                    access.coefficients.begin() + rank - 2);
    output.column = access.coefficients[rank - 2];
    return output;
  }
  // All leading dimensions are one walk; its step is that of the innermost one that moves.
  ArrayRef<int64_t> sizes =
      llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType()).getShape();
  for (size_t d = 0; d + 1 < rank; ++d)
    if (sizes[d] != 1)
      output.column = access.coefficients[d];
  return output;
}

int64_t ContractionEpilogue::findBias() const {
  if (!map.map || isFloat || dot.sumShift() != 0 || !view.anchor->getResult(0).hasOneUse())
    return -1;
  for (auto [index, source] : llvm::enumerate(map.sources)) {
    if (source.anchor != 0)
      continue;
    Value accumulator = view.epilogue.getBody().getArgument(index);
    if (!accumulator.hasOneUse())
      return -1;
    auto add = llvm::dyn_cast<arith::AddIOp>(*accumulator.user_begin());
    Value other = !add ? Value() : add.getLhs() == accumulator ? add.getRhs() : add.getLhs();
    auto argument = llvm::dyn_cast_if_present<BlockArgument>(other);
    if (!argument || argument == accumulator || map.sources[argument.getArgNumber()].anchor >= 0)
      return -1;
    const OutputAccess &access = sourceAccesses[argument.getArgNumber()];
    bool perChannel = access.column == 0 &&
                      llvm::all_of(access.rows.coefficients, [](int64_t c) { return c == 0; });
    bool isBias = perChannel && argument.hasOneUse();
    return isBias ? static_cast<int64_t>(argument.getArgNumber()) : -1;
  }
  return -1;
}

int64_t ContractionEpilogue::validLanes(const ContractionPanel &panel, const Group &group) const {
  bool isLast = group.first + group.count == panel.vectors;
  return dot.lanes() * (group.count - 1) + (isLast ? panel.valid : dot.lanes());
}

int64_t ContractionEpilogue::groupSize(int64_t vectors) const {
  int64_t size = std::max<int64_t>(1, context.isa.lanes() / dot.lanes());
  while (size > vectors)
    size /= 2;
  return size;
}

/// Zeros, or the bias where the epilogue would add it to every accumulator.
SmallVector<Value> ContractionEpilogue::initial(const ContractionPanel &panel, const PixelTile &t,
                                                Value channel) {
  Value zero = isFloat ? b.real(accumulatorType, 0.0f) : b.integer(accumulatorType, 0);
  SmallVector<Value> accumulators;
  for (int64_t v = 0; v < panel.vectors; ++v) {
    Value start = zero;
    if (bias >= 0)
      start = source(map.sources[bias], sourceAccesses[bias], t, channel, {0, v, 1},
                     validLanes(panel, {0, v, 1}));
    accumulators.push_back(start);
  }
  for (int64_t pixel = 1; pixel < t.count; ++pixel)
    for (int64_t v = 0; v < panel.vectors; ++v)
      accumulators.push_back(accumulators[v]);
  if (wantsSum())
    accumulators.append(t.count, b.integer(accumulatorType, 0));
  return accumulators;
}

Value ContractionEpilogue::source(const FusedMap::Source &source, const OutputAccess &access,
                                  const PixelTile &t, Value channel, const Group &group,
                                  int64_t valid) {
  Value offset = access.rows.offset(b, t.row);
  offset = b.add(b.add(offset, b.mul(t.column, access.column)), b.mul(channel, access.channel));
  int64_t lane = group.first * dot.lanes();
  offset = b.add(offset, group.pixel * access.column + lane * access.channel);
  return loadLanes(b, source.buffer, offset, access.channel, group.count * dot.lanes(), valid);
}

SmallVector<Yielded> ContractionEpilogue::finishLanes(const ContractionPanel &panel,
                                                      const PixelTile &t, Value channel,
                                                      ValueRange accumulators, const Group &group) {
  if (!map.map)
    return {};
  int64_t lanes = group.count * dot.lanes();
  Value accumulator =
      b.concatenate(accumulators.slice(group.pixel * panel.vectors + group.first, group.count));
  SmallVector<Value> arguments;
  for (auto [index, from] : llvm::enumerate(map.sources)) {
    if (from.anchor == 0)
      arguments.push_back(accumulator);
    else if (from.anchor > 0)
      arguments.push_back(b.concatenate(
          SmallVector<Value>(group.count, accumulators[t.count * panel.vectors + group.pixel])));
    else if (static_cast<int64_t>(index) == bias)
      arguments.push_back(b.integer(accumulator.getType(), 0)); // already in the accumulator
    else
      arguments.push_back(
          source(from, sourceAccesses[index], t, channel, group, validLanes(panel, group)));
  }
  return emitBody(b, view.epilogue.getBody().front(), arguments, lanes);
}

/// What goes to a result, but where.
PendingStore ContractionEpilogue::pendingStore(size_t result, ArrayRef<Yielded> values,
                                               Value sums) const {
  PendingStore store{};
  store.buffer = view.results[result];
  Value value = view.returned[result];
  if (table) {
    value = view.follower->getOperand(0);
    store.buffer.type = llvm::cast<RankedTensorType>(value.getType());
    store.table = &*table;
  }
  auto source = llvm::cast<OpResult>(value);
  if (source.getOwner() != view.anchor)
    store.yielded = values[source.getResultNumber()];
  else
    store.yielded.value = sums;
  return store;
}

void ContractionEpilogue::finish(const ContractionPanel &panel, const PixelTile &t, Value channel,
                                 ValueRange accumulators) {
  SmallVector<SmallVector<PendingStore>> pending(view.results.size());
  auto flush = [&](size_t r) {
    context.isa.stores().store(b, pending[r]);
    pending[r].clear();
  };
  SmallVector<Value> bases;
  for (const OutputAccess &access : resultAccesses)
    bases.push_back(b.add(b.add(access.rows.offset(b, t.row), b.mul(t.column, access.column)),
                          b.mul(channel, access.channel)));
  for (int64_t pixel = 0; pixel < t.count; ++pixel)
    for (Group group{pixel, 0, 0}; group.first < panel.vectors; group.first += group.count) {
      group.count = groupSize(panel.vectors - group.first);
      SmallVector<Yielded> values = finishLanes(panel, t, channel, accumulators, group);
      Value sums =
          b.concatenate(accumulators.slice(pixel * panel.vectors + group.first, group.count));
      extremes.takeFirst(values, sums, validLanes(panel, group));
      for (size_t r = 0; r < view.results.size(); ++r) {
        const OutputAccess &access = resultAccesses[r];
        int64_t delta = pixel * access.column + group.first * dot.lanes() * access.channel;
        PendingStore store = pendingStore(r, values, sums);
        store.base = bases[r];
        store.delta = delta;
        store.valid = validLanes(panel, group);
        pending[r].push_back(store);
        if (pending[r].size() == 4)
          flush(r);
      }
    }
  for (size_t r = 0; r < pending.size(); ++r)
    flush(r);
  extremes.store(t.unit);
}

} // namespace quern
