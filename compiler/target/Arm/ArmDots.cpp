// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cstring>

using namespace mlir;

namespace quern {

/// Bytes of a vector register, and of what one lane of a product by lane reads.
static constexpr int64_t registerBytes = 16, wordBytes = 4;

static VectorType bytesType(KernelBuilder &b, int64_t count = registerBytes) {
  return VectorType::get({count}, b.getI8Type());
}
static VectorType wordsType(KernelBuilder &b) { return VectorType::get({4}, b.getI32Type()); }

/// Half a register as the low half of one; the rest is unspecified.
static Value widen(KernelBuilder &b, Value half) {
  int64_t lanes = KernelBuilder::lanesOf(half.getType());
  SmallVector<int64_t> order(2 * lanes, -1);
  for (int64_t i = 0; i < lanes; ++i)
    order[i] = i;
  return b.shuffle(half, half, order);
}

/// Nothing; but loads that follow are not moved before it. The scheduler would bring the weights of
/// a whole group into registers that are not there.
static void holdLoads(KernelBuilder &b) {
  LLVM::InlineAsmOp::create(b, TypeRange(), ValueRange(), "", "~{memory}",
                            /*has_side_effects=*/true, /*is_align_stack=*/false,
                            LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
                            ArrayAttr());
}

namespace {
/// What the kernels share: four channels in a register, steps in groups that fill one of a pixel's
/// registers, tiles that leave registers for operands.
class ArmDot : public DotKernel, public TileKernel {
public:
  explicit ArmDot(const ArmCpu &cpu) : cpu(cpu) {}
  int64_t lanes() const override { return 4; }
  int64_t accumulators() const override { return 24; }
  bool isFloat() const override { return false; }
  const TileKernel *tiles() const override { return this; }

  SmallVector<Value> begin(KernelBuilder &, ValueRange accumulators, int64_t, int64_t,
                           bool) const override {
    return accumulators;
  }
  SmallVector<Value> end(KernelBuilder &, ValueRange registers, int64_t, int64_t,
                         bool) const override {
    return registers;
  }
  /// Groups of steps that share the pixels' operands, sizes powers of two.
  SmallVector<Value> multiply(KernelBuilder &b, const TileSteps &steps,
                              ValueRange registers) const override {
    SmallVector<Value> next(registers);
    for (int64_t first = 0; first < steps.count;) {
      int64_t size = groupSteps();
      while (size > steps.count - first)
        size /= 2;
      multiplyGroup(b, steps, first, size, next);
      first += size;
    }
    return next;
  }

protected:
  /// Steps that one register of a pixel's terms is good for.
  virtual int64_t groupSteps() const = 0;
  virtual void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                             MutableArrayRef<Value> registers) const = 0;

  Value loadWeights(KernelBuilder &b, const TileSteps &steps, int64_t step, int64_t vector,
                    int64_t part = 0) const {
    int64_t at = (step * steps.vectors + vector) * stepBytes() + part * registerBytes;
    return b.loadRaw(steps.right, b.add(steps.rightOffset, at), registerBytes, registerBytes);
  }
  Value pixelOffset(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t step) const {
    return b.add(steps.leftOffset, pixel * steps.pixelStep + step * depth());
  }
  /// Terms of this step that exist.
  int64_t termsOf(const TileSteps &steps, int64_t step) const {
    return step + 1 == steps.count ? steps.lastTerms : depth();
  }
  /// Registers for weights and results on their way: an in-order core wants its loads early.
  int64_t registersLeft(int64_t spare) const { return 32 - spare - (cpu.inOrder ? 2 : 0); }

  const ArmCpu &cpu;
};

/// Products by lane: `acc += weights * pixel[lane]`. A register of a pixel holds the terms of four
/// steps.
class LaneDot : public ArmDot {
public:
  using ArmDot::ArmDot;
  int64_t stepBytes() const override { return registerBytes; }
  int64_t unroll() const override { return 4; }
  int64_t mostVectors(int64_t columns) const override { return columns < 3 ? 8 : 5; }
  int64_t mostRows(int64_t vectors, int64_t sums) const override {
    return std::max<int64_t>(1, registersLeft(2) / (vectors + 1 + sums));
  }
  double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const override {
    double products = static_cast<double>(rows * (vectors + sums)) / cpu.products;
    double loads = (static_cast<double>(rows) / 4 + static_cast<double>(vectors)) / cpu.loads;
    // In order, a load takes its place in the queue; otherwise it costs what it takes from others.
    return std::max({products, loads, latency()}) + (cpu.inOrder ? 0.5 : 0.12) * loads;
  }

protected:
  int64_t groupSteps() const override { return 4; }
  virtual double latency() const = 0;
  /// Words of a pixel from a step on: as many as there are steps, one of them in all lanes.
  virtual Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t first,
                          int64_t size) const = 0;
  virtual Value asWeights(KernelBuilder &, Value bytes) const { return bytes; }
  /// acc + weights * pixel's word `lane`, which is in all lanes already if it is negative.
  virtual Value product(KernelBuilder &b, Value accumulator, Value weights, Value pixel,
                        int64_t lane) const = 0;

  void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                     MutableArrayRef<Value> registers) const override {
    SmallVector<Value> pixels;
    for (int64_t pixel = 0; pixel < steps.pixels; ++pixel)
      pixels.push_back(loadPixel(b, steps, pixel, first, size));
    // Weights come in pairs of registers, in order one pair ahead of its use.
    int64_t products = size * steps.vectors;
    auto loadTwo = [&](int64_t at) {
      SmallVector<Value> two;
      for (int64_t i = at; i < std::min(at + 2, products); ++i)
        two.push_back(loadWeights(b, steps, first + i / steps.vectors, i % steps.vectors));
      return two;
    };
    SmallVector<Value> ahead = loadTwo(0);
    for (int64_t at = 0; at < products; at += 2) {
      SmallVector<Value> now = cpu.inOrder || at == 0 ? ahead : loadTwo(at);
      if (cpu.inOrder)
        ahead = loadTwo(at + 2);
      if (steps.pixels > 1)
        holdLoads(b);
      for (auto [i, weights] : llvm::enumerate(now))
        multiplyVector(b, steps, pixels, asWeights(b, weights), at + i, size, registers);
    }
    for (int64_t u = 0; steps.wantsSum && u < size; ++u) {
      Value ones = this->ones(b, termsOf(steps, first + u)).front();
      for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
        Value &sum = registers[steps.pixels * steps.vectors + pixel];
        sum = product(b, sum, ones, pixels[pixel], size == 1 ? -1 : u);
      }
    }
  }

private:
  /// All pixels times the weights of one vector and step, the `index`-th of the group.
  void multiplyVector(KernelBuilder &b, const TileSteps &steps, ArrayRef<Value> pixels,
                      Value weights, int64_t index, int64_t size,
                      MutableArrayRef<Value> registers) const {
    int64_t lane = size == 1 ? -1 : index / steps.vectors;
    for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
      Value &accumulator = registers[pixel * steps.vectors + index % steps.vectors];
      accumulator = product(b, accumulator, weights, pixels[pixel], lane);
    }
  }
};

/// One word of the pixel's register in all lanes.
static Value spreadWord(KernelBuilder &b, Value pixel, int64_t lane) {
  Value words = b.bitcast(pixel, wordsType(b));
  return b.bitcast(b.shuffle(words, words, SmallVector<int64_t>(4, lane)), bytesType(b));
}

static Value loadSpreadWord(KernelBuilder &b, Value memref, Value offset) {
  Value word = b.bitcast(b.loadRaw(memref, offset, wordBytes, wordBytes),
                         VectorType::get({1}, b.getI32Type()));
  return b.bitcast(vector::BroadcastOp::create(b, wordsType(b), word), bytesType(b));
}

/// Words of a pixel's codes; one alone in all lanes.
static Value loadCodes(KernelBuilder &b, const TileSteps &steps, Value offset, int64_t words) {
  if (words == 1)
    return loadSpreadWord(b, steps.left.memref, offset);
  Value raw = b.loadRaw(steps.left.memref, offset, words * wordBytes, words * wordBytes);
  return words == 4 ? raw : widen(b, raw);
}

/// Ones in the first `terms` bytes of each word.
static Value byteOnes(KernelBuilder &b, int64_t terms) {
  uint32_t word = 0x01010101u >> (8 * (4 - terms));
  return b.bitcast(b.integer(wordsType(b), static_cast<int32_t>(word)), bytesType(b));
}

class Sdot : public LaneDot {
public:
  using LaneDot::LaneDot;
  StringRef form() const override { return "sdot"; }
  int64_t depth() const override { return 4; }
  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {loadSpreadWord(b, left.memref, offset)};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {b.loadRaw(packed, offset, registerBytes, registerBytes)};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    // The back end folds a lane only into the last operand.
    return b.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", accumulator.getType(),
                       {accumulator, right.front(), left.front()});
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    return {byteOnes(b, terms)};
  }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    step[lane * 4 + term] = *element;
  }

protected:
  double latency() const override { return 2; }
  Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t first,
                  int64_t size) const override {
    return loadCodes(b, steps, pixelOffset(b, steps, pixel, first), size);
  }
  Value product(KernelBuilder &b, Value accumulator, Value weights, Value pixel,
                int64_t lane) const override {
    return multiplyAdd(b, accumulator, lane < 0 ? pixel : spreadWord(b, pixel, lane), weights);
  }
};

class FloatDot : public LaneDot {
public:
  using LaneDot::LaneDot;
  StringRef form() const override { return "f32x4"; }
  int64_t depth() const override { return 1; }
  bool isFloat() const override { return true; }
  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {b.splat(b.loadRaw(left.memref, offset, 1, 1), 4)};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {asWeights(b, b.loadRaw(packed, offset, registerBytes, registerBytes))};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    return math::FmaOp::create(b, left.front(), right.front(), accumulator);
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t) const override {
    return {b.real(floats(b), 1.0f)};
  }
  void packElement(char *step, int64_t lane, int64_t, const char *element) const override {
    std::memcpy(step + lane * 4, element, 4);
  }

protected:
  double latency() const override { return 4; }
  Value asWeights(KernelBuilder &b, Value bytes) const override {
    return b.bitcast(bytes, floats(b));
  }
  Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t first,
                  int64_t size) const override {
    Value raw = b.loadRaw(steps.left.memref, pixelOffset(b, steps, pixel, first), size, size);
    if (size == 1)
      return b.splat(raw, 4);
    return size == 4 ? raw : widen(b, raw);
  }
  Value product(KernelBuilder &b, Value accumulator, Value weights, Value pixel,
                int64_t lane) const override {
    if (lane >= 0)
      pixel = b.shuffle(pixel, pixel, SmallVector<int64_t>(4, lane));
    return math::FmaOp::create(b, weights, pixel, accumulator);
  }

private:
  static VectorType floats(KernelBuilder &b) { return VectorType::get({4}, b.getF32Type()); }
};

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
    auto pairs = static_cast<double>((rows + 1) / 2),
         blocks = static_cast<double>(2 * vectors + sums);
    double products = (pairs * blocks + pairs) / cpu.products; // and two zips for two steps
    double loads = (static_cast<double>(rows) / 2 + blocks) / cpu.loads;
    return std::max({products, loads, 3.0}) + (cpu.inOrder ? 0.5 : 0.12) * loads;
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
    double products = static_cast<double>(rows * (4 * vectors + 2 * sums + 1)) / cpu.products;
    double loads = (static_cast<double>(rows) / 4 + static_cast<double>(vectors)) / cpu.loads;
    return std::max({products, loads, 8.0}) + (cpu.inOrder ? 0.5 : 0.12) * loads;
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
        Value x = size == 1 ? pixels[pixel] : spreadWord(b, pixels[pixel], u);
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

std::unique_ptr<DotKernel> makeSdot(const ArmCpu &cpu) { return std::make_unique<Sdot>(cpu); }
std::unique_ptr<DotKernel> makeSmmla(const ArmCpu &cpu) { return std::make_unique<Smmla>(cpu); }
std::unique_ptr<DotKernel> makeSmull(const ArmCpu &cpu) { return std::make_unique<Smull>(cpu); }
std::unique_ptr<DotKernel> makeArmFloatDot(const ArmCpu &cpu) {
  return std::make_unique<FloatDot>(cpu);
}

} // namespace quern
