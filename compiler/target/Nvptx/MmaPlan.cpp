// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/MmaContraction.h"

#include "passes/Codegen/DispatchParts.h"
#include "passes/Numerics/Algorithms.h"

#include <cstring>
#include <limits>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

MmaTile MmaTile::choose(const ContractionShape &shape) {
  // Blocks that a GPU of the size of an L4 to an H100 runs at a time, one on each multiprocessor.
  constexpr int64_t multiprocessors = 128;
  constexpr MmaTile tiles[] = {{2, 4}, {2, 2}, {1, 4}, {1, 2}};
  MmaTile best;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const MmaTile &tile : tiles) {
    auto [rows, columns] = getMmaGrid(shape, tile);
    int64_t rounds = (rows * columns + multiprocessors - 1) / multiprocessors;
    // Products, and what loading the operands takes beside them.
    int64_t cost =
        rounds * (tile.pixels() * tile.channels() + 32 * (tile.pixels() + tile.channels()));
    if (cost < least) {
      least = cost;
      best = tile;
    }
  }
  return best;
}

MmaTile MmaTile::parse(DictionaryAttr attribute) {
  auto get = [&](StringRef name) { return llvm::cast<IntegerAttr>(attribute.get(name)).getInt(); };
  return {get("warp_rows"), get("warp_columns")};
}

DictionaryAttr MmaTile::toAttribute(MLIRContext *context) const {
  Builder b(context);
  return b.getDictionaryAttr({b.getNamedAttr("warp_columns", b.getI64IntegerAttr(warpColumns)),
                              b.getNamedAttr("warp_rows", b.getI64IntegerAttr(warpRows))});
}

std::pair<int64_t, int64_t> getMmaGrid(const ContractionShape &shape, const MmaTile &tile) {
  int64_t pixels = shape.rows() * shape.columns;
  return {(pixels + tile.pixels() - 1) / tile.pixels(),
          (shape.channels + tile.channels() - 1) / tile.channels() * shape.groups};
}

/// Codes of 8 bits that an instruction multiplies.
static bool areMultiplied(Type left, Type right) {
  if (numerics::isSmallFloat(left))
    return numerics::isSmallFloat(right);
  return (left.isUnsignedInteger(8) || left.isSignedInteger(8)) && right.isSignedInteger(8);
}

/// Where rows of the left operand may begin, in bytes from the buffer's start: a multiple of this.
static int64_t leftAlignment(Operation *anchor) {
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor))
    return typeOf(conv.getWeights()).getDimSize(3); // of a group; all channels are a multiple of it
  return typeOf(anchor->getOperand(0)).getShape().back();
}

int64_t MmaPlan::chunkOf(Operation *anchor) {
  int64_t chunk = 16;
  while (leftAlignment(anchor) % chunk != 0)
    chunk /= 2;
  return chunk;
}

std::optional<MmaPlan> MmaPlan::of(Operation *anchor, std::string &why) {
  auto no = [&](const char *reason) -> std::optional<MmaPlan> {
    why = reason;
    return std::nullopt;
  };
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor);
  if (!conv && !matmul)
    return no("no product");
  if (!areMultiplied(typeOf(anchor->getOperand(0)).getElementType(),
                     typeOf(anchor->getOperand(1)).getElementType()))
    return no("operands are not both 8-bit floats, or u8 or s8 by s8");
  if (!getConstantRightOperand(anchor))
    return no("the right operand is not constant");
  if (matmul && matmul.getScales())
    return no("scales vary by blocks of the reduction");
  MmaPlan plan{ContractionShape::ofWeights(anchor), 16};
  if (plan.shape.sums || plan.shape.matrices != 1 || (conv && conv.isDepthwise()))
    return no("a depthwise convolution, several matrices, or sums of codes");
  auto dispatch = anchor->getParentOfType<qir::DispatchOp>();
  if (dispatch && !DispatchParts::of(dispatch).extremes.empty())
    return no("extremes of the result are found on the way");
  plan.chunk = chunkOf(anchor);
  if (plan.chunk < 4)
    return no("channels are not a multiple of 4");
  return plan;
}

int64_t MmaPlan::packedChannels() const { return (shape.channels + 127) / 128 * 128; }

int64_t MmaPlan::steps() const {
  constexpr int64_t depth = MmaTile::stepDepth;
  return shape.kernelRows * shape.kernelColumns * ((shape.run + depth - 1) / depth);
}

int64_t MmaPlan::packedBytes() const {
  return shape.groups * steps() * packedChannels() * MmaTile::stepDepth;
}

std::vector<char> packForMma(Operation *anchor, const MmaPlan &plan, ArrayRef<char> bytes) {
  constexpr int64_t depth = MmaTile::stepDepth;
  const ContractionShape &shape = plan.shape;
  int64_t taps = shape.kernelRows * shape.kernelColumns;
  int64_t pieces = (shape.run + depth - 1) / depth, channels = shape.groups * shape.channels;
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor);
  bool byTerm = matmul && !matmul.getTransposeRhs(); // [K, N]
  std::vector<char> packed(plan.packedBytes(), 0);
  for (int64_t channel = 0; channel < channels; ++channel) {
    int64_t group = channel / shape.channels, within = channel % shape.channels;
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t term = 0; term < shape.run; ++term) {
        int64_t from =
            byTerm ? term * channels + channel : (channel * taps + tap) * shape.run + term;
        int64_t step = (group * taps + tap) * pieces + term / depth;
        packed[(step * plan.packedChannels() + within) * depth + term % depth] = bytes[from];
      }
  }
  return packed;
}

} // namespace quern
