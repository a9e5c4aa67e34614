// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace mlir;

namespace quern {

AnchorReader::AnchorReader(const EmitContext &context, Value operand, const ProducedRows *produced)
    : b(context.b), type(operand.getDefiningOp()
                             ? llvm::cast<RankedTensorType>(operand.getType())
                             : context.view.input(operand).type), // parts, not the value they make
      sizes(type.getShape()), laneDimension(sizes.empty() ? 0 : sizes.size() - 1),
      prologue(context.view, operand.getDefiningOp() ? context.view.prologue : qir::MapOp(),
               produced ? ValueRange(produced->values) : ValueRange()) {
  if (!prologue.map && produced) {
    readProduced(*produced, 0, 1);
  } else if (!prologue.map) {
    buffers.push_back(context.view.input(operand));
    accesses.push_back(LinearAccess::of(Layout::of(type)));
  }
  for (const FusedMap::Source &source : prologue.sources) {
    if (source.anchor >= 0) {
      readProduced(*produced, source.anchor, source.access.coefficients.back() == 0 ? 0 : 1);
      continue;
    }
    buffers.push_back(source.buffer);
    accesses.push_back(source.access);
  }
}

void AnchorReader::readProduced(const ProducedRows &produced, int64_t index, int64_t laneStep) {
  LinearAccess access;
  access.coefficients.assign(sizes.size(), 0);
  access.coefficients.back() = laneStep;
  access.coefficients.push_back(produced.rowSteps[index]);
  buffers.push_back(produced.buffers[index]);
  accesses.push_back(std::move(access));
}

/// The step with which the access walks dimensions [first, rank) as one, if it does.
static std::optional<int64_t> mergedStep(const LinearAccess &access, ArrayRef<int64_t> sizes,
                                         size_t first) {
  std::optional<int64_t> step, next;
  for (size_t d = sizes.size(); d-- > first;) {
    if (sizes[d] == 1)
      continue;
    int64_t coefficient = access.coefficients[d];
    if (next && *next != coefficient)
      return std::nullopt;
    if (!step)
      step = coefficient;
    next = coefficient * sizes[d];
  }
  return step ? *step : access.coefficients.back();
}

bool AnchorReader::mergeFrom(size_t first) {
  SmallVector<int64_t> steps;
  for (const LinearAccess &access : accesses) {
    std::optional<int64_t> step = mergedStep(access, sizes, first);
    if (!step)
      return false;
    steps.push_back(*step);
  }
  for (auto [access, step] : llvm::zip(accesses, steps)) {
    access.coefficients.truncate(first);
    access.coefficients.push_back(step);
  }
  int64_t merged = 1;
  for (size_t d = first; d < sizes.size(); ++d)
    merged *= sizes[d];
  sizes.truncate(first);
  sizes.push_back(merged);
  laneDimension = first;
  return true;
}

bool AnchorReader::isContiguous(size_t dimension) const {
  return llvm::all_of(accesses, [&](const LinearAccess &access) {
    int64_t step = access.coefficients[dimension];
    return step == 0 || step == 1;
  });
}

Value AnchorReader::load(ArrayRef<Value> indices, int64_t delta, int64_t lanes,
                         int64_t valid) const {
  SmallVector<Value> arguments;
  for (auto [buffer, access] : llvm::zip(buffers, accesses)) {
    int64_t stride = access.coefficients[laneDimension];
    Value offset = b.add(access.offset(b, indices), delta * stride);
    arguments.push_back(loadLanes(b, buffer, offset, stride, lanes, valid));
  }
  if (!prologue.map)
    return arguments.front();
  qir::MapOp map = prologue.map;
  Value value = finish(b, emitBody(b, map.getBody().front(), arguments, lanes).front());
  // What memory would have kept of it.
  if (llvm::isa<FloatType>(element()) && !element().isF32())
    value = b.toCompute(b.toMemory(value, element()), element());
  return value;
}

Value AnchorReader::loadRaw(ArrayRef<Value> indices, int64_t delta, int64_t lanes,
                            int64_t valid) const {
  Value offset = b.add(accesses.front().offset(b, indices), delta);
  return b.loadRaw(buffers.front().memref, offset, lanes, valid);
}

SmallVector<LinearAccess> AnchorWriter::resultAccesses(const DispatchView &view) {
  SmallVector<LinearAccess> accesses;
  if (qir::MapOp map = view.epilogue)
    for (auto [input, attribute] :
         llvm::zip(map.getInputs(), map.getMaps().getAsRange<AffineMapAttr>()))
      accesses.push_back(LinearAccess::of(
          attribute.getValue(), Layout::of(llvm::cast<RankedTensorType>(input.getType()))));
  for (Type type : view.dispatch->getResultTypes())
    accesses.push_back(LinearAccess::of(Layout::of(llvm::cast<RankedTensorType>(type))));
  return accesses;
}

AnchorWriter::AnchorWriter(const EmitContext &context)
    : AnchorWriter(context, resultAccesses(context.view)) {}

AnchorWriter::AnchorWriter(const EmitContext &context, ArrayRef<LinearAccess> accesses)
    : context(context), b(context.b),
      epilogue(context.view, context.view.epilogue, context.view.anchor->getResults()),
      accesses(accesses) {}

ArrayRef<LinearAccess> AnchorWriter::results() const {
  return ArrayRef(accesses).drop_front(epilogue.sources.size());
}

bool AnchorWriter::isContiguous() const {
  return llvm::all_of(results(),
                      [](const LinearAccess &access) { return access.coefficients.back() == 1; });
}

bool AnchorWriter::copies() const {
  return isContiguous() && llvm::all_of(context.view.returned, [&](OpResult result) {
           return result.getOwner() == context.view.anchor;
         });
}

SmallVector<Value> AnchorWriter::arguments(ArrayRef<Value> indices, Value value, int64_t delta,
                                           int64_t lanes, int64_t valid) const {
  SmallVector<Value> values;
  for (auto [source, access] : llvm::zip(epilogue.sources, accesses)) {
    if (source.anchor >= 0) {
      values.push_back(value);
      continue;
    }
    int64_t stride = access.coefficients.back();
    Value offset = b.add(access.offset(b, indices), delta * stride);
    values.push_back(loadLanes(b, source.buffer, offset, stride, lanes, valid));
  }
  return values;
}

void AnchorWriter::write(ArrayRef<Value> indices, ValueRange vectors, int64_t valid) const {
  const DispatchView &view = context.view;
  SmallVector<SmallVector<PendingStore>> pending(view.results.size());
  SmallVector<Value> bases;
  for (const LinearAccess &access : results())
    bases.push_back(access.offset(b, indices));
  for (auto [v, vector] : llvm::enumerate(vectors)) {
    int64_t lanes = KernelBuilder::lanesOf(vector.getType()), delta = v * lanes;
    int64_t here = v + 1 == vectors.size() ? valid : lanes;
    SmallVector<Yielded> values;
    if (qir::MapOp map = view.epilogue)
      values =
          emitBody(b, map.getBody().front(), arguments(indices, vector, delta, lanes, here), lanes);
    for (auto [r, result] : llvm::enumerate(view.results)) {
      OpResult returned = view.returned[r];
      Yielded value{vector, nullptr, Value()};
      if (returned.getOwner() != view.anchor)
        value = values[returned.getResultNumber()];
      pending[r].push_back({value, result, bases[r], delta, here});
    }
  }
  for (const SmallVector<PendingStore> &stores : pending)
    context.isa.stores().store(b, stores);
}

void AnchorWriter::writeRaw(ArrayRef<Value> indices, Value raw, int64_t valid) const {
  for (auto [access, result] : llvm::zip(results(), context.view.results))
    b.storeRaw(raw, result.memref, access.offset(b, indices), valid);
}

int64_t rawLanes(const CpuIsa &isa, Type memoryType) {
  if (isa.lanes() == 1)
    return 1;
  return std::min<int64_t>(64, isa.lanes() * 32 / memoryType.getIntOrFloatBitWidth());
}

bool hasPaddedResult(const DispatchView &view) {
  return llvm::any_of(view.dispatch->getResultTypes(), [](Type type) {
    return llvm::isa_and_present<qir::PaddedAttr>(llvm::cast<RankedTensorType>(type).getEncoding());
  });
}

SmallVector<Value> delinearize(KernelBuilder &b, Value position, ArrayRef<int64_t> sizes) {
  SmallVector<Value> indices(sizes.size());
  for (size_t d = sizes.size(); d-- > 0;) {
    bool isOutermost = llvm::all_of(sizes.take_front(d), [](int64_t size) { return size == 1; });
    if (sizes[d] == 1) {
      indices[d] = b.index(0);
    } else if (isOutermost) {
      indices[d] = position;
    } else {
      Value size = b.index(sizes[d]);
      indices[d] = arith::RemUIOp::create(b, position, size);
      position = arith::DivUIOp::create(b, position, size);
    }
  }
  return indices;
}

size_t getRowUnitRank(const DispatchView &view, size_t outerRank) {
  return hasPaddedResult(view) ? std::min<size_t>(2, outerRank) : outerRank;
}

int64_t countRowUnits(const DispatchView &view, ArrayRef<int64_t> outerSizes) {
  int64_t count = 1;
  for (int64_t size : outerSizes.take_front(getRowUnitRank(view, outerSizes.size())))
    count *= size;
  return count;
}

void forEachIndex(KernelBuilder &b, ArrayRef<int64_t> sizes, SmallVector<Value> prefix,
                  llvm::function_ref<void(ArrayRef<Value>)> body) {
  if (sizes.empty())
    return body(prefix);
  b.loop(0, sizes.front(), 1, [&](Value index) {
    SmallVector<Value> indices(prefix);
    indices.push_back(index);
    forEachIndex(b, sizes.drop_front(), indices, body);
  });
}

void forEachUnit(const EmitContext &context, ArrayRef<int64_t> unitSizes,
                 llvm::function_ref<void(ArrayRef<Value>)> body) {
  KernelBuilder &b = context.b;
  b.loop(context.view.begin, context.view.end, 1, [&](Value unit) {
    body(delinearize(b, unit, unitSizes));
    for (const Buffer &result : context.view.results)
      if (llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
        emitHalo(context, result, unit);
  });
}

void forEachRow(const EmitContext &context, ArrayRef<int64_t> outerSizes,
                llvm::function_ref<void(ArrayRef<Value>)> body) {
  size_t rank = getRowUnitRank(context.view, outerSizes.size());
  forEachUnit(context, outerSizes.take_front(rank), [&](ArrayRef<Value> unit) {
    forEachIndex(context.b, outerSizes.drop_front(rank), SmallVector<Value>(unit), body);
  });
}

void forEachRowBlock(
    const EmitContext &context, ArrayRef<int64_t> outerSizes, int64_t most,
    llvm::function_ref<void(Value, llvm::function_ref<SmallVector<Value>(Value)>)> body) {
  KernelBuilder &b = context.b;
  size_t rank = getRowUnitRank(context.view, outerSizes.size());
  auto blocks = [&](Value begin, Value end, ArrayRef<Value> prefix, ArrayRef<int64_t> sizes) {
    b.loop(begin, end, most, [&](Value first) {
      Value rest = arith::SubIOp::create(b, end, first);
      body(b.minimum(rest, b.index(most)), [&](Value number) {
        SmallVector<Value> indices(prefix);
        indices.append(delinearize(b, b.add(first, number), sizes));
        return indices;
      });
    });
  };
  if (rank == outerSizes.size())
    return blocks(context.view.begin, context.view.end, {}, outerSizes);
  ArrayRef<int64_t> inner = outerSizes.drop_front(rank);
  int64_t rows = std::accumulate(inner.begin(), inner.end(), int64_t{1}, std::multiplies<>());
  forEachUnit(context, outerSizes.take_front(rank),
              [&](ArrayRef<Value> unit) { blocks(b.index(0), b.index(rows), unit, inner); });
}

} // namespace quern
