// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDot.h"
#include "compiler/target/Arm/ArmDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

namespace {
/// A tile's registers are [pixel pair][block]: block j holds channels 2j and 2j + 1 of both
/// pixels, row by row. A last pixel without a partner is multiplied twice.
class Smmla : public ArmDot {
public:
  using ArmDot::ArmDot;
  StringRef form() const override { return "smmla"; }
  int64_t depth() const override { return 8; }
  int64_t stepBytes() const override { return 2 * registerBytes; }
  int64_t unroll() const override { return 2; }
  int64_t mostVectors(int64_t) const override { return 6; }
  int64_t mostRows(int64_t vectors, int64_t sums) const override {
    return std::max<int64_t>(1, 2 * (registersLeft(3) / (2 * vectors + 2 + sums)));
  }
  double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const override {
    int64_t pairs = (rows + 1) / 2;
    auto blocks = static_cast<double>(2 * vectors + sums);
    double products = static_cast<double>(pairs) * (blocks + 1); // and two zips for two steps
    return cyclesOf(products, static_cast<double>(rows) / 2 + blocks, 3);
  }

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    Value half = b.loadRaw(left.memref, offset, 8, 8);
    return {b.concatenate({half, half})};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    SmallVector<Value> blocks;
    for (int64_t part = 0; part < 2; ++part)
      blocks.push_back(
          b.loadRaw(packed, b.add(offset, part * registerBytes), registerBytes, registerBytes));
    return blocks;
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    Value zero = b.integer(wordsType(b), 0);
    Value low = product(b, zero, left.front(), right[0]);
    Value high = product(b, zero, left.front(), right[1]);
    return arith::AddIOp::create(b, accumulator, zip(b, low, high, 0));
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    uint64_t row = ~uint64_t{0} / 255 >> (8 * (8 - terms));
    auto type = VectorType::get({2}, b.getI64Type());
    return {b.bitcast(b.integer(type, static_cast<int64_t>(row)), bytesType(b))};
  }
  int64_t packedWord(int64_t lane, int64_t word) const override { return 2 * lane + word; }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    step[lane * 8 + term] = *element;
  }

  SmallVector<Value> begin(KernelBuilder &b, ValueRange accumulators, int64_t pixels,
                           int64_t vectors, bool wantsSum) const override {
    SmallVector<Value> registers;
    for (int64_t first = 0; first < pixels; first += 2) {
      int64_t second = std::min(first + 1, pixels - 1);
      for (int64_t v = 0; v < vectors; ++v)
        for (int64_t half = 0; half < 2; ++half)
          registers.push_back(
              zip(b, accumulators[first * vectors + v], accumulators[second * vectors + v], half));
    }
    if (wantsSum)
      registers.append((pixels + 1) / 2, b.integer(wordsType(b), 0));
    return registers;
  }
  SmallVector<Value> end(KernelBuilder &b, ValueRange registers, int64_t pixels, int64_t vectors,
                         bool wantsSum) const override {
    SmallVector<Value> accumulators;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t v = 0; v < vectors; ++v) {
        int64_t block = pixel / 2 * 2 * vectors + 2 * v;
        accumulators.push_back(zip(b, registers[block], registers[block + 1], pixel % 2));
      }
    int64_t firstSum = (pixels + 1) / 2 * 2 * vectors;
    for (int64_t pixel = 0; wantsSum && pixel < pixels; ++pixel) {
      Value sums = registers[firstSum + pixel / 2];
      accumulators.push_back(zip(b, sums, sums, pixel % 2));
    }
    return accumulators;
  }

  /// A register for each pair of pixels.
  int64_t packedBytes(int64_t pixels) const override { return (pixels + 1) / 2 * registerBytes; }
  void pack(KernelBuilder &b, const TileSteps &steps, Value target, Value offset) const override {
    int64_t pairs = (steps.pixels + 1) / 2;
    for (int64_t pair = 0; pair < pairs; ++pair)
      for (int64_t first = 0; first < steps.count; first += groupSteps()) {
        int64_t size = std::min(groupSteps(), steps.count - first);
        for (auto [u, both] : llvm::enumerate(loadPair(b, steps, pair, first, size))) {
          int64_t place = ((first + static_cast<int64_t>(u)) * pairs + pair) * registerBytes;
          b.storeRaw(both, target, b.add(offset, place), registerBytes);
        }
      }
  }

protected:
  int64_t groupSteps() const override { return 2; }
  void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                     MutableArrayRef<Value> registers) const override {
    int64_t pairs = (steps.pixels + 1) / 2;
    SmallVector<SmallVector<Value>> left;
    for (int64_t pair = 0; pair < pairs; ++pair)
      left.push_back(loadPair(b, steps, pair, first, size));
    for (int64_t u = 0; u < size; ++u) {
      for (int64_t v = 0; v < steps.vectors; ++v) {
        holdLoads(b);
        for (int64_t part = 0; part < 2; ++part) {
          Value weights = loadWeights(b, steps, first + u, v, part);
          for (int64_t pair = 0; pair < pairs; ++pair) {
            Value &block = registers[(pair * steps.vectors + v) * 2 + part];
            block = product(b, block, left[pair][u], weights);
          }
        }
      }
      if (!steps.wantsSum)
        continue;
      Value ones = this->ones(b, termsOf(steps, first + u)).front();
      for (int64_t pair = 0; pair < pairs; ++pair) {
        Value &sum = registers[pairs * 2 * steps.vectors + pair];
        sum = product(b, sum, left[pair][u], ones);
      }
    }
  }

private:
  static Value product(KernelBuilder &b, Value accumulator, Value left, Value right) {
    return b.intrinsic("llvm.aarch64.neon.smmla.v4i32.v16i8", accumulator.getType(),
                       {accumulator, left, right});
  }
  /// The low (or high) halves of both, as one register.
  static Value zip(KernelBuilder &b, Value low, Value high, int64_t half) {
    auto type = llvm::cast<VectorType>(low.getType());
    auto pairs = VectorType::get({2}, b.getI64Type());
    Value joined = b.shuffle(b.bitcast(low, pairs), b.bitcast(high, pairs), {half, 2 + half});
    return b.bitcast(joined, type);
  }
  /// Of two pixels, 8 terms each: a register for each step.
  SmallVector<Value> loadPair(KernelBuilder &b, const TileSteps &steps, int64_t pair, int64_t first,
                              int64_t size) const {
    if (steps.packed) {
      SmallVector<Value> packed;
      for (int64_t u = first; u < first + size; ++u) {
        int64_t place = u * packedBytes(steps.pixels) + pair * registerBytes;
        packed.push_back(b.loadRaw(steps.left.memref, b.add(steps.leftOffset, place), registerBytes,
                                   registerBytes));
      }
      return packed;
    }
    int64_t pixel = 2 * pair, partner = std::min(pixel + 1, steps.pixels - 1);
    auto load = [&](int64_t p) {
      return b.loadRaw(steps.left.memref, pixelOffset(b, steps, p, first), 8 * size, 8 * size);
    };
    Value low = load(pixel), high = partner == pixel ? low : load(partner);
    if (size == 1)
      return {b.concatenate({low, high})};
    return {zip(b, low, high, 0), zip(b, low, high, 1)};
  }
};
} // namespace

std::unique_ptr<DotKernel> makeSmmla(const ArmCpu &cpu) { return std::make_unique<Smmla>(cpu); }

} // namespace quern
