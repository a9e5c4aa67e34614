// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Contraction.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace mlir;

namespace quern {

static int64_t stepsPerRun(const ContractionShape &shape, const DotKernel &dot) {
  return (shape.run + dot.depth() - 1) / dot.depth();
}

/// Bytes of the panels, without what follows them.
static int64_t panelBytes(const ContractionShape &shape, const DotKernel &dot) {
  int64_t vectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  return shape.matrices * shape.groups * vectors * shape.kernelRows * shape.kernelColumns *
         stepsPerRun(shape, dot) * dot.stepBytes();
}

WeightRemainder WeightRemainder::of(const ContractionShape &shape, const DotKernel &dot,
                                    int64_t vectors) {
  int64_t allVectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  WeightRemainder layout;
  layout.panels = (allVectors + vectors - 1) / vectors;
  layout.starts = panelBytes(shape, dot);
  layout.entries = llvm::alignTo(layout.starts + 4 * (layout.panels + 1), 64);
  layout.entryBytes = placeBytes + vectors * dot.stepBytes();
  return layout;
}

namespace {
/// Walks the packed order and finds each element in the logical one.
class Packer {
public:
  Packer(Operation *anchor, const ContractionShape &shape, const DotKernel &dot,
         ArrayRef<char> bytes);
  void packPanels(int64_t vectors, char *out);
  /// Appends what the panels do not hold of si16 weights.
  void packRemainder(int64_t vectors, std::vector<char> &packed);

private:
  /// Calls visit(lane, term, pointer to the element) for what exists of a step.
  template <typename Visit>
  void forEachElement(int64_t firstVector, int64_t tap, int64_t step, Visit visit) const;
  /// Calls body(first vector, vectors) for each panel, in order.
  template <typename Body> void forEachPanel(int64_t vectors, Body body) const;
  bool fits(int64_t firstVector, int64_t vectors, int64_t tap, int64_t step) const;
  void packEntry(int64_t firstVector, int64_t vectors, int64_t tap, int64_t step, char *out) const;
  int64_t taps() const { return shape.kernelRows * shape.kernelColumns; }

  const ContractionShape &shape;
  const DotKernel &dot;
  ArrayRef<char> bytes;
  bool isWide; ///< si16 elements
  int64_t elementBytes;
  int64_t channelStride, termStride, tapStride, matrixStride; // in elements
  int64_t base = 0;                                           ///< first element of the matrix
};
} // namespace

Packer::Packer(Operation *anchor, const ContractionShape &shape, const DotKernel &dot,
               ArrayRef<char> bytes)
    : shape(shape), dot(dot), bytes(bytes), isWide(WeightRemainder::isNeeded(anchor)),
      elementBytes(getElementBytes(
          llvm::cast<RankedTensorType>(anchor->getOperand(1).getType()).getElementType())),
      channelStride(taps() * shape.run), termStride(1), tapStride(shape.run), matrixStride(0) {
  if (auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor)) {
    matrixStride = channelStride * shape.channels;
    channelStride = matmul.getTransposeRhs() ? channelStride : 1;
    termStride = matmul.getTransposeRhs() ? 1 : shape.channels;
    tapStride = shape.run * termStride;
  }
}

template <typename Visit>
void Packer::forEachElement(int64_t vector, int64_t tap, int64_t step, Visit visit) const {
  for (int64_t lane = 0; lane < dot.lanes(); ++lane) {
    int64_t channel = vector * dot.lanes() + lane;
    if (channel >= shape.channels)
      break;
    for (int64_t term = 0; term < dot.depth(); ++term) {
      int64_t k = step * dot.depth() + term;
      if (k >= shape.run)
        break;
      int64_t element = base + channel * channelStride + tap * tapStride + k * termStride;
      visit(lane, term, bytes.data() + element * elementBytes);
    }
  }
}

template <typename Body> void Packer::forEachPanel(int64_t vectors, Body body) const {
  int64_t total = (shape.channels + dot.lanes() - 1) / dot.lanes();
  for (const Pieces &pieces : divideEvenly(total, vectors))
    for (int64_t i = 0; i < pieces.count; ++i)
      body(pieces.first + i * pieces.size, pieces.size);
}

static int16_t readWord(const char *element) {
  int16_t value;
  std::memcpy(&value, element, sizeof value);
  return value;
}

/// The part of a weight that 8 bits hold.
static int16_t lowTerm(int16_t weight) { return std::clamp<int16_t>(weight, -128, 127); }

void Packer::packPanels(int64_t vectors, char *out) {
  auto packStep = [&](int64_t vector, int64_t tap, int64_t step) {
    forEachElement(vector, tap, step, [&](int64_t lane, int64_t term, const char *element) {
      char low = isWide ? static_cast<char>(lowTerm(readWord(element))) : char(0);
      dot.packElement(out, lane, term, isWide ? &low : element);
    });
    out += dot.stepBytes();
  };
  for (int64_t matrix = 0; matrix < shape.matrices; ++matrix)
    for (int64_t group = 0; group < shape.groups; ++group) {
      base = matrix * matrixStride + group * shape.channels * channelStride;
      forEachPanel(vectors, [&](int64_t first, int64_t count) {
        for (int64_t tap = 0; tap < taps(); ++tap)
          for (int64_t step = 0; step < stepsPerRun(shape, dot); ++step)
            for (int64_t v = 0; v < count; ++v)
              packStep(first + v, tap, step);
      });
    }
}

bool Packer::fits(int64_t firstVector, int64_t vectors, int64_t tap, int64_t step) const {
  bool all = true;
  for (int64_t v = firstVector; v < firstVector + vectors; ++v)
    forEachElement(v, tap, step, [&](int64_t, int64_t, const char *element) {
      int16_t weight = readWord(element);
      all &= weight == lowTerm(weight);
    });
  return all;
}

void Packer::packEntry(int64_t firstVector, int64_t vectors, int64_t tap, int64_t step,
                       char *out) const {
  int32_t place[] = {static_cast<int32_t>(tap / shape.kernelColumns),
                     static_cast<int32_t>(tap % shape.kernelColumns),
                     static_cast<int32_t>(step * dot.depth())};
  std::memcpy(out, place, sizeof place);
  out += WeightRemainder::placeBytes;
  for (int64_t v = 0; v < vectors; ++v, out += dot.stepBytes())
    forEachElement(firstVector + v, tap, step,
                   [&](int64_t lane, int64_t term, const char *element) {
                     int16_t weight = readWord(element);
                     char rest = static_cast<char>(weight - lowTerm(weight));
                     dot.packElement(out, lane, term, &rest);
                   });
}

void Packer::packRemainder(int64_t vectors, std::vector<char> &packed) {
  WeightRemainder layout = WeightRemainder::of(shape, dot, vectors);
  packed.resize(layout.entries, 0);
  int32_t panel = 0, entry = 0;
  auto setStart = [&] { std::memcpy(&packed[layout.starts + 4 * panel++], &entry, sizeof entry); };
  base = 0;
  forEachPanel(vectors, [&](int64_t first, int64_t count) {
    setStart();
    for (int64_t tap = 0; tap < taps(); ++tap)
      for (int64_t step = 0; step < stepsPerRun(shape, dot); ++step) {
        if (fits(first, count, tap, step))
          continue;
        packed.resize(packed.size() + layout.entryBytes, 0);
        packEntry(first, count, tap, step, &packed[layout.entries + entry++ * layout.entryBytes]);
      }
  });
  setStart();
}

bool WeightRemainder::isNeeded(Operation *anchor) {
  auto weights = llvm::cast<RankedTensorType>(anchor->getOperand(1).getType());
  return weights.getElementType().isSignedInteger(16);
}

bool WeightRemainder::isSupported(Operation *anchor) {
  ContractionShape shape = ContractionShape::ofWeights(anchor);
  return shape.groups == 1 && shape.matrices == 1;
}

int64_t getPackedBytes(const ContractionShape &shape, const DotKernel &dot) {
  return panelBytes(shape, dot);
}

std::vector<char> packWeights(Operation *anchor, const DotKernel &dot, int64_t vectors,
                              ArrayRef<char> bytes) {
  ContractionShape shape = ContractionShape::ofWeights(anchor);
  std::vector<char> packed(panelBytes(shape, dot), 0);
  Packer packer(anchor, shape, dot, bytes);
  packer.packPanels(vectors, packed.data());
  if (WeightRemainder::isNeeded(anchor))
    packer.packRemainder(vectors, packed);
  return packed;
}

} // namespace quern
