// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/Reduction.h"
#include "compiler/target/Kernel/RegionCopy.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// The inner product that reads a matrix in this form, or null.
static const DotKernel *dotOf(const CpuIsa &isa, qir::PackedAttr form) {
  Type single = Float32Type::get(form.getContext()); // other float matrices are constants
  for (const DotKernel *dot : {isa.integerDot(), isa.floatDot(single)})
    if (dot && dot->form() == form.getForm())
      return dot;
  return nullptr;
}

namespace {
/// The sizes of a matrix (or several) to be packed.
struct PackShape {
  PackShape(qir::RelayoutOp relayout, const DotKernel &dot);
  SmallVector<int64_t> leading; ///< dimensions that select the matrix
  int64_t k, n, vectors, allVectors, panels, steps;
  int64_t matrices = 1;
};

/// Packs a matrix that is known only at run time: the order of `packWeights`, a panel per unit.
/// Every packed form is, step by step, 32-bit words [lane] of `terms` consecutive terms each.
class PackEmitter {
public:
  PackEmitter(const EmitContext &context, const DotKernel &dot);
  LogicalResult emit();

private:
  struct Panel {
    SmallVector<Value> matrix; ///< leading indices
    Value matrixNumber, firstVector;
    int64_t vectors, valid; ///< lanes of the last vector that exist
    Value base;             ///< its first byte
  };
  void emitPanels(Value matrix, Value number);
  void emitPanel(const Panel &panel);
  void emitRows(const Panel &panel);
  void emitStep(const Panel &panel, Value step, int64_t existing);
  void emitColumns(const Panel &panel, Value vector, int64_t valid);
  void emitBlock(const Panel &panel, Value vector, Value firstTerm, int64_t existing,
                 int64_t valid);
  void emitSums(const Panel &panel);
  Value load(const Panel &panel, Value k, Value n, int64_t delta, int64_t count, int64_t valid);
  Value narrow(Value value);
  Value interleave(ArrayRef<Value> rows);
  void storeStep(ArrayRef<Value> words, const Panel &panel, Value step, Value vector);
  int64_t validLanes(const Panel &panel, int64_t v) const {
    return v + 1 == panel.vectors ? panel.valid : lanes;
  }

  const EmitContext &context;
  KernelBuilder &b;
  const DotKernel &dot;
  qir::RelayoutOp relayout;
  PackShape shape;
  AnchorReader reader;
  Buffer packed, sums;
  int64_t lanes, terms, wordsPerStep;
  bool loadsTerms; ///< lanes are loaded along the reduction, else along the columns
  Type element;    ///< of the packed form
};
} // namespace

PackShape::PackShape(qir::RelayoutOp relayout, const DotKernel &dot) {
  ArrayRef<int64_t> sizes = typeOf(relayout.getInput()).getShape();
  auto form = llvm::cast<qir::PackedAttr>(typeOf(relayout.getResult()).getEncoding());
  leading.assign(sizes.begin(), sizes.end() - 2);
  for (int64_t size : leading)
    matrices *= size;
  k = sizes[sizes.size() - (relayout.getTransposeRhs() ? 1 : 2)];
  n = sizes[sizes.size() - (relayout.getTransposeRhs() ? 2 : 1)];
  vectors = form.getColumns() / dot.lanes();
  allVectors = (n + dot.lanes() - 1) / dot.lanes();
  panels = (allVectors + vectors - 1) / vectors;
  steps = (k + dot.depth() - 1) / dot.depth();
}

PackEmitter::PackEmitter(const EmitContext &context, const DotKernel &dot)
    : context(context), b(context.b), dot(dot),
      relayout(llvm::cast<qir::RelayoutOp>(context.view.anchor)), shape(relayout, dot),
      reader(context, relayout.getInput()), lanes(dot.lanes()) {
  int64_t elementBytes = dot.stepBytes() / (dot.lanes() * dot.depth());
  terms = 4 / elementBytes;
  wordsPerStep = dot.depth() / terms;
  element = dot.isFloat() ? Type(b.getF32Type()) : Type(b.getIntegerType(8 * elementBytes));
  // What is contiguous in memory is loaded at once, however the matrix is written.
  size_t last = reader.shape().size() - 1;
  loadsTerms = relayout.getTransposeRhs();
  if (!reader.isContiguous(last) && reader.isContiguous(last - 1)) {
    loadsTerms = !loadsTerms;
    reader.setLaneDimension(last - 1);
  }
  for (auto [result, returned] : llvm::zip(context.view.results, context.view.returned))
    (returned.getOwner() == relayout ? packed : sums) = result;
}

/// Elements from row k and column n on, in the type of the packed form.
Value PackEmitter::load(const Panel &panel, Value k, Value n, int64_t delta, int64_t count,
                        int64_t valid) {
  SmallVector<Value> indices(panel.matrix);
  indices.append({k, n});
  if (relayout.getTransposeRhs())
    std::swap(indices.back(), indices[indices.size() - 2]);
  return narrow(reader.load(indices, delta, count, valid));
}

Value PackEmitter::narrow(Value value) {
  Type type = KernelBuilder::withLanes(element, KernelBuilder::lanesOf(value.getType()));
  return dot.isFloat() ? value : arith::TruncIOp::create(b, type, value).getResult();
}

/// Rows of consecutive terms to words [lane][term].
Value PackEmitter::interleave(ArrayRef<Value> rows) {
  if (rows.size() == 1)
    return rows.front();
  Value all = b.concatenate(rows);
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < lanes; ++lane)
    for (size_t term = 0; term < rows.size(); ++term)
      order.push_back(term * lanes + lane);
  return b.shuffle(all, all, order);
}

/// Vectors of words [lane] of one step, in the order of the packed form.
void PackEmitter::storeStep(ArrayRef<Value> words, const Panel &panel, Value step, Value vector) {
  Value offset = b.add(panel.base, b.mul(step, panel.vectors * dot.stepBytes()));
  offset = b.add(offset, b.mul(vector, dot.stepBytes()));
  auto store = [&](Value words, int64_t first, int64_t count) {
    b.storeRaw(b.bitcast(words, VectorType::get({count * 4}, b.getI8Type())), packed.memref,
               b.add(offset, first * 4), count * 4);
  };
  SmallVector<int64_t> order(lanes * wordsPerStep);
  for (int64_t word = 0; word < wordsPerStep; ++word)
    for (int64_t lane = 0; lane < lanes; ++lane)
      order[dot.packedWord(lane, word)] = word * lanes + lane;
  if (llvm::is_sorted(order)) {
    for (int64_t word = 0; word < wordsPerStep; ++word)
      store(words[word], word * lanes, lanes);
    return;
  }
  Value all = b.concatenate(llvm::map_to_vector(words, [&](Value some) {
    return b.bitcast(some, VectorType::get({lanes}, b.getI32Type()));
  }));
  store(b.shuffle(all, all, order), 0, lanes * wordsPerStep);
}

/// One step of all vectors of the panel, from rows of consecutive columns.
void PackEmitter::emitStep(const Panel &panel, Value step, int64_t existing) {
  auto rowType = VectorType::get({lanes}, element);
  Value zero = dot.isFloat() ? b.real(rowType, 0.0f) : b.integer(rowType, 0);
  for (int64_t v = 0; v < panel.vectors; ++v) {
    SmallVector<Value> words;
    for (int64_t word = 0; word < wordsPerStep; ++word) {
      SmallVector<Value> rows(terms, zero);
      for (int64_t term = 0; term < terms; ++term) {
        int64_t offset = word * terms + term;
        if (offset >= existing)
          continue;
        Value k = b.add(b.mul(step, dot.depth()), offset);
        Value row =
            load(panel, k, b.mul(panel.firstVector, lanes), v * lanes, lanes, validLanes(panel, v));
        // Missing columns are packed as zeros, like those of constants.
        rows[term] = selectValid(b, row, validLanes(panel, v), zero);
      }
      words.push_back(interleave(rows));
    }
    storeStep(words, panel, step, b.index(v));
  }
}

void PackEmitter::emitRows(const Panel &panel) {
  int64_t whole = shape.k / dot.depth();
  b.loop(0, whole, 1, [&](Value step) { emitStep(panel, step, dot.depth()); });
  if (whole < shape.steps)
    emitStep(panel, b.index(whole), shape.k - whole * dot.depth());
}

/// Rows become columns, by swapping the off-diagonal blocks of ever smaller squares.
static void transposeSquare(KernelBuilder &b, SmallVector<Value> &rows) {
  int64_t size = rows.size();
  for (int64_t half = size / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low(size), high(size);
    for (int64_t lane = 0; lane < size; ++lane) {
      bool isLeft = lane % (2 * half) < half;
      low[lane] = isLeft ? lane : size + lane - half;
      high[lane] = isLeft ? lane + half : size + lane;
    }
    for (int64_t i = 0; i < size; ++i) {
      if (i & half)
        continue;
      Value upper = rows[i], lower = rows[i + half];
      rows[i] = b.shuffle(upper, lower, low);
      rows[i + half] = b.shuffle(upper, lower, high);
    }
  }
}

/// `lanes` words of terms of one vector, from columns of consecutive terms.
void PackEmitter::emitBlock(const Panel &panel, Value vector, Value firstTerm, int64_t existing,
                            int64_t valid) {
  int64_t width = lanes * terms;
  auto rowType = VectorType::get({width}, element);
  auto wordType = VectorType::get({lanes}, b.getI32Type());
  Value zero = dot.isFloat() ? b.real(rowType, 0.0f) : b.integer(rowType, 0);
  Value channel = b.mul(b.add(panel.firstVector, vector), lanes);
  SmallVector<Value> rows(lanes, b.bitcast(zero, wordType));
  for (int64_t lane = 0; lane < valid; ++lane) {
    Value row = load(panel, firstTerm, b.add(channel, lane), 0, width, existing);
    rows[lane] = b.bitcast(selectValid(b, row, existing, zero), wordType);
  }
  transposeSquare(b, rows);
  int64_t words = (existing + dot.depth() - 1) / dot.depth() * wordsPerStep;
  Value step = firstTerm;
  if (dot.depth() > 1)
    step = arith::DivUIOp::create(b, firstTerm, b.index(dot.depth()));
  for (int64_t word = 0; word < words; word += wordsPerStep)
    storeStep(ArrayRef(rows).slice(word, wordsPerStep), panel, b.add(step, word / wordsPerStep),
              vector);
}

void PackEmitter::emitColumns(const Panel &panel, Value vector, int64_t valid) {
  int64_t width = lanes * terms, whole = shape.k / width * width;
  b.loop(0, whole, width, [&](Value k) { emitBlock(panel, vector, k, width, valid); });
  if (whole < shape.k)
    emitBlock(panel, vector, b.index(whole), shape.k - whole, valid);
}

/// The sums of the columns: the packed panel times ones.
void PackEmitter::emitSums(const Panel &panel) {
  auto type = VectorType::get({lanes}, b.getI32Type());
  SmallVector<Value> start(panel.vectors, b.integer(type, 0));
  SmallVector<Value> ones = dot.ones(b, dot.depth());
  SmallVector<Value> results =
      b.loop(b.index(0), b.index(shape.steps), 1, start, [&](Value step, ValueRange accumulators) {
        SmallVector<Value> next;
        Value offset = b.add(panel.base, b.mul(step, panel.vectors * dot.stepBytes()));
        for (int64_t v = 0; v < panel.vectors; ++v) {
          auto right = dot.loadRight(b, packed.memref, b.add(offset, v * dot.stepBytes()));
          next.push_back(dot.multiplyAdd(b, accumulators[v], ones, right));
        }
        return next;
      });
  Value column = b.add(b.mul(panel.firstVector, lanes), b.mul(panel.matrixNumber, shape.n));
  for (int64_t v = 0; v < panel.vectors; ++v)
    b.storeRaw(results[v], sums.memref, b.add(column, v * lanes), validLanes(panel, v));
}

void PackEmitter::emitPanel(const Panel &panel) {
  if (!loadsTerms) {
    emitRows(panel);
  } else {
    int64_t whole = panel.valid == lanes ? panel.vectors : panel.vectors - 1;
    b.loop(0, whole, 1, [&](Value vector) { emitColumns(panel, vector, lanes); });
    if (whole < panel.vectors)
      emitColumns(panel, b.index(whole), panel.valid);
  }
  if (sums.memref)
    emitSums(panel);
}

/// The panel of that number in its matrix: panels come in at most two sizes, and the last one may
/// have fewer columns.
void PackEmitter::emitPanels(Value matrix, Value number) {
  SmallVector<Pieces> classes = divideEvenly(shape.allVectors, shape.vectors);
  int64_t tail = shape.n - (shape.allVectors - 1) * lanes;
  if (tail != lanes && classes.back().count > 1) {
    Pieces &last = classes.back();
    --last.count;
    classes.push_back({last.first + last.count * last.size, 1, last.size});
  }
  int64_t matrixBytes = shape.allVectors * shape.steps * dot.stepBytes(), firstPanel = 0;
  for (const Pieces &pieces : classes) {
    Panel panel;
    panel.matrix = delinearize(b, matrix, shape.leading);
    panel.matrixNumber = matrix;
    panel.vectors = pieces.size;
    panel.valid = &pieces == &classes.back() ? tail : lanes;
    panel.firstVector = b.add(b.mul(number, pieces.size), pieces.first - firstPanel * pieces.size);
    panel.base =
        b.add(b.mul(panel.firstVector, shape.steps * dot.stepBytes()), b.mul(matrix, matrixBytes));
    int64_t endPanel = firstPanel + pieces.count;
    auto compare = [&](arith::CmpIPredicate predicate, int64_t bound) -> Value {
      return arith::CmpIOp::create(b, predicate, number, b.index(bound));
    };
    if (classes.size() == 1) {
      emitPanel(panel);
    } else {
      Value isHere = arith::AndIOp::create(b, compare(arith::CmpIPredicate::sge, firstPanel),
                                           compare(arith::CmpIPredicate::slt, endPanel));
      b.ifThen(isHere, [&] { emitPanel(panel); });
    }
    firstPanel = endPanel;
  }
}

LogicalResult PackEmitter::emit() {
  if (sums.memref && dot.isFloat())
    return context.view.dispatch.emitError("expected column sums of integers only");
  b.loop(context.view.begin, context.view.end, 1, [&](Value unit) {
    SmallVector<Value> position = delinearize(b, unit, {shape.matrices, shape.panels});
    emitPanels(position[0], position[1]);
  });
  return success();
}

/// Dimensions that are units when an encoding is only copied to another.
static ArrayRef<int64_t> copyUnits(qir::RelayoutOp relayout) {
  ArrayRef<int64_t> shape = typeOf(relayout.getResult()).getShape();
  return shape.take_front(std::min<size_t>(2, shape.size() - 1));
}

int64_t getRelayoutUnits(const DispatchView &view, const CpuIsa &isa) {
  auto relayout = llvm::cast<qir::RelayoutOp>(view.anchor);
  auto form =
      llvm::dyn_cast_if_present<qir::PackedAttr>(typeOf(relayout.getResult()).getEncoding());
  if (form) {
    const DotKernel *dot = dotOf(isa, form);
    if (!dot)
      return 1;
    PackShape shape(relayout, *dot);
    return shape.matrices * shape.panels;
  }
  int64_t units = 1;
  for (int64_t size : copyUnits(relayout))
    units *= size;
  return units;
}

LogicalResult emitRelayout(const EmitContext &context) {
  auto relayout = llvm::cast<qir::RelayoutOp>(context.view.anchor);
  RankedTensorType input = typeOf(relayout.getInput()), result = typeOf(relayout.getResult());
  if (auto form = llvm::dyn_cast_if_present<qir::PackedAttr>(result.getEncoding())) {
    if (const DotKernel *dot = dotOf(context.isa, form))
      return PackEmitter(context, *dot).emit();
    return context.view.dispatch.emitError("the target has no packed form '")
           << form.getForm() << "' of matrices known only at run time";
  }
  SmallVector<int64_t> noShift(input.getRank(), 0);
  RegionCopy copy(context, context.view.input(relayout.getInput()),
                  LinearAccess::of(Layout::of(input)), input.getShape(), noShift);
  forEachUnit(context, copyUnits(relayout),
              [&](ArrayRef<Value> unit) { copy.emit(unit, Value()); });
  return success();
}

} // namespace quern
