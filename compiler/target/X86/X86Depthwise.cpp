// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86Depthwise.h"

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/X86/X86Stores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

namespace {
/// Sizes of a depthwise convolution as this kernel does it.
struct Plan {
  int64_t kernelRows, kernelColumns, strideRows, strideColumns;
  int64_t images, outputRows, outputColumns, channels;
  int64_t rows;  ///< output rows of a unit
  int64_t quads; ///< groups of four input rows under a unit

  static Plan of(qir::ConvOp conv);
  int64_t unitsPerImage() const { return (outputRows + rows - 1) / rows; }
  /// Vectors of weights of one output row.
  int64_t rowVectors() const { return quads * kernelColumns * 4; }
};

/// Channels done together: `width` bytes per pixel in a register, of which `valid` exist.
struct Block {
  int64_t width, valid;
};

/// Four vectors of accumulators, or of what is added to them, in the interleaved order.
using Quad = std::array<Value, 4>;
} // namespace

Plan Plan::of(qir::ConvOp conv) {
  auto weights = typeOf(conv.getWeights()), result = typeOf(conv.getResult());
  Plan plan{weights.getDimSize(1), weights.getDimSize(2), conv.getStrides()[0], conv.getStrides()[1],
            result.getDimSize(0), result.getDimSize(1), result.getDimSize(2), result.getDimSize(3),
            /*rows=*/1, /*quads=*/1};
  plan.quads = llvm::divideCeil(plan.kernelRows, 4);
  if (plan.outputRows > 1 && plan.kernelRows + plan.strideRows <= 4 * plan.quads)
    plan.rows = 2;
  return plan;
}

/// The block of the channels behind all whole ones.
static Block restBlock(int64_t channels) {
  int64_t rest = channels % 64;
  return {rest > 32 ? 64 : rest > 16 ? 32 : 16, rest};
}

/// The channel, within its block, of double word j of vector i.
static int64_t channelOf(int64_t i, int64_t j) { return j / 4 * 16 + i * 4 + j % 4; }

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
  };
  void emitUnits(Value begin, Value end, Value channel, Value weightBase, const Block &block);
  void emitRows(const Place &place);
  void emitHalos(Value begin, Value end);
  std::pair<Value, Value> position(Value unit);
  SmallVector<Quad> step(const Place &place, Value column, int64_t count, ArrayRef<Quad> carried);
  void multiply(const Place &place, Value column, int64_t count, int64_t quad,
                SmallVector<Quad> &columns, MutableArrayRef<Quad> accumulators);
  Quad interleave(const Place &place, Value column, int64_t delta, int64_t quad);
  Value unpack(Value a, Value b, int64_t bytes, bool isHigh);
  Value dot(Value accumulator, Value x, Value w);

  void finish(const Place &place, Value column, int64_t count, ArrayRef<Quad> accumulators);
  void store(const Buffer &result, ArrayRef<Yielded> values, ArrayRef<Value> indices);
  Quad loadOperand(const FusedMap::Source &source, ArrayRef<Value> indices);
  void loadHoisted(Value channel);
  bool isPerChannel(const FusedMap::Source &source) const;
  int64_t findBias() const;
  Quad transpose(ArrayRef<Value> vectors) const;

  const EmitContext &context;
  KernelBuilder &b;
  mutable qir::ConvOp conv; // constness of a handle says nothing about the op
  Plan plan;
  FusedMap epilogue;
  Buffer input;
  Value weights;
  Layout layout;
  int64_t bias;
  int64_t carriedColumns; ///< columns shared with the next step that stay in registers

  // The block that is being written.
  Block block;
  Value weightBase;
  SmallVector<Quad> operands; ///< of the epilogue, those that depend on the channel alone
};
} // namespace

VnniDepthwiseEmitter::VnniDepthwiseEmitter(const EmitContext &context)
    : context(context), b(context.b), conv(llvm::cast<qir::ConvOp>(context.view.anchor)),
      plan(Plan::of(conv)), epilogue(context.view, context.view.epilogue, conv->getResults()),
      input(context.view.input(conv.getInput())),
      weights(context.view.input(conv.getWeights()).memref), layout(Layout::of(input.type)),
      bias(findBias()) {
  int64_t shared = plan.kernelColumns - plan.strideColumns;
  carriedColumns = plan.quads == 1 && shared > 0 && shared <= 2 ? shared : 0;
}

bool VnniDepthwiseEmitter::isPerChannel(const FusedMap::Source &source) const {
  return source.anchor < 0 && llvm::all_of(ArrayRef(source.access.coefficients).drop_back(),
                                           [](int64_t coefficient) { return coefficient == 0; });
}

/// The input of the epilogue that is only added to the accumulator, which can start from it.
int64_t VnniDepthwiseEmitter::findBias() const {
  if (!epilogue.map || !conv.getResult().hasOneUse())
    return -1;
  for (auto [index, source] : llvm::enumerate(epilogue.sources)) {
    if (source.anchor != 0)
      continue;
    Value accumulator = epilogue.map.getBody().getArgument(index);
    if (!accumulator.hasOneUse())
      return -1;
    auto sum = llvm::dyn_cast<arith::AddIOp>(*accumulator.user_begin());
    Value other = !sum ? Value() : sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs();
    auto argument = llvm::dyn_cast_if_present<BlockArgument>(other);
    bool isBias = argument && argument != accumulator && argument.hasOneUse() &&
                  isPerChannel(epilogue.sources[argument.getArgNumber()]);
    return isBias ? argument.getArgNumber() : -1;
  }
  return -1;
}

/// Exchanges 128-bit lanes: natural order (vector q holds channels 16q to 16q + 15) to the
/// interleaved one.
Quad VnniDepthwiseEmitter::transpose(ArrayRef<Value> vectors) const {
  Quad quad;
  for (int64_t i = 0; i < 4; ++i) {
    auto pair = [&](Value low, Value high) {
      SmallVector<int64_t> order;
      for (int64_t lane = 0; lane < 4; ++lane)
        order.push_back(4 * i + lane);
      for (int64_t lane = 0; lane < 4; ++lane)
        order.push_back(16 + 4 * i + lane);
      return b.shuffle(low, high, order);
    };
    if (vectors.size() == 1)
      quad[i] = b.extract(vectors[0], 4 * i, 4);
    else
      quad[i] = pair(vectors[0], vectors[1]);
    if (vectors.size() == 4)
      quad[i] = b.shuffle(quad[i], pair(vectors[2], vectors[3]),
                          llvm::to_vector(llvm::seq<int64_t>(0, 16)));
  }
  return quad;
}

Quad VnniDepthwiseEmitter::loadOperand(const FusedMap::Source &source, ArrayRef<Value> indices) {
  int64_t stride = source.access.coefficients.back();
  Value offset = source.access.offset(b, indices);
  Quad quad;
  if (stride == 0) {
    quad.fill(loadLanes(b, source.buffer, offset, 0, block.width / 4, block.width / 4));
    return quad;
  }
  SmallVector<Value> vectors;
  for (int64_t first = 0; first < block.width; first += 16)
    vectors.push_back(loadLanes(b, source.buffer, b.add(offset, first * stride), stride, 16,
                                std::clamp<int64_t>(block.valid - first, 0, 16)));
  return transpose(vectors);
}

void VnniDepthwiseEmitter::loadHoisted(Value channel) {
  Value zero = b.index(0);
  operands.assign(epilogue.sources.size(), Quad());
  for (auto [operand, source] : llvm::zip(operands, epilogue.sources))
    if (isPerChannel(source))
      operand = loadOperand(source, {zero, zero, zero, channel});
}

/// VPUNPCKL or VPUNPCKH of units of `bytes` bytes.
Value VnniDepthwiseEmitter::unpack(Value low, Value high, int64_t bytes, bool isHigh) {
  int64_t perLane = 16 / bytes, count = block.width / bytes;
  Type type = VectorType::get({count}, b.getIntegerType(8 * bytes));
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < count; lane += perLane)
    for (int64_t k = 0; k < perLane / 2; ++k) {
      int64_t from = lane + k + (isHigh ? perLane / 2 : 0);
      order.append({from, count + from});
    }
  Value mixed = b.shuffle(b.bitcast(low, type), b.bitcast(high, type), order);
  return b.bitcast(mixed, VectorType::get({block.width}, b.getI8Type()));
}

/// Four input rows of one column, interleaved; `delta` columns behind the first one of `column`.
Quad VnniDepthwiseEmitter::interleave(const Place &place, Value column, int64_t delta, int64_t quad) {
  ArrayRef<int64_t> strides = layout.strides, pads = conv.getPads();
  Value base = b.add(b.mul(place.image, strides[0]), b.mul(place.row, plan.strideRows * strides[1]));
  base = b.add(b.add(base, b.mul(column, plan.strideColumns * strides[2])), place.channel);
  int64_t constant = layout.base - pads[0] * strides[1] - pads[1] * strides[2] + delta * strides[2];
  // A tensor in the arena may be read a little behind its end.
  bool isPadded = llvm::isa_and_present<qir::PaddedAttr>(input.type.getEncoding());
  int64_t valid = isPadded ? block.width : block.valid;
  int64_t lastRow = plan.kernelRows + (place.rows - 1) * plan.strideRows - 1;
  Quad rows;
  for (int64_t t = 0; t < 4; ++t) {
    int64_t row = 4 * quad + t;
    // Rows that no output needs have zero weights.
    rows[t] = row > lastRow ? rows[t - 1]
                            : b.loadRaw(input.memref, b.add(base, constant + row * strides[1]),
                                        block.width, valid);
  }
  Value lowA = unpack(rows[0], rows[1], 1, false), highA = unpack(rows[0], rows[1], 1, true);
  Value lowB = unpack(rows[2], rows[3], 1, false), highB = unpack(rows[2], rows[3], 1, true);
  return {unpack(lowA, lowB, 2, false), unpack(lowA, lowB, 2, true), unpack(highA, highB, 2, false),
          unpack(highA, highB, 2, true)};
}

Value VnniDepthwiseEmitter::dot(Value accumulator, Value x, Value w) {
  std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(8 * block.width);
  return b.intrinsic(name, accumulator.getType(), {accumulator, x, w});
}

/// Adds one quad's taps to the accumulators [output row][pixel]. Known columns are read from
/// `columns`, all are left there.
void VnniDepthwiseEmitter::multiply(const Place &place, Value column, int64_t count, int64_t quad,
                                    SmallVector<Quad> &columns,
                                    MutableArrayRef<Quad> accumulators) {
  columns.resize((count - 1) * plan.strideColumns + plan.kernelColumns);
  for (int64_t kx = 0; kx < plan.kernelColumns; ++kx) {
    for (int64_t pixel = 0; pixel < count; ++pixel)
      if (int64_t c = pixel * plan.strideColumns + kx; !columns[c][0])
        columns[c] = interleave(place, column, c, quad);
    for (int64_t row = 0; row < place.rows; ++row)
      for (int64_t i = 0; i < 4; ++i) {
        int64_t vector = row * plan.rowVectors() + (quad * plan.kernelColumns + kx) * 4 + i;
        Value w = b.loadRaw(weights, b.add(weightBase, vector * block.width), block.width, block.width);
        for (int64_t pixel = 0; pixel < count; ++pixel) {
          Value &accumulator = accumulators[row * count + pixel][i];
          accumulator = dot(accumulator, columns[pixel * plan.strideColumns + kx][i], w);
        }
      }
  }
}

/// `count` pixels of each row from `column`; takes and gives the columns that steps share.
SmallVector<Quad> VnniDepthwiseEmitter::step(const Place &place, Value column, int64_t count,
                                             ArrayRef<Quad> carried) {
  Quad start;
  start.fill(b.integer(VectorType::get({block.width / 4}, b.getI32Type()), 0));
  if (bias >= 0)
    start = operands[bias];
  SmallVector<Quad> accumulators(place.rows * count, start), columns;
  for (int64_t quad = 0; quad < plan.quads; ++quad) {
    columns.assign(carried.begin(), carried.end());
    multiply(place, column, count, quad, columns, accumulators);
  }
  finish(place, column, count, accumulators);
  return SmallVector<Quad>(ArrayRef(columns).take_back(carriedColumns));
}

void VnniDepthwiseEmitter::finish(const Place &place, Value column, int64_t count,
                                  ArrayRef<Quad> accumulators) {
  Value zero = b.integer(accumulators[0][0].getType(), 0);
  for (int64_t row = 0; row < place.rows; ++row)
    for (int64_t pixel = 0; pixel < count; ++pixel) {
      const Quad &quad = accumulators[row * count + pixel];
      Value indices[] = {place.image, b.add(place.row, row), b.add(column, pixel), place.channel};
      SmallVector<Quad> arguments(operands);
      for (auto [index, source] : llvm::enumerate(epilogue.sources)) {
        if (source.anchor >= 0)
          arguments[index] = quad;
        else if (static_cast<int64_t>(index) == bias)
          arguments[index].fill(zero); // already in the accumulator
        else if (!isPerChannel(source))
          arguments[index] = loadOperand(source, indices);
      }
      SmallVector<SmallVector<Yielded>> yielded(context.view.results.size());
      for (int64_t i = 0; i < 4; ++i) {
        SmallVector<Value> values = llvm::map_to_vector(arguments, [&](Quad &q) { return q[i]; });
        SmallVector<Yielded> all;
        if (epilogue.map)
          all = emitBody(b, epilogue.map.getBody().front(), values, block.width / 4);
        for (auto [r, returned] : llvm::enumerate(context.view.returned))
          yielded[r].push_back(returned.getOwner() == conv.getOperation()
                                   ? Yielded{quad[i], nullptr, Value()}
                                   : all[returned.getResultNumber()]);
      }
      for (auto [r, result] : llvm::enumerate(context.view.results))
        store(result, yielded[r], indices);
    }
}

void VnniDepthwiseEmitter::store(const Buffer &result, ArrayRef<Yielded> values,
                                 ArrayRef<Value> indices) {
  Value offset = LinearAccess::of(Layout::of(result.type)).offset(b, indices);
  if (values[0].code && getMemoryType(result.element()).isInteger(8)) {
    Value bytes = packInterleaved(b, values, result.element().isSignedInteger());
    b.storeRaw(bytes, result.memref, offset, block.valid);
    return;
  }
  // Back to the natural order: lane i of natural vector q is lane q of vector i.
  SmallVector<Value> finished =
      llvm::map_to_vector(values, [&](const Yielded &value) { return quern::finish(b, value); });
  SmallVector<PendingStore> stores;
  for (int64_t first = 0; first < block.valid; first += 16) {
    int64_t lane = first / 16;
    SmallVector<Value> quarters = llvm::map_to_vector(
        finished, [&](Value value) { return b.extract(value, 4 * lane, 4); });
    auto eight = llvm::to_vector(llvm::seq<int64_t>(0, 8));
    Value low = b.shuffle(quarters[0], quarters[1], eight);
    Value high = b.shuffle(quarters[2], quarters[3], eight);
    Value natural = b.shuffle(low, high, llvm::to_vector(llvm::seq<int64_t>(0, 16)));
    stores.push_back({Yielded{natural, nullptr, Value()}, result, offset, first,
                      std::min<int64_t>(16, block.valid - first)});
  }
  context.isa.stores().store(b, stores);
}

/// All columns of the unit's rows.
void VnniDepthwiseEmitter::emitRows(const Place &place) {
  int64_t count = std::min<int64_t>(2, plan.outputColumns);
  int64_t whole = plan.outputColumns / count * count;
  SmallVector<Quad> columns;
  for (int64_t c = 0; c < carriedColumns; ++c)
    columns.push_back(interleave(place, b.index(0), c, 0));
  auto flatten = [](ArrayRef<Quad> quads) {
    SmallVector<Value> values;
    for (const Quad &quad : quads)
      values.append(quad.begin(), quad.end());
    return values;
  };
  auto gather = [](ValueRange values) {
    SmallVector<Quad> quads(values.size() / 4);
    for (auto [index, value] : llvm::enumerate(values))
      quads[index / 4][index % 4] = value;
    return quads;
  };
  SmallVector<Value> last =
      b.loop(b.index(0), b.index(whole), count, flatten(columns), [&](Value column, ValueRange carried) {
        return flatten(step(place, column, count, gather(carried)));
      });
  if (whole < plan.outputColumns)
    step(place, b.index(whole), plan.outputColumns - whole, gather(last));
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
                                     const Block &which) {
  block = which;
  weightBase = base;
  loadHoisted(channel);
  b.loop(begin, end, 1, [&](Value unit) {
    auto [image, row] = position(unit);
    int64_t rest = plan.outputRows % plan.rows;
    if (rest == 0)
      return emitRows({image, row, channel, plan.rows});
    // The last unit of an image has fewer rows.
    Value last = b.index(plan.outputRows - rest);
    b.ifThen(arith::CmpIOp::create(b, arith::CmpIPredicate::ne, row, last),
             [&, image = image, row = row] { emitRows({image, row, channel, plan.rows}); });
    b.ifThen(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, row, last),
             [&, image = image, row = row] { emitRows({image, row, channel, rest}); });
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
  int64_t wholeBlocks = plan.channels / 64, blockVectors = plan.rows * plan.rowVectors();
  b.loop(context.view.begin, context.view.end, pass, [&](Value begin) {
    Value end = b.minimum(b.add(begin, pass), context.view.end);
    b.loop(0, wholeBlocks, 1, [&](Value index) {
      emitUnits(begin, end, b.mul(index, 64), b.mul(index, 64 * blockVectors), {64, 64});
    });
    if (plan.channels % 64 != 0)
      emitUnits(begin, end, b.index(wholeBlocks * 64), b.index(wholeBlocks * 64 * blockVectors),
                restBlock(plan.channels));
    emitHalos(begin, end);
  });
}

namespace {
class VnniDepthwise : public DepthwiseKernel {
public:
  StringRef form() const override { return "depthwise-vnni"; }

  qir::PackedAttr getPackedForm(qir::ConvOp conv) const override {
    bool isCodes = typeOf(conv.getInput()).getElementType().isUnsignedInteger(8) &&
                   typeOf(conv.getWeights()).getElementType().isSignedInteger(8);
    bool isDense = llvm::all_of(conv.getDilations(), [](int64_t step) { return step == 1; });
    // Wider strides share no columns, taller kernels have more code than use.
    auto weights = typeOf(conv.getWeights());
    if (!isCodes || !isDense || weights.getDimSize(1) > 16 || weights.getDimSize(2) > 16)
      return {};
    Plan plan = Plan::of(conv);
    int64_t rest = plan.channels % 64;
    int64_t channels = plan.channels - rest + (rest ? restBlock(plan.channels).width : 0);
    return qir::PackedAttr::get(conv.getContext(), form(), 64, 4,
                                channels * plan.rows * plan.rowVectors());
  }

  std::vector<char> pack(qir::ConvOp conv, ArrayRef<char> bytes) const override {
    Plan plan = Plan::of(conv);
    std::vector<char> packed(getPackedForm(conv).getBytes(), 0);
    char *next = packed.data();
    for (int64_t first = 0; first < plan.channels; first += 64) {
      Block block = first + 64 <= plan.channels ? Block{64, 64} : restBlock(plan.channels);
      next = packBlock(plan, block, bytes.data() + first * plan.kernelRows * plan.kernelColumns, next);
    }
    return packed;
  }

  int64_t getUnits(qir::ConvOp conv) const override { return Plan::of(conv).images * Plan::of(conv).unitsPerImage(); }

  LogicalResult emit(const EmitContext &context) const override {
    auto conv = llvm::cast<qir::ConvOp>(context.view.anchor);
    bool hasPads = llvm::any_of(conv.getPads(), [](int64_t pad) { return pad > 0; });
    if (hasPads && !llvm::isa_and_present<qir::PaddedAttr>(typeOf(conv.getInput()).getEncoding()))
      return context.view.dispatch.emitError(
          "expected the convolution's input to carry a halo of its pads");
    VnniDepthwiseEmitter(context).emit();
    return success();
  }

private:
  static char *packBlock(const Plan &plan, const Block &block, const char *weights, char *next) {
    auto weight = [&](int64_t channel, int64_t ky, int64_t kx) {
      bool exists = channel < block.valid && ky >= 0 && ky < plan.kernelRows;
      return exists ? weights[(channel * plan.kernelRows + ky) * plan.kernelColumns + kx] : char(0);
    };
    for (int64_t row = 0; row < plan.rows; ++row)
      for (int64_t quad = 0; quad < plan.quads; ++quad)
        for (int64_t kx = 0; kx < plan.kernelColumns; ++kx)
          for (int64_t i = 0; i < 4; ++i)
            for (int64_t j = 0; j < block.width / 4; ++j)
              for (int64_t t = 0; t < 4; ++t)
                *next++ = weight(channelOf(i, j), 4 * quad + t - row * plan.strideRows, kx);
    return next;
  }
};
} // namespace

const DepthwiseKernel &getVnniDepthwise() {
  static const VnniDepthwise kernel;
  return kernel;
}

} // namespace quern
