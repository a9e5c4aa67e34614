// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86DepthwiseEpilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

namespace {
class VnniDepthwiseEmitter {
public:
  explicit VnniDepthwiseEmitter(const EmitContext &context);
  void emit();

private:
  struct Place {
    Value image, row; ///< of the first output row
    Value channel;
    int64_t rows;
    Value unit;
  };
  void emitUnits(Value begin, Value end, Value channel, Value base,
                 const VnniDepthwiseBlock &which);
  void emitRows(const Place &place);
  void emitHalos(Value begin, Value end);
  std::pair<Value, Value> position(Value unit);
  SmallVector<VnniQuad> step(const Place &place, Value column, int64_t count,
                             ArrayRef<VnniQuad> carried);
  /// Accumulators of a step's outputs, [output row][pixel].
  struct Sums {
    SmallVector<VnniQuad> products;
    SmallVector<VnniQuad> windows; ///< the sums of the codes, if wanted
  };
  void multiply(const Place &place, Value column, int64_t count, int64_t quad,
                SmallVector<VnniQuad> &columns, Sums &sums);
  Value ones(int64_t row, int64_t quad);
  Value loadRow(Value offset);
  VnniQuad interleave(const Place &place, Value column, int64_t delta, int64_t quad);
  Value unpack(Value low, Value high, int64_t bytes, bool isHigh);
  Value loadWeights(int64_t row, int64_t quad, int64_t slot, int64_t i);
  Value dot(Value accumulator, Value x, Value w);

  void finish(const Place &place, Value column, int64_t count, const Sums &sums);

  const EmitContext &context;
  KernelBuilder &b;
  mutable qir::ConvOp conv; // constness of a handle says nothing about the op
  VnniDepthwisePlan plan;
  Buffer input;
  Value weights;
  Layout layout;
  VnniDepthwiseEpilogue epilogue;
  bool wantsSum;
  int64_t carriedColumns; ///< columns shared with the next step that stay in registers

  // The block that is being written.
  VnniDepthwiseBlock block;
  Value weightBase;
};
} // namespace

VnniDepthwiseEmitter::VnniDepthwiseEmitter(const EmitContext &context)
    : context(context), b(context.b), conv(llvm::cast<qir::ConvOp>(context.view.anchor)),
      plan(VnniDepthwisePlan::of(conv)), input(context.view.input(conv.getInput())),
      weights(context.view.input(conv.getWeights()).memref), layout(Layout::of(input.type)),
      epilogue(context, conv, plan.outputColumns),
      wantsSum(conv.getWindowSum() && !conv.getWindowSum().use_empty()) {
  int64_t shared = plan.kernelColumns - plan.strideColumns;
  carriedColumns = plan.quads == 1 && shared > 0 && shared <= 2 ? shared : 0;
}

/// VPUNPCKL or VPUNPCKH of units of `bytes` bytes.
Value VnniDepthwiseEmitter::unpack(Value low, Value high, int64_t bytes, bool isHigh) {
  int64_t perLane = 16 / bytes, count = 64 / bytes;
  Type type = VectorType::get({count}, b.getIntegerType(8 * bytes));
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < count; lane += perLane)
    for (int64_t k = 0; k < perLane / 2; ++k) {
      int64_t from = lane + k + (isHigh ? perLane / 2 : 0);
      order.append({from, count + from});
    }
  Value mixed = b.shuffle(b.bitcast(low, type), b.bitcast(high, type), order);
  return b.bitcast(mixed, VectorType::get({64}, b.getI8Type()));
}

/// One input row at the columns of all parts.
Value VnniDepthwiseEmitter::loadRow(Value offset) {
  // A tensor in the arena may be read a little behind its end.
  bool isPadded = llvm::isa_and_present<qir::PaddedAttr>(input.type.getEncoding());
  int64_t valid = isPadded ? block.channels : block.valid;
  SmallVector<Value> parts;
  for (int64_t part = 0; part < block.parts(); ++part) {
    int64_t step =
        block.partStart(part, plan.outputColumns) * plan.strideColumns * layout.strides[2];
    parts.push_back(b.loadRaw(input.memref, b.add(offset, step), block.channels, valid));
  }
  for (int64_t width = 2 * block.channels; parts.size() > 1; width *= 2) {
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, width));
    for (size_t pair = 0; pair < parts.size() / 2; ++pair)
      parts[pair] = b.shuffle(parts[2 * pair], parts[2 * pair + 1], all);
    parts.resize(parts.size() / 2);
  }
  return parts.front();
}

/// Four input rows of one column, interleaved; `delta` columns behind the first one of `column`.
VnniQuad VnniDepthwiseEmitter::interleave(const Place &place, Value column, int64_t delta,
                                          int64_t quad) {
  ArrayRef<int64_t> strides = layout.strides, pads = conv.getPads();
  Value base =
      b.add(b.mul(place.image, strides[0]), b.mul(place.row, plan.strideRows * strides[1]));
  base = b.add(b.add(base, b.mul(column, plan.strideColumns * strides[2])), place.channel);
  int64_t constant = layout.base - pads[0] * strides[1] - pads[1] * strides[2] + delta * strides[2];
  int64_t lastRow = plan.kernelRows + (place.rows - 1) * plan.strideRows - 1;
  VnniQuad rows;
  for (int64_t t = 0; t < 4; ++t) {
    int64_t row = 4 * quad + t;
    // Rows that no output needs have zero weights.
    rows[t] = row > lastRow ? rows[t - 1] : loadRow(b.add(base, constant + row * strides[1]));
  }
  Value lowA = unpack(rows[0], rows[1], 1, false), highA = unpack(rows[0], rows[1], 1, true);
  Value lowB = unpack(rows[2], rows[3], 1, false), highB = unpack(rows[2], rows[3], 1, true);
  return {unpack(lowA, lowB, 2, false), unpack(lowA, lowB, 2, true), unpack(highA, highB, 2, false),
          unpack(highA, highB, 2, true)};
}

/// The weights of one output row under a column (of the plan's): packed, or derived from the first
/// row's.
Value VnniDepthwiseEmitter::loadWeights(int64_t row, int64_t quad, int64_t slot, int64_t i) {
  int64_t packedRow = plan.derivesRows() ? 0 : row;
  auto slots = static_cast<int64_t>(plan.columns.size());
  int64_t vector = packedRow * plan.rowVectors() + (quad * slots + slot) * 4 + i;
  Value w = b.loadRaw(weights, b.add(weightBase, vector * 64), 64, 64);
  if (packedRow == row)
    return w;
  Type words = VectorType::get({16}, b.getI32Type());
  Value shift = b.integer(words, 8 * plan.strideRows * row);
  return b.bitcast(arith::ShLIOp::create(b, b.bitcast(w, words), shift), w.getType());
}

Value VnniDepthwiseEmitter::dot(Value accumulator, Value x, Value w) {
  return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", accumulator.getType(), {accumulator, x, w});
}

/// Ones where a row of the quad is under the window of the unit's output row.
Value VnniDepthwiseEmitter::ones(int64_t row, int64_t quad) {
  uint32_t pattern = 0;
  for (int64_t t = 0; t < 4; ++t)
    if (int64_t ky = 4 * quad + t - row * plan.strideRows; ky >= 0 && ky < plan.kernelRows)
      pattern |= 1u << (8 * t);
  Value words = b.integer(VectorType::get({16}, b.getI32Type()), pattern);
  return b.bitcast(words, VectorType::get({64}, b.getI8Type()));
}

/// Adds one quad's taps to the accumulators. Known columns are read from `columns`, all are left
/// there.
void VnniDepthwiseEmitter::multiply(const Place &place, Value column, int64_t count, int64_t quad,
                                    SmallVector<VnniQuad> &columns, Sums &sums) {
  columns.resize((count - 1) * plan.strideColumns + plan.kernelColumns);
  for (auto [slot, kx] : llvm::enumerate(plan.columns)) {
    bool isRest = static_cast<int64_t>(slot) >= plan.kernelColumns;
    for (int64_t pixel = 0; pixel < count; ++pixel)
      if (int64_t c = pixel * plan.strideColumns + kx; !columns[c][0])
        columns[c] = interleave(place, column, c, quad);
    for (int64_t row = 0; row < place.rows; ++row)
      for (int64_t i = 0; i < 4; ++i) {
        Value w = loadWeights(row, quad, static_cast<int64_t>(slot), i);
        for (int64_t pixel = 0; pixel < count; ++pixel) {
          Value x = columns[pixel * plan.strideColumns + kx][i];
          Value &product = sums.products[row * count + pixel][i];
          product = dot(product, x, w);
          if (!wantsSum || isRest)
            continue;
          Value &window = sums.windows[row * count + pixel][i];
          window = dot(window, x, ones(row, quad));
        }
      }
  }
}

/// `count` pixels of each row from `column`; takes and gives the columns that steps share.
SmallVector<VnniQuad> VnniDepthwiseEmitter::step(const Place &place, Value column, int64_t count,
                                                 ArrayRef<VnniQuad> carried) {
  VnniQuad zero;
  zero.fill(b.integer(VectorType::get({16}, b.getI32Type()), 0));
  SmallVector<VnniQuad> columns;
  Sums sums;
  sums.products.assign(place.rows * count, epilogue.start().value_or(zero));
  if (wantsSum)
    sums.windows.assign(place.rows * count, zero);
  for (int64_t quad = 0; quad < plan.quads; ++quad) {
    columns.assign(carried.begin(), carried.end());
    multiply(place, column, count, quad, columns, sums);
  }
  finish(place, column, count, sums);
  return SmallVector<VnniQuad>(ArrayRef(columns).take_back(carriedColumns));
}

void VnniDepthwiseEmitter::finish(const Place &place, Value column, int64_t count,
                                  const Sums &sums) {
  for (int64_t row = 0; row < place.rows; ++row)
    for (int64_t pixel = 0; pixel < count; ++pixel) {
      SmallVector<VnniQuad> values{sums.products[row * count + pixel]};
      if (wantsSum)
        values.push_back(sums.windows[row * count + pixel]);
      epilogue.finish({place.image, b.add(place.row, row), b.add(column, pixel), place.channel},
                      values);
    }
  epilogue.storeExtremes(place.unit);
}

/// All columns of the unit's rows.
void VnniDepthwiseEmitter::emitRows(const Place &place) {
  int64_t length = block.segment(plan.outputColumns),
          count = std::min<int64_t>(wantsSum ? 1 : 2, length), whole = length / count * count;
  SmallVector<VnniQuad> columns;
  for (int64_t c = 0; c < carriedColumns; ++c)
    columns.push_back(interleave(place, b.index(0), c, 0));
  auto flatten = [](ArrayRef<VnniQuad> quads) {
    SmallVector<Value> values;
    for (const VnniQuad &quad : quads)
      values.append(quad.begin(), quad.end());
    return values;
  };
  auto gather = [](ValueRange values) {
    SmallVector<VnniQuad> quads(values.size() / 4);
    for (auto [index, value] : llvm::enumerate(values))
      quads[index / 4][index % 4] = value;
    return quads;
  };
  SmallVector<Value> last = b.loop(b.index(0), b.index(whole), count, flatten(columns),
                                   [&](Value column, ValueRange carried) {
                                     return flatten(step(place, column, count, gather(carried)));
                                   });
  if (whole < length)
    step(place, b.index(whole), length - whole, gather(last));
}

/// The image of a unit and its first output row.
std::pair<Value, Value> VnniDepthwiseEmitter::position(Value unit) {
  if (plan.images == 1)
    return {b.index(0), b.mul(unit, plan.rows)};
  Value size = b.index(plan.unitsPerImage());
  return {arith::DivUIOp::create(b, unit, size),
          b.mul(arith::RemUIOp::create(b, unit, size), plan.rows)};
}

void VnniDepthwiseEmitter::emitUnits(Value begin, Value end, Value channel, Value base,
                                     const VnniDepthwiseBlock &which) {
  block = which;
  weightBase = base;
  epilogue.begin(block, channel);
  b.loop(begin, end, 1, [&](Value unit) {
    auto [image, row] = position(unit);
    int64_t rest = plan.outputRows % plan.rows;
    if (rest == 0)
      return emitRows({image, row, channel, plan.rows, unit});
    // The last unit of an image has fewer rows.
    Value last = b.index(plan.outputRows - rest);
    b.ifThen(arith::CmpIOp::create(b, arith::CmpIPredicate::ne, row, last),
             [&, image = image, row = row] { emitRows({image, row, channel, plan.rows, unit}); });
    b.ifThen(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, row, last),
             [&, image = image, row = row] { emitRows({image, row, channel, rest, unit}); });
  });
}

void VnniDepthwiseEmitter::emitHalos(Value begin, Value end) {
  for (const Buffer &result : context.view.results) {
    if (!llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
      continue;
    b.loop(begin, end, 1, [&](Value unit) {
      auto [image, row] = position(unit);
      Value first = b.add(b.mul(image, plan.outputRows), row);
      Value left = arith::SubIOp::create(b, b.index(plan.outputRows), row);
      Value past = b.add(first, b.minimum(left, b.index(plan.rows)));
      b.loop(first, past, 1, [&](Value y) { emitHalo(context, result, y); });
    });
  }
}

void VnniDepthwiseEmitter::emit() {
  // As many rows per pass over the channels as stay in the second-level cache.
  constexpr int64_t cacheBytes = 128 * 1024;
  int64_t unitBytes = layout.strides[1] * plan.strideRows * plan.rows;
  int64_t pass = std::max<int64_t>(1, cacheBytes / std::max<int64_t>(1, unitBytes));
  int64_t wholeBlocks = plan.channels / 64, blockBytes = 64 * plan.blockVectors();
  b.loop(context.view.begin, context.view.end, pass, [&](Value begin) {
    Value end = b.minimum(b.add(begin, pass), context.view.end);
    epilogue.beginUnits(begin, end);
    b.loop(0, wholeBlocks, 1, [&](Value index) {
      emitUnits(begin, end, b.mul(index, 64), b.mul(index, blockBytes), {64, 64});
    });
    if (plan.channels % 64 != 0)
      emitUnits(begin, end, b.index(wholeBlocks * 64), b.index(wholeBlocks * blockBytes),
                VnniDepthwiseBlock::ofRest(plan.channels));
    emitHalos(begin, end);
  });
}

void emitVnniDepthwise(const EmitContext &context) { VnniDepthwiseEmitter(context).emit(); }

} // namespace quern
