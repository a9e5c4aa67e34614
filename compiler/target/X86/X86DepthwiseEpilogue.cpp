// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86DepthwiseEpilogue.h"

#include "compiler/target/X86/X86Stores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

VnniDepthwiseEpilogue::VnniDepthwiseEpilogue(const EmitContext &context, qir::ConvOp conv,
                                             int64_t outputColumns)
    : context(context), b(context.b), conv(conv),
      map(context.view, context.view.epilogue, conv->getResults()), extremes(context),
      outputColumns(outputColumns), bias(findBias()) {}

std::optional<VnniQuad> VnniDepthwiseEpilogue::start() const {
  return bias >= 0 ? std::optional(operands[bias]) : std::nullopt;
}

bool VnniDepthwiseEpilogue::isPerChannel(const FusedMap::Source &source) const {
  return source.anchor < 0 && llvm::all_of(
                                  ArrayRef(source.access.coefficients).drop_back(),
                                  [](int64_t coefficient) { return coefficient == 0; });
}

/// The input of the epilogue that is only added to the accumulator, which can start from it.
int64_t VnniDepthwiseEpilogue::findBias() const {
  if (!map.map || !conv.getResult().hasOneUse())
    return -1;
  for (auto [index, source] : llvm::enumerate(map.sources)) {
    if (source.anchor != 0)
      continue;
    Value accumulator = map.map.getBody().getArgument(index);
    if (!accumulator.hasOneUse())
      return -1;
    auto sum = llvm::dyn_cast<arith::AddIOp>(*accumulator.user_begin());
    Value other = !sum ? Value() : sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs();
    auto argument = llvm::dyn_cast_if_present<BlockArgument>(other);
    bool isBias = argument && argument != accumulator && argument.hasOneUse() &&
                  isPerChannel(map.sources[argument.getArgNumber()]);
    return isBias ? static_cast<int64_t>(argument.getArgNumber()) : -1;
  }
  return -1;
}

/// Four vectors, each one 128-bit lane of a register in natural order, to the interleaved order.
VnniQuad VnniDepthwiseEpilogue::transpose(ArrayRef<Value> vectors) const {
  auto all = llvm::to_vector(llvm::seq<int64_t>(0, 16));
  VnniQuad quad;
  for (int64_t i = 0; i < 4; ++i) {
    SmallVector<int64_t> order;
    for (int64_t first : {4 * i, 16 + 4 * i})
      llvm::append_range(order, llvm::seq<int64_t>(first, first + 4));
    quad[i] = b.shuffle(b.shuffle(vectors[0], vectors[1], order),
                        b.shuffle(vectors[2], vectors[3], order), all);
  }
  return quad;
}

VnniQuad VnniDepthwiseEpilogue::loadOperand(const FusedMap::Source &source,
                                            ArrayRef<Value> indices) {
  int64_t stride = source.access.coefficients.back(), column = source.access.coefficients[2];
  Value offset = source.access.offset(b, indices);
  VnniQuad quad;
  if (stride == 0 && (column == 0 || block.parts() == 1)) {
    quad.fill(loadLanes(b, source.buffer, offset, 0, 16, 16));
    return quad;
  }
  SmallVector<Value> vectors;
  for (int64_t lane = 0; lane < 4; ++lane) {
    int64_t part = 16 * lane / block.channels, first = 16 * lane % block.channels;
    Value place = b.add(offset, block.partStart(part, outputColumns) * column + first * stride);
    vectors.push_back(loadLanes(b, source.buffer, place, stride, 16,
                                std::clamp<int64_t>(block.valid - first, 0, 16)));
  }
  return transpose(vectors);
}

void VnniDepthwiseEpilogue::begin(const VnniDepthwiseBlock &which, Value channel) {
  block = which;
  Value zero = b.index(0);
  operands.assign(map.sources.size(), VnniQuad());
  for (auto [operand, source] : llvm::zip(operands, map.sources))
    if (isPerChannel(source))
      operand = loadOperand(source, {zero, zero, zero, channel});
}

/// `values` are the convolution's results at this output position.
void VnniDepthwiseEpilogue::finish(ArrayRef<Value> indices, ArrayRef<VnniQuad> values) {
  SmallVector<VnniQuad> arguments(operands);
  for (auto [index, source] : llvm::enumerate(map.sources)) {
    if (source.anchor >= 0)
      arguments[index] = values[source.anchor];
    else if (static_cast<int64_t>(index) == bias)
      arguments[index].fill(b.integer(values[0][0].getType(), 0)); // already in the accumulator
    else if (!isPerChannel(source))
      arguments[index] = loadOperand(source, indices);
  }
  SmallVector<SmallVector<Yielded>> yielded(context.view.results.size());
  for (int64_t i = 0; i < 4; ++i) {
    SmallVector<Value> lanes =
        llvm::map_to_vector(arguments, [&](VnniQuad &quad) { return quad[i]; });
    SmallVector<Yielded> all;
    if (map.map)
      all = emitBody(b, map.map.getBody().front(), lanes, 16);
    if (!extremes.empty()) {
      SmallVector<bool> exist;
      for (int64_t lane = 0; lane < 16; ++lane)
        exist.push_back(block.channelOf(i, lane / 4, lane % 4) < block.valid);
      extremes.take(all, values[0][i], exist);
    }
    for (auto [r, returned] : llvm::enumerate(context.view.returned)) {
      unsigned number = returned.getResultNumber();
      yielded[r].push_back(returned.getOwner() == conv.getOperation()
                               ? Yielded{values[number][i], nullptr, Value()}
                               : all[number]);
    }
  }
  for (auto [r, result] : llvm::enumerate(context.view.results))
    store(result, yielded[r], indices);
}

void VnniDepthwiseEpilogue::store(const Buffer &result, ArrayRef<Yielded> values,
                                  ArrayRef<Value> indices) {
  LinearAccess access = LinearAccess::of(Layout::of(result.type));
  Value offset = access.offset(b, indices);
  auto placeOf = [&](int64_t part) {
    return b.add(offset, block.partStart(part, outputColumns) * access.coefficients[2]);
  };
  if (values[0].code && getMemoryType(result.element()).isInteger(8)) {
    Value bytes = packInterleaved(b, values, result.element().isSignedInteger());
    for (int64_t part = 0; part < block.parts(); ++part) {
      Value own =
          block.parts() == 1 ? bytes : b.extract(bytes, part * block.channels, block.channels);
      b.storeRaw(own, result.memref, placeOf(part), block.valid);
    }
    return;
  }
  SmallVector<Value> finished =
      llvm::map_to_vector(values, [&](const Yielded &value) { return quern::finish(b, value); });
  // Transposing restores the natural order, too.
  VnniQuad natural = transpose(finished);
  SmallVector<PendingStore> stores;
  for (int64_t lane = 0; lane < 4; ++lane) {
    int64_t part = 16 * lane / block.channels, first = 16 * lane % block.channels;
    if (int64_t valid = std::min<int64_t>(16, block.valid - first); valid > 0)
      stores.push_back(
          {Yielded{natural[lane], nullptr, Value()}, result, placeOf(part), first, valid});
  }
  context.isa.stores().store(b, stores);
}

} // namespace quern
