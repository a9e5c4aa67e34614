// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDot.h"
#include "compiler/target/Arm/ArmDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

namespace {
/// A tile's registers are [pixel][vector][half of the lanes], each with two partial sums a lane;
/// the sums of a pixel's terms are one register with two partial sums.
class Smull : public ArmDot {
public:
  using ArmDot::ArmDot;
  StringRef form() const override { return "smull"; }
  int64_t depth() const override { return 4; }
  int64_t stepBytes() const override { return registerBytes; }
  int64_t unroll() const override { return 4; }
  int64_t mostVectors(int64_t columns) const override { return columns < 3 ? 4 : 3; }
  int64_t mostRows(int64_t vectors, int64_t sums) const override {
    return std::max<int64_t>(1, registersLeft(6) / (2 * vectors + 1 + sums));
  }
  double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const override {
    return cyclesOf(static_cast<double>(rows * (4 * vectors + 2 * sums + 1)),
                    static_cast<double>(rows) / 4 + static_cast<double>(vectors), 8);
  }

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {loadSpreadWord(b, left.memref, offset)};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {b.loadRaw(packed, offset, registerBytes, registerBytes)};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    Value zero = b.integer(wordsType(b), 0);
    Value low = addPairs(b, zero, left.front(), right.front(), 0);
    Value high = addPairs(b, zero, left.front(), right.front(), 1);
    return arith::AddIOp::create(b, accumulator, addNeighbours(b, low, high));
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    return {byteOnes(b, terms)};
  }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    step[lane * 4 + term] = *element;
  }

  SmallVector<Value> begin(KernelBuilder &b, ValueRange accumulators, int64_t pixels,
                           int64_t vectors, bool wantsSum) const override {
    SmallVector<Value> registers;
    Value zero = b.integer(wordsType(b), 0);
    for (Value accumulator : accumulators.take_front(pixels * vectors)) {
      registers.push_back(b.shuffle(accumulator, zero, {0, 4, 1, 5}));
      registers.push_back(b.shuffle(accumulator, zero, {2, 6, 3, 7}));
    }
    if (wantsSum)
      registers.append(pixels, zero);
    return registers;
  }
  SmallVector<Value> end(KernelBuilder &b, ValueRange registers, int64_t pixels, int64_t vectors,
                         bool wantsSum) const override {
    SmallVector<Value> accumulators;
    for (int64_t i = 0; i < pixels * vectors; ++i)
      accumulators.push_back(addNeighbours(b, registers[2 * i], registers[2 * i + 1]));
    for (int64_t pixel = 0; wantsSum && pixel < pixels; ++pixel) {
      Value sum = registers[2 * pixels * vectors + pixel];
      accumulators.push_back(addNeighbours(b, sum, sum));
    }
    return accumulators;
  }

protected:
  int64_t groupSteps() const override { return 4; }
  void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                     MutableArrayRef<Value> registers) const override {
    SmallVector<Value> pixels;
    for (int64_t pixel = 0; pixel < steps.pixels; ++pixel)
      pixels.push_back(loadCodes(b, steps, pixelOffset(b, steps, pixel, first), size));
    for (int64_t u = 0; u < size; ++u) {
      holdLoads(b);
      SmallVector<Value> weights;
      for (int64_t v = 0; v < steps.vectors; ++v)
        weights.push_back(loadWeights(b, steps, first + u, v));
      for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
        Value x = spreadWord(b, pixels[pixel], u);
        for (int64_t v = 0; v < steps.vectors; ++v)
          for (int64_t half = 0; half < 2; ++half) {
            Value &sum = registers[(pixel * steps.vectors + v) * 2 + half];
            sum = addPairs(b, sum, x, weights[v], half);
          }
        if (!steps.wantsSum)
          continue;
        Value &sum = registers[2 * steps.pixels * steps.vectors + pixel];
        sum = addPairs(b, sum, x, ones(b, termsOf(steps, first + u)).front(), 0);
      }
    }
  }

private:
  /// Products of half the bytes, neighbours added, to the sums: one product fits 16 bits, two may
  /// not.
  static Value addPairs(KernelBuilder &b, Value sums, Value left, Value right, int64_t half) {
    Value products =
        b.intrinsic("llvm.aarch64.neon.smull.v8i16", VectorType::get({8}, b.getI16Type()),
                    {b.extract(left, 8 * half, 8), b.extract(right, 8 * half, 8)});
    Value pairs = b.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", sums.getType(), {products});
    return arith::AddIOp::create(b, sums, pairs);
  }
  static Value addNeighbours(KernelBuilder &b, Value low, Value high) {
    return b.intrinsic("llvm.aarch64.neon.addp.v4i32", low.getType(), {low, high});
  }
};
} // namespace

std::unique_ptr<DotKernel> makeSmull(const ArmCpu &cpu) { return std::make_unique<Smull>(cpu); }

} // namespace quern
