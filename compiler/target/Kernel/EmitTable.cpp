// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/MapNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

/// Accesses: the input, then what the writer takes.
static MapNest nestOf(const DispatchView &view, ArrayRef<LinearAccess> writes) {
  auto input = llvm::cast<RankedTensorType>(view.anchor->getOperand(0).getType());
  SmallVector<LinearAccess> accesses{LinearAccess::of(Layout::of(input))};
  accesses.append(writes.begin(), writes.end());
  return MapNest::of(input.getShape(), accesses, hasPaddedResult(view));
}

int64_t getTableUnits(const DispatchView &view) {
  return nestOf(view, AnchorWriter::resultAccesses(view)).unitCount();
}

namespace {
/// Codes through a table of 256 entries; units as of an elementwise map. Byte tables live in
/// registers where the target can look up several codes at once.
class TableEmitter {
public:
  explicit TableEmitter(const EmitContext &context);
  void emit();

private:
  void emitInner(ArrayRef<Value> outer, Value first, int64_t count);
  void emitGroup(ArrayRef<Value> outer, Value position, int64_t valid);
  void emitElement(ArrayRef<Value> outer, Value position);
  Value loadCodes(ArrayRef<Value> indices, int64_t lanes, int64_t valid);

  const EmitContext &context;
  KernelBuilder &b;
  Buffer input, table;
  MapNest nest;
  AnchorWriter writer;
  int64_t groupLanes;           ///< codes looked up at once, or 0
  SmallVector<Value> registers; ///< the table
};
} // namespace

TableEmitter::TableEmitter(const EmitContext &context)
    : context(context), b(context.b), input(context.view.input(context.view.anchor->getOperand(0))),
      table(context.view.input(context.view.anchor->getOperand(1))),
      nest(nestOf(context.view, AnchorWriter::resultAccesses(context.view))),
      writer(context, ArrayRef(nest.accesses).drop_front()),
      groupLanes(getMemoryType(table.element()).isInteger(8) ? context.isa.tableLanes() : 0) {
  if (groupLanes != 0)
    registers = context.isa.loadTable(b, table.memref);
}

Value TableEmitter::loadCodes(ArrayRef<Value> indices, int64_t lanes, int64_t valid) {
  return b.loadRaw(input.memref, nest.accesses.front().offset(b, indices), lanes, valid);
}

void TableEmitter::emitGroup(ArrayRef<Value> outer, Value position, int64_t valid) {
  SmallVector<Value> indices(outer);
  indices.push_back(position);
  Value entries = context.isa.lookUp(b, registers, loadCodes(indices, groupLanes, valid),
                                     input.element().isSignedInteger());
  if (writer.copies())
    return writer.writeRaw(indices, entries, valid);
  SmallVector<Value> vectors;
  for (int64_t first = 0; first < valid; first += 16)
    vectors.push_back(b.toCompute(b.extract(entries, first, 16), table.element()));
  writer.write(indices, vectors, valid - (vectors.size() - 1) * 16);
}

void TableEmitter::emitElement(ArrayRef<Value> outer, Value position) {
  SmallVector<Value> indices(outer);
  indices.push_back(position);
  Value code = loadCodes(indices, 1, 1);
  if (input.element().isSignedInteger())
    code = arith::XOrIOp::create(b, code, b.integer(code.getType(), -128));
  Value entry = arith::IndexCastUIOp::create(b, b.getIndexType(), code);
  Value raw = b.loadRaw(table.memref, entry, 1, 1);
  if (writer.copies())
    return writer.writeRaw(indices, raw, 1);
  writer.write(indices, b.toCompute(raw, table.element()), 1);
}

void TableEmitter::emitInner(ArrayRef<Value> outer, Value first, int64_t count) {
  if (groupLanes == 0) {
    b.loop(0, count, 1, [&](Value i) { emitElement(outer, b.add(i, first)); });
    return;
  }
  int64_t whole = count / groupLanes * groupLanes;
  b.loop(0, whole, groupLanes, [&](Value i) { emitGroup(outer, b.add(i, first), groupLanes); });
  if (whole < count)
    emitGroup(outer, b.add(first, whole), count - whole);
}

void TableEmitter::emit() {
  const DispatchView &view = context.view;
  if (!nest.isFlat()) {
    forEachUnit(context, nest.units, [&](ArrayRef<Value> unit) {
      b.loop(0, nest.middle, 1, [&](Value middle) {
        SmallVector<Value> outer(unit);
        outer.push_back(middle);
        emitInner(outer, b.index(0), nest.inner);
      });
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

Value StoredTable::lookUp(KernelBuilder &b, Value codes) const {
  int64_t lanes = KernelBuilder::lanesOf(codes.getType()), group = isa->tableLanes();
  SmallVector<Value> registers = isa->loadTable(b, memref), entries;
  for (int64_t first = 0; first < lanes; first += group) {
    // What does not fill a group looks up its first lane again.
    SmallVector<int64_t> order(group, first);
    for (int64_t i = 0; i < std::min(group, lanes - first); ++i)
      order[i] = first + i;
    Value part = group == lanes ? codes : b.shuffle(codes, codes, order);
    entries.push_back(isa->lookUp(b, registers, part, isSigned));
  }
  return b.extract(b.concatenate(entries), 0, lanes);
}

LogicalResult emitTable(const EmitContext &context) {
  TableEmitter(context).emit();
  return success();
}

} // namespace quern
