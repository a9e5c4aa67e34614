// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Extremes.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace quern {

namespace {
/// Depthwise convolution: lanes over channels, the taps' weights in registers along a row of
/// pixels. Units are the N*OH rows of the result. Weights are packed [tap][channel].
class DepthwiseEmitter {
public:
  explicit DepthwiseEmitter(const EmitContext &context);
  LogicalResult emit();

private:
  void emitChannels(ArrayRef<Value> row, Value channel, int64_t vectors, int64_t valid);
  void emitPixel(ArrayRef<Value> row, Value column, Value channel, ArrayRef<Value> weightLanes,
                 int64_t vectors, int64_t valid);
  /// The taps [tap, tap + 1 or 2) of vector `v`; says how many.
  int64_t multiplyAdd(Value &accumulator, int64_t tap, int64_t v, Value base,
                      ArrayRef<Value> weightLanes, int64_t vectors, int64_t valid);
  int64_t tapStep(int64_t tap);
  SmallVector<Value> arguments(ArrayRef<Value> indices, Value accumulator, int64_t v,
                               int64_t valid);

  const EmitContext &context;
  KernelBuilder &b;
  qir::ConvOp conv;
  FusedMap epilogue;
  Buffer input, weights;
  Layout inputLayout;
  int64_t lanes, groupVectors, channels, taps;
  bool isFloat;
  bool inPairs; ///< bytes by bytes, two taps at a time
  Extremes extremes;
  Value unit; ///< that is being written
};
} // namespace

DepthwiseEmitter::DepthwiseEmitter(const EmitContext &context)
    : context(context), b(context.b), conv(llvm::cast<qir::ConvOp>(context.view.anchor)),
      epilogue(context.view, context.view.epilogue, conv->getResults()),
      input(context.view.input(conv.getInput())), weights(context.view.input(conv.getWeights())),
      inputLayout(Layout::of(input.type)), channels(input.type.getDimSize(3)),
      taps(weights.type.getDimSize(1) * weights.type.getDimSize(2)),
      isFloat(input.element().isF32()), extremes(context) {
  auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(weights.type.getEncoding());
  inPairs = packed && packed.getForm() == depthwisePairsForm;
  CpuIsa::DepthwiseGroup group = context.isa.depthwiseGroup(isFloat, taps);
  lanes = group.lanes;
  groupVectors = group.vectors;
}

/// From the window's first tap to this one, in elements of the input.
int64_t DepthwiseEmitter::tapStep(int64_t tap) {
  int64_t width = weights.type.getDimSize(2);
  ArrayRef<int64_t> dilations = conv.getDilations();
  return tap / width * dilations[0] * inputLayout.strides[1] +
         tap % width * dilations[1] * inputLayout.strides[2];
}

int64_t DepthwiseEmitter::multiplyAdd(Value &accumulator, int64_t tap, int64_t v, Value base,
                                      ArrayRef<Value> weightLanes, int64_t vectors, int64_t valid) {
  auto offset = [&](int64_t at) { return b.add(base, tapStep(at) + v * lanes); };
  if (inPairs) {
    SmallVector<Value> x, w;
    for (int64_t at = tap; at < std::min(tap + 2, taps); ++at) {
      x.push_back(b.loadRaw(input.memref, offset(at), lanes, valid));
      w.push_back(weightLanes[at * vectors + v]);
    }
    accumulator = context.isa.multiplyAddBytes(b, accumulator, x, w);
    return static_cast<int64_t>(x.size());
  }
  Value x = loadLanes(b, input, offset(tap), 1, lanes, valid), w = weightLanes[tap * vectors + v];
  accumulator = isFloat ? math::FmaOp::create(b, x, w, accumulator).getResult()
                        : context.isa.multiplyAddWords(b, accumulator, x, w);
  return 1;
}

/// The epilogue's inputs at an output position, `v` vectors of channels further.
SmallVector<Value> DepthwiseEmitter::arguments(ArrayRef<Value> indices, Value accumulator,
                                               int64_t v, int64_t valid) {
  SmallVector<Value> values;
  for (const FusedMap::Source &source : epilogue.sources) {
    int64_t stride = source.access.coefficients.back();
    if (source.anchor >= 0) {
      values.push_back(accumulator);
      continue;
    }
    Value offset = b.add(source.access.offset(b, indices), v * lanes * stride);
    values.push_back(loadLanes(b, source.buffer, offset, stride, lanes, valid));
  }
  return values;
}

void DepthwiseEmitter::emitPixel(ArrayRef<Value> row, Value column, Value channel,
                                 ArrayRef<Value> weightLanes, int64_t vectors, int64_t valid) {
  ArrayRef<int64_t> strides = inputLayout.strides, pads = conv.getPads();
  Value base = b.add(b.mul(row[0], strides[0]), b.mul(row[1], conv.getStrides()[0] * strides[1]));
  base = b.add(b.add(base, b.mul(column, conv.getStrides()[1] * strides[2])), channel);
  base = b.add(base, inputLayout.base - pads[0] * strides[1] - pads[1] * strides[2]);
  Type scalar = isFloat ? Type(b.getF32Type()) : Type(b.getI32Type());
  Type type = KernelBuilder::withLanes(scalar, lanes);
  Value zero = isFloat ? b.real(type, 0.0f) : b.integer(type, 0);
  SmallVector<Value> accumulators(vectors, zero);
  for (int64_t tap = 0, count = 0; tap < taps; tap += count)
    for (int64_t v = 0; v < vectors; ++v)
      count = multiplyAdd(accumulators[v], tap, v, base, weightLanes, vectors,
                          v + 1 == vectors ? valid : lanes);
  SmallVector<Value> indices(row);
  indices.append({column, channel});
  SmallVector<SmallVector<PendingStore>> pending(context.view.results.size());
  for (int64_t v = 0; v < vectors; ++v) {
    int64_t here = v + 1 == vectors ? valid : lanes;
    SmallVector<Yielded> values;
    if (context.view.epilogue)
      values = emitBody(b, context.view.epilogue.getBody().front(),
                        arguments(indices, accumulators[v], v, here), lanes);
    extremes.takeFirst(values, accumulators[v], here);
    for (auto [r, result] : llvm::enumerate(context.view.results)) {
      OpResult returned = context.view.returned[r];
      Yielded value{accumulators[v], nullptr, Value()};
      if (returned.getOwner() != context.view.anchor)
        value = values[returned.getResultNumber()];
      Value offset = LinearAccess::of(Layout::of(result.type)).offset(b, indices);
      pending[r].push_back({value, result, offset, v * lanes, here});
    }
  }
  for (SmallVector<PendingStore> &stores : pending) {
    for (PendingStore &store : stores)
      store.base = stores.front().base;
    context.isa.stores().store(b, stores);
  }
  extremes.store(unit);
}

void DepthwiseEmitter::emitChannels(ArrayRef<Value> row, Value channel, int64_t vectors,
                                    int64_t valid) {
  SmallVector<Value> weightLanes;
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t here = v + 1 == vectors ? valid : lanes;
      Value offset = b.add(channel, tap * channels + v * lanes);
      // Packed weights are bytes.
      if (isFloat) {
        Value raw = b.loadRaw(weights.memref, b.mul(offset, 4), 4 * lanes, 4 * here);
        weightLanes.push_back(b.bitcast(raw, KernelBuilder::withLanes(b.getF32Type(), lanes)));
      } else {
        int64_t size = getElementBytes(weights.element());
        Value raw = b.loadRaw(weights.memref, b.mul(offset, size), size * lanes, size * here);
        Type memory = KernelBuilder::withLanes(getMemoryType(weights.element()), lanes);
        weightLanes.push_back(inPairs ? raw
                                      : b.toCompute(b.bitcast(raw, memory), weights.element()));
      }
    }
  int64_t columns = llvm::cast<RankedTensorType>(conv.getResult().getType()).getDimSize(2);
  b.loop(0, columns, 1,
         [&](Value column) { emitPixel(row, column, channel, weightLanes, vectors, valid); });
}

LogicalResult DepthwiseEmitter::emit() {
  auto output = llvm::cast<RankedTensorType>(conv.getResult().getType());
  bool padded = llvm::any_of(conv.getPads(), [](int64_t pad) { return pad > 0; });
  if (padded && !llvm::isa_and_present<qir::PaddedAttr>(input.type.getEncoding()))
    return context.view.dispatch.emitError(
        "expected the convolution's input to carry a halo of its pads");
  int64_t group = groupVectors * lanes, whole = channels / group * group;
  extremes.begin(context.view.begin, context.view.end);
  b.loop(context.view.begin, context.view.end, 1, [&](Value index) {
    unit = index;
    Value height = b.index(output.getDimSize(1));
    SmallVector<Value> row{b.index(0), unit};
    if (output.getDimSize(0) != 1)
      row = {arith::DivUIOp::create(b, unit, height), arith::RemUIOp::create(b, unit, height)};
    b.loop(0, whole, group,
           [&](Value channel) { emitChannels(row, channel, group / lanes, lanes); });
    int64_t rest = channels - whole, vectors = (rest + lanes - 1) / lanes;
    if (rest > 0)
      emitChannels(row, b.index(whole), vectors, rest - (vectors - 1) * lanes);
    for (const Buffer &result : context.view.results)
      if (llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
        emitHalo(context, result, unit);
  });
  return success();
}

LogicalResult emitDepthwise(const EmitContext &context) { return DepthwiseEmitter(context).emit(); }

} // namespace quern
