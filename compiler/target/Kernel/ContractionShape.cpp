// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Contraction.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include <numeric>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

int64_t ContractionShape::rows() const { return product(rowSizes); }

int64_t ContractionShape::macs() const {
  return rows() * columns * channels * groups * kernelRows * kernelColumns * run;
}

/// The step of that one walk: that of the innermost dimension that moves.
static int64_t collapsedStep(ArrayRef<int64_t> coefficients, ArrayRef<int64_t> sizes,
                             size_t count) {
  for (size_t d = count; d-- > 0;)
    if (sizes[d] != 1)
      return coefficients[d];
  return count == 0 ? 0 : coefficients[count - 1];
}

/// Whether walking dimensions [0, count) of the access is one walk with one step.
static bool collapses(const LinearAccess &access, ArrayRef<int64_t> sizes, size_t count) {
  int64_t step = -1;
  for (size_t d = count; d-- > 0;) {
    if (sizes[d] == 1)
      continue;
    if (step >= 0 && access.coefficients[d] != step)
      return false;
    step = access.coefficients[d] * sizes[d];
  }
  return true;
}

/// The accesses of everything that is read or written at output positions.
static SmallVector<LinearAccess> outputAccesses(const DispatchView &view) {
  SmallVector<LinearAccess> accesses;
  for (RankedTensorType type : view.resultTypes())
    accesses.push_back(LinearAccess::of(Layout::of(type)));
  if (view.epilogue)
    for (auto [input, attribute] :
         llvm::zip(view.epilogue.getInputs(), view.epilogue.getMaps().getAsRange<AffineMapAttr>()))
      if (input.getDefiningOp() != view.anchor)
        accesses.push_back(LinearAccess::of(attribute.getValue(), Layout::of(typeOf(input))));
  return accesses;
}

static bool outputsCollapse(const DispatchView &view, ArrayRef<int64_t> shape) {
  return llvm::all_of(outputAccesses(view), [&](const LinearAccess &access) {
    return collapses(access, shape, shape.size() - 1);
  });
}

static void setConvWeights(qir::ConvOp conv, ContractionShape &shape) {
  auto weights = typeOf(conv.getWeights());
  shape.groups = conv.getGroups();
  shape.channels = weights.getDimSize(0) / shape.groups;
  shape.kernelRows = weights.getDimSize(1);
  // Along a row of the kernel the input is contiguous: the taps and channels make one run.
  bool oneRun = shape.groups == 1 && (conv.getDilations()[1] == 1 || weights.getDimSize(2) == 1);
  shape.kernelColumns = oneRun ? 1 : weights.getDimSize(2);
  shape.run = weights.getDimSize(3) * (oneRun ? weights.getDimSize(2) : 1);
}

static FailureOr<ContractionShape> shapeOfConv(const DispatchView &view, qir::ConvOp conv) {
  ContractionShape shape;
  setConvWeights(conv, shape);
  auto input = typeOf(conv.getInput()), output = typeOf(conv.getResult());
  ArrayRef<int64_t> pads = conv.getPads(), strides = conv.getStrides();
  Layout layout = Layout::of(input);
  bool needsHalo = llvm::any_of(pads, [](int64_t pad) { return pad > 0; });
  if (auto padded = llvm::dyn_cast_if_present<qir::PaddedAttr>(input.getEncoding()))
    needsHalo = padded.getTop() < pads[0] || padded.getLeft() < pads[1] ||
                padded.getBottom() < pads[2] || padded.getRight() < pads[3];
  if (needsHalo)
    return view.dispatch.emitError("expected the convolution's input to carry a halo of its pads");
  shape.left.constant = layout.base - pads[0] * layout.strides[1] - pads[1] * layout.strides[2];
  shape.leftKernelRow = conv.getDilations()[0] * layout.strides[1];
  shape.leftKernelColumn = conv.getDilations()[1] * layout.strides[2];
  shape.leftGroup = typeOf(conv.getWeights()).getDimSize(3);
  SmallVector<int64_t> left{layout.strides[0], strides[0] * layout.strides[1],
                            strides[1] * layout.strides[2]};
  shape.left.coefficients = left;
  shape.flat =
      collapses(shape.left, output.getShape(), 3) && outputsCollapse(view, output.getShape());
  if (shape.flat) {
    shape.columns = product(output.getShape().drop_back());
    shape.left.coefficients = {collapsedStep(left, output.getShape(), 3)};
  } else {
    shape.rowSizes = {output.getDimSize(0), output.getDimSize(1)};
    shape.columns = output.getDimSize(2);
  }
  shape.rightRow.assign(shape.rowSizes.size(), 0);
  return shape;
}

static void setMatMulWeights(qir::MatMulOp matmul, ContractionShape &shape) {
  auto right = typeOf(matmul.getRhs());
  int64_t rank = right.getRank();
  shape.run = right.getDimSize(matmul.getTransposeRhs() ? rank - 1 : rank - 2);
  shape.channels = right.getDimSize(matmul.getTransposeRhs() ? rank - 2 : rank - 1);
  shape.matrices = product(right.getShape().drop_back(2));
  // Each block of terms that have a scale of their own is a run.
  if (auto block = matmul.getBlockSize()) {
    shape.kernelRows = shape.run / static_cast<int64_t>(*block);
    shape.run = static_cast<int64_t>(*block);
    shape.leftKernelRow = shape.run;
  }
}

static FailureOr<ContractionShape> shapeOfMatMul(const DispatchView &view, qir::MatMulOp matmul) {
  ContractionShape shape;
  setMatMulWeights(matmul, shape);
  auto left = typeOf(matmul.getLhs()), right = typeOf(matmul.getRhs());
  ArrayRef<int64_t> output = typeOf(matmul.getResult()).getShape();
  int64_t rank = left.getRank();
  Layout layout = Layout::of(left);
  shape.left.constant = layout.base;
  SmallVector<int64_t> steps;
  for (int64_t d = 0; d + 1 < rank; ++d)
    steps.push_back(left.getDimSize(d) == 1 && output[d] != 1 ? 0 : layout.strides[d]);
  shape.left.coefficients = steps;
  shape.flat = shape.matrices == 1 && collapses(shape.left, output, rank - 1) &&
               outputsCollapse(view, output);
  if (shape.flat) {
    shape.columns = product(output.drop_back());
    shape.left.coefficients = {collapsedStep(steps, output, rank - 1)};
    return shape;
  }
  shape.rowSizes.assign(output.begin(), output.end() - 2);
  shape.columns = output[rank - 2];
  shape.rightRow.assign(shape.rowSizes.size(), 0);
  if (right.getRank() == rank) {
    int64_t step = 1;
    for (int64_t d = rank - 2; d-- > 0;) {
      shape.rightRow[d] = right.getDimSize(d) == 1 ? 0 : step;
      step *= right.getDimSize(d);
    }
  }
  return shape;
}

/// Whether the sums of the left operand, a contraction's second result, are read.
static bool wantsSums(Operation *anchor) {
  return anchor->getNumResults() > 1 && !anchor->getResult(1).use_empty();
}

FailureOr<ContractionShape> ContractionShape::of(const DispatchView &view) {
  if (view.prologue)
    return view.dispatch.emitError("a contraction takes its operands as they are in memory");
  auto conv = llvm::dyn_cast<qir::ConvOp>(view.anchor);
  FailureOr<ContractionShape> shape =
      conv ? shapeOfConv(view, conv) : shapeOfMatMul(view, llvm::cast<qir::MatMulOp>(view.anchor));
  if (succeeded(shape))
    shape->sums = wantsSums(view.anchor);
  return shape;
}

ContractionShape ContractionShape::ofWeights(Operation *anchor) {
  ContractionShape shape;
  shape.sums = wantsSums(anchor);
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor)) {
    setConvWeights(conv, shape);
    // Without taps or strides all pixels make one line, unless a halo parts the rows.
    ArrayRef<int64_t> output = typeOf(conv.getResult()).getShape();
    bool oneTap = shape.kernelRows * typeOf(conv.getWeights()).getDimSize(2) == 1;
    bool everyPixel =
        oneTap && output.drop_back() == typeOf(conv.getInput()).getShape().drop_back();
    shape.columns = everyPixel ? product(output.drop_back()) : output[2];
  } else {
    auto matmul = llvm::cast<qir::MatMulOp>(anchor);
    setMatMulWeights(matmul, shape);
    ArrayRef<int64_t> output = typeOf(matmul.getResult()).getShape();
    shape.columns = shape.matrices == 1 ? product(output.drop_back()) : output[output.size() - 2];
  }
  return shape;
}

SmallVector<Pieces> divideEvenly(int64_t total, int64_t most) {
  SmallVector<Pieces> pieces;
  if (total <= 0)
    return pieces;
  int64_t count = (total + most - 1) / most;
  int64_t small = total / count, large = total % count;
  if (large > 0)
    pieces.push_back({0, large, small + 1});
  if (count > large)
    pieces.push_back({large * (small + 1), count - large, small});
  return pieces;
}

/// Steps of a whole reduction.
static int64_t reductionSteps(const ContractionShape &shape, const DotKernel &dot) {
  return shape.kernelRows * shape.kernelColumns * ((shape.run + dot.depth() - 1) / dot.depth());
}

/// With few pixels more vectors keep the pipeline full.
int64_t DotKernel::mostVectors(int64_t columns) const { return columns < 3 ? 8 : 4; }

int64_t DotKernel::mostRows(int64_t vectors, int64_t sums) const {
  return std::max<int64_t>(1, accumulators() / (vectors + sums));
}

/// Two inner products, two loads a cycle; the chain through an accumulator takes five cycles a
/// step; loads are never quite free.
double DotKernel::stepCycles(int64_t rows, int64_t vectors, int64_t sums) const {
  constexpr double perLoad = 0.12;
  double products = static_cast<double>(rows * (vectors + sums)) * instructions() / 2;
  double loads = (static_cast<double>(rows) + loadCost() * static_cast<double>(vectors)) / 2;
  return std::max({products, loads, 5.0}) + perLoad * loads;
}

/// Estimated cycles of a line of pixels for all channels in tiles of at most rows x vectors: the
/// cost model that tiles are chosen by. Each tile costs some cycles to begin and end; each further
/// size of tile costs code, which is cold once per inference.
static double estimateTile(const ContractionShape &shape, const DotKernel &dot, int64_t rows,
                           int64_t vectors) {
  constexpr double perTile = 40, perVariant = 0.005;
  int64_t allVectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  auto steps = static_cast<double>(reductionSteps(shape, dot));
  double cycles = 0;
  int variants = 0;
  for (const Pieces &pixels : divideEvenly(shape.columns, rows))
    for (const Pieces &panel : divideEvenly(allVectors, vectors)) {
      double step = dot.stepCycles(pixels.size, panel.size, shape.sums);
      cycles += static_cast<double>(pixels.count * panel.count) * (steps * step + perTile);
      ++variants;
    }
  return cycles * (1 + perVariant * (variants - 1));
}

double estimateCycles(const ContractionShape &shape, const DotKernel &dot,
                      const ContractionTile &tile) {
  return static_cast<double>(shape.rows() * shape.groups) *
         estimateTile(shape, dot, tile.rows, tile.vectors);
}

ContractionTile ContractionTile::choose(const ContractionShape &shape, const DotKernel &dot,
                                        int64_t fixedVectors) {
  ContractionTile tile;
  int64_t vectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  int64_t most = fixedVectors ? fixedVectors : dot.mostVectors(shape.columns);
  double best = 0;
  for (int64_t v = 1; v <= std::min(vectors, most); ++v) {
    if (fixedVectors ? v != std::min(fixedVectors, vectors)
                     : divideEvenly(vectors, v).front().size != v)
      continue;
    int64_t mostRows = dot.mostRows(v, shape.sums);
    for (int64_t rows = 1; rows <= std::min(shape.columns, mostRows); ++rows) {
      if (divideEvenly(shape.columns, rows).front().size != rows)
        continue;
      double cycles = estimateTile(shape, dot, rows, v);
      if (best != 0 && cycles >= best)
        continue;
      best = cycles;
      tile.rows = rows;
      tile.vectors = v;
    }
  }
  int64_t elementBytes = dot.isFloat() ? 4 : 1;
  int64_t kernel = shape.kernelRows * shape.kernelColumns * shape.run;
  int64_t weightBytes = shape.channels * kernel * elementBytes;
  int64_t pixels = shape.rows() * shape.columns;
  int64_t panels = (vectors + tile.vectors - 1) / tile.vectors;
  tile.splitColumns = shape.groups == 1 && shape.matrices == 1 && panels >= 4 &&
                      weightBytes > 2 * pixels * shape.run * elementBytes;
  // A pass over the weights serves pixels whose inputs fill about a quarter of a megabyte.
  int64_t unitBytes = (shape.flat ? tile.rows : shape.columns) * shape.run * elementBytes;
  tile.block = std::clamp<int64_t>((int64_t{1} << 18) / std::max<int64_t>(1, unitBytes), 1, 4096);
  return tile;
}

ContractionTile ContractionTile::parse(DictionaryAttr attribute) {
  auto get = [&](StringRef name) { return llvm::cast<IntegerAttr>(attribute.get(name)).getInt(); };
  return {get("rows"), get("vectors"), get("split_columns") != 0, get("block")};
}

DictionaryAttr ContractionTile::toAttribute(MLIRContext *context) const {
  Builder b(context);
  return b.getDictionaryAttr({b.getNamedAttr("rows", b.getI64IntegerAttr(rows)),
                              b.getNamedAttr("vectors", b.getI64IntegerAttr(vectors)),
                              b.getNamedAttr("split_columns", b.getI64IntegerAttr(splitColumns)),
                              b.getNamedAttr("block", b.getI64IntegerAttr(block))});
}

int64_t getContractionUnits(const ContractionShape &shape, const ContractionTile &tile,
                            const DotKernel &dot) {
  if (tile.splitColumns) {
    int64_t vectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
    return (vectors + tile.vectors - 1) / tile.vectors;
  }
  return shape.flat ? (shape.columns + tile.rows - 1) / tile.rows : shape.rows();
}

} // namespace quern
