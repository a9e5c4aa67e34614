// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/MapNest.h"
#include "compiler/target/Kernel/RegionCopy.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

RegionCopy::RegionCopy(const EmitContext &context, const Buffer &input, LinearAccess access,
                       ArrayRef<int64_t> shape, ArrayRef<int64_t> shift)
    : context(context), input(input), read(std::move(access)), shape(shape),
      writes(AnchorWriter::resultAccesses(context.view)) {
  for (LinearAccess &write : writes)
    for (auto [coefficient, distance] : llvm::zip(write.coefficients, shift))
      write.constant += coefficient * distance;
}

/// The access with its first indices bound: a base offset and the coefficients of the others.
static std::pair<Value, LinearAccess> bindPrefix(KernelBuilder &b, const LinearAccess &access,
                                                 ArrayRef<Value> prefix) {
  LinearAccess rest;
  rest.coefficients.assign(access.coefficients.begin() + prefix.size(), access.coefficients.end());
  return {access.offset(b, prefix), rest};
}

void RegionCopy::emit(ArrayRef<Value> prefix, Value inputBase) const {
  // An empty part of a concat has no run, whose length the lanes could be fitted to.
  if (llvm::is_contained(shape, 0))
    return;
  KernelBuilder &b = context.b;
  SmallVector<LinearAccess> rest;
  SmallVector<Value> bases;
  auto bind = [&](const LinearAccess &access, Value extra) {
    auto [base, free] = bindPrefix(b, access, prefix);
    bases.push_back(extra ? b.add(base, extra) : base);
    rest.push_back(free);
  };
  bind(read, inputBase);
  for (const LinearAccess &write : writes)
    bind(write, Value());
  MapNest nest = MapNest::of(ArrayRef(shape).drop_front(prefix.size()), rest, false);
  forEachIndex(b, nest.units, {}, [&](ArrayRef<Value> unit) {
    b.loop(0, nest.middle, 1, [&](Value middle) {
      SmallVector<Value> outer(unit);
      outer.push_back(middle);
      SmallVector<Value> starts;
      for (auto [base, access] : llvm::zip(bases, nest.accesses))
        starts.push_back(b.add(access.offset(b, outer), base));
      emitRun(nest, starts);
    });
  });
}

/// One run of the innermost dimension, each access from its own start.
void RegionCopy::emitRun(const MapNest &nest, ArrayRef<Value> starts) const {
  KernelBuilder &b = context.b;
  // Index 0 is the position, index 1 + i the start of access i.
  SmallVector<LinearAccess> accesses;
  for (size_t i = 0; i < starts.size(); ++i) {
    LinearAccess access;
    access.coefficients.assign(starts.size() + 1, 0);
    access.coefficients[i] = 1;
    access.coefficients.back() = nest.accesses[i].coefficients.back();
    accesses.push_back(std::move(access));
  }
  AnchorWriter writer(context, ArrayRef(accesses).drop_front());
  int64_t stride = accesses.front().coefficients.back();
  bool isRaw = writer.copies() && (stride == 0 || stride == 1);
  int64_t lanes =
      isRaw ? rawLanes(context.isa, getMemoryType(input.element())) : context.isa.lanes();
  if (!writer.isContiguous())
    lanes = 1;
  while (lanes / 2 >= nest.inner)
    lanes /= 2;
  auto emitVector = [&](Value position, int64_t vectors, int64_t valid) {
    SmallVector<Value> indices(starts), values;
    indices.push_back(position);
    Value offset = accesses.front().offset(b, indices);
    if (isRaw) {
      Value raw = stride == 0 ? b.splat(b.loadRaw(input.memref, offset, 1, 1), lanes)
                              : b.loadRaw(input.memref, offset, lanes, valid);
      return writer.writeRaw(indices, raw, valid);
    }
    for (int64_t v = 0; v < vectors; ++v)
      values.push_back(loadLanes(b, input, b.add(offset, v * lanes * stride), stride, lanes,
                                 v + 1 == vectors ? valid : lanes));
    writer.write(indices, values, valid);
  };
  int64_t group = isRaw || lanes == 1 ? lanes : 4 * lanes;
  int64_t whole = nest.inner / group * group, rest = nest.inner - whole;
  b.loop(0, whole, group, [&](Value i) { emitVector(i, group / lanes, lanes); });
  int64_t vectors = (rest + lanes - 1) / lanes;
  if (rest > 0)
    emitVector(b.index(whole), vectors, rest - (vectors - 1) * lanes);
}

/// Runs serial kernels in their only unit, and fills halos there.
static void emitOnce(const EmitContext &context, llvm::function_ref<void()> body) {
  KernelBuilder &b = context.b;
  b.loop(context.view.begin, context.view.end, 1, [&](Value) {
    body();
    for (const Buffer &result : context.view.results) {
      if (!llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
        continue;
      int64_t rows = result.type.getDimSize(0) * result.type.getDimSize(1);
      b.loop(0, rows, 1, [&](Value row) { emitHalo(context, result, row); });
    }
  });
}

/// Dimensions before the axis, at most two, are units; where halos are filled none or both.
static ArrayRef<int64_t> concatUnits(const DispatchView &view, qir::ConcatOp concat) {
  ArrayRef<int64_t> shape = typeOf(concat.getResult()).getShape();
  size_t rank = std::min<int64_t>(2, concat.getAxis());
  return shape.take_front(hasPaddedResult(view) && rank < 2 ? 0 : rank);
}

int64_t getConcatUnits(const DispatchView &view) {
  int64_t units = 1;
  for (int64_t size : concatUnits(view, llvm::cast<qir::ConcatOp>(view.anchor)))
    units *= size;
  return units;
}

LogicalResult emitConcat(const EmitContext &context) {
  auto concat = llvm::cast<qir::ConcatOp>(context.view.anchor);
  ArrayRef<int64_t> units = concatUnits(context.view, concat);
  auto emitInputs = [&](ArrayRef<Value> unit) {
    SmallVector<int64_t> shift(typeOf(concat.getResult()).getRank(), 0);
    for (Value operand : concat.getInputs()) {
      RankedTensorType type = typeOf(operand);
      RegionCopy(context, context.view.input(operand), LinearAccess::of(Layout::of(type)),
                 type.getShape(), shift)
          .emit(unit, Value());
      shift[concat.getAxis()] += type.getDimSize(concat.getAxis());
    }
  };
  if (units.empty())
    emitOnce(context, [&] { emitInputs({}); });
  else
    forEachUnit(context, units, emitInputs);
  return success();
}

/// One unit: the result is filled with the value, then the input is copied into it.
LogicalResult emitPad(const EmitContext &context) {
  auto pad = llvm::cast<qir::PadOp>(context.view.anchor);
  RankedTensorType result = typeOf(pad.getResult()), input = typeOf(pad.getInput());
  SmallVector<int64_t> noShift(result.getRank(), 0);
  LinearAccess scalar;
  scalar.coefficients.assign(result.getRank(), 0);
  emitOnce(context, [&] {
    RegionCopy(context, context.view.input(pad.getValue()), scalar, result.getShape(), noShift)
        .emit({}, Value());
    RegionCopy(context, context.view.input(pad.getInput()), LinearAccess::of(Layout::of(input)),
               input.getShape(), pad.getLow())
        .emit({}, Value());
  });
  return success();
}

/// The index at these positions: negative ones count from the end, others are clamped.
static Value loadIndex(KernelBuilder &b, const Buffer &buffer, ArrayRef<Value> position,
                       int64_t size) {
  Value offset = LinearAccess::of(Layout::of(buffer.type)).offset(b, position);
  Value raw = b.loadRaw(buffer.memref, offset, 1, 1);
  Value index = arith::IndexCastOp::create(b, b.getIndexType(), raw);
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, b.index(0));
  index = arith::SelectOp::create(b, isNegative, b.add(index, size), index);
  index = arith::MaxSIOp::create(b, index, b.index(0));
  return b.minimum(index, b.index(size - 1));
}

/// One unit: a slice is copied for every index.
LogicalResult emitGather(const EmitContext &context) {
  auto gather = llvm::cast<qir::GatherOp>(context.view.anchor);
  Buffer input = context.view.input(gather.getInput());
  Buffer picks = context.view.input(gather.getIndices());
  int64_t axis = gather.getAxis(), indexRank = picks.type.getRank();
  ArrayRef<int64_t> shape = typeOf(gather.getResult()).getShape();
  LinearAccess source = LinearAccess::of(Layout::of(input.type)), read;
  read.constant = source.constant;
  ArrayRef<int64_t> steps = source.coefficients;
  read.coefficients.append(steps.begin(), steps.begin() + axis);
  read.coefficients.append(indexRank, 0);
  read.coefficients.append(steps.begin() + axis + 1, steps.end());
  SmallVector<int64_t> noShift(shape.size(), 0);
  RegionCopy copy(context, input, read, shape, noShift);
  emitOnce(context, [&] {
    forEachIndex(context.b, shape.take_front(axis + indexRank), {}, [&](ArrayRef<Value> prefix) {
      Value index =
          loadIndex(context.b, picks, prefix.drop_front(axis), input.type.getDimSize(axis));
      copy.emit(prefix, context.b.mul(index, steps[axis]));
    });
  });
  return success();
}

} // namespace quern
