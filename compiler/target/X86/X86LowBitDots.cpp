// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Inner products with weights of less than 8 bits. A load of codes serves several quads
/// (four terms of the reduction) of the same channels: code j of a byte belongs to quad j, so that
/// a shift and a mask bring a quad's weights into their bytes and nothing is ever shuffled. Codes
/// of 3 bits lie in two planes, their lower two bits and their upper one.
///
/// Signed codes are left at the top of their bytes: a mask then gives the code times
/// 2^(8 - bits) with its sign, for nothing, and the sums are shifted back once at the end.

#include "compiler/target/X86/X86LowBitDots.h"

#include "compiler/target/X86/X86Dots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

namespace {
/// How many quads one load of `unit` bytes holds, and where codes lie in a step. A byte of a load
/// stands for one term of one channel in each of its quads.
struct CodePlanes {
  unsigned bits;
  int64_t unit; ///< bytes of a load: those of one quad's (VNNI) or one pair's (AVX2) weights
  int64_t unitTerms;

  /// Units of weights in a step, and the loads that bring their codes.
  int64_t units() const { return bits == 3 ? 8 : 8 / bits; }
  int64_t loads() const { return bits == 3 ? 3 : 1; }
  /// The load and the first bit of the (lower) bits of this unit's codes.
  int64_t load(int64_t unitNumber) const { return bits == 3 ? unitNumber / 4 : 0; }
  int64_t bit(int64_t unitNumber) const {
    return bits == 3 ? unitNumber % 4 * 2 : unitNumber * bits;
  }
  void pack(char *step, int64_t byte, int64_t unitNumber, unsigned code) const {
    auto put = [&](int64_t load, unsigned value, int64_t bit) {
      char &target = step[load * unit + byte];
      target = static_cast<char>(static_cast<unsigned char>(target) | (value << bit));
    };
    unsigned low = bits == 3 ? 2 : bits;
    put(load(unitNumber), code & ((1u << low) - 1), bit(unitNumber));
    if (bits == 3)
      put(2, (code >> 2) & 1, unitNumber);
  }
};

/// The reduction of tiles, quad by quad.
class LowBitDot : public DotKernel, public TileKernel {
public:
  LowBitDot(CodePlanes planes, bool isSigned) : planes(planes), isSigned(isSigned) {}
  StringRef form() const override { return name; }
  int64_t depth() const override { return std::max<int64_t>(4, planes.units() * planes.unitTerms); }
  int64_t stepBytes() const override {
    return planes.loads() * planes.unit * (depth() / (planes.units() * planes.unitTerms));
  }
  bool isFloat() const override { return false; }
  bool seesTerms() const override { return true; }
  unsigned sumShift() const override { return isSigned ? topShift() : 0; }
  const TileKernel *tiles() const override { return this; }
  double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const override;

  // Steps of a single pixel and vector are tiles, too.
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override;
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override;

  int64_t unroll() const override { return std::max<int64_t>(1, 2 * lanes() / depth()); }
  SmallVector<Value> begin(KernelBuilder &, ValueRange accumulators, int64_t, int64_t,
                           bool) const override {
    return accumulators;
  }
  SmallVector<Value> end(KernelBuilder &b, ValueRange registers, int64_t pixels, int64_t vectors,
                         bool) const override;
  SmallVector<Value> multiply(KernelBuilder &b, const TileSteps &steps,
                              ValueRange registers) const override;

protected:
  /// The right operand of a quad from the step's loads.
  virtual SmallVector<Value> unpack(KernelBuilder &b, ValueRange codes, int64_t quad) const = 0;
  unsigned topShift() const { return topBits() - planes.bits; }
  /// Bits of the elements in which signed codes stand at the top.
  virtual unsigned topBits() const = 0;

  CodePlanes planes;
  bool isSigned;
  std::string name;
};
} // namespace

SmallVector<Value> LowBitDot::loadRight(KernelBuilder &b, Value packed, Value offset) const {
  SmallVector<Value> codes;
  for (int64_t load = 0; load < stepBytes() / planes.unit; ++load)
    codes.push_back(b.loadRaw(packed, b.add(offset, load * planes.unit), planes.unit, planes.unit));
  return codes;
}

void LowBitDot::packElement(char *step, int64_t lane, int64_t term, const char *element) const {
  int64_t byte = lane * planes.unitTerms + term % planes.unitTerms;
  int64_t unit = term / planes.unitTerms;
  auto code = static_cast<unsigned char>(*element);
  if (planes.bits == 8)
    step[unit * planes.unit + byte] = static_cast<char>(code);
  else
    planes.pack(step, byte, unit, code & ((1u << planes.bits) - 1));
}

SmallVector<Value> LowBitDot::end(KernelBuilder &b, ValueRange registers, int64_t pixels,
                                  int64_t vectors, bool) const {
  SmallVector<Value> sums(registers);
  if (sumShift() == 0)
    return sums;
  for (Value &sum : MutableArrayRef(sums).take_front(pixels * vectors))
    sum = arith::ShRSIOp::create(b, sum, b.integer(sum.getType(), sumShift()));
  return sums;
}

SmallVector<Value> LowBitDot::multiply(KernelBuilder &b, const TileSteps &steps,
                                       ValueRange registers) const {
  SmallVector<Value> next(registers);
  auto quad = [&](ArrayRef<SmallVector<Value>> codes, int64_t term, int64_t quad, int64_t terms) {
    SmallVector<SmallVector<Value>> weights;
    for (const SmallVector<Value> &vector : codes)
      weights.push_back(unpack(b, vector, quad));
    for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
      SmallVector<Value> x =
          loadLeft(b, steps.left, b.add(steps.leftOffset, pixel * steps.pixelStep + term));
      for (int64_t v = 0; v < steps.vectors; ++v) {
        Value &sum = next[pixel * steps.vectors + v];
        sum = multiplyAdd(b, sum, x, weights[v]);
      }
      if (steps.wantsSum) {
        Value &sum = next[steps.pixels * steps.vectors + pixel];
        sum = multiplyAdd(b, sum, x, ones(b, terms));
      }
    }
  };
  for (int64_t u = 0; u < steps.count; ++u) {
    int64_t terms = u + 1 == steps.count ? steps.lastTerms : depth();
    SmallVector<SmallVector<Value>> codes;
    for (int64_t v = 0; v < steps.vectors; ++v)
      codes.push_back(loadRight(b, steps.right,
                                b.add(steps.rightOffset, (u * steps.vectors + v) * stepBytes())));
    for (int64_t first = 0; first < terms; first += 4)
      quad(codes, u * depth() + first, first / 4, std::min<int64_t>(4, terms - first));
  }
  return next;
}

/// Shifts and masks are shared by the tile's rows; one starts in a cycle. Each row of a block
/// starts from a product of its own, which is counted for a block of 32: wide tiles have fewer.
double LowBitDot::stepCycles(int64_t rows, int64_t vectors, int64_t sums) const {
  constexpr double perLoad = 0.12;
  auto quads = static_cast<double>(depth()) / 4;
  double products = quads * static_cast<double>(rows * (vectors + sums)) * instructions() / 2;
  double unpacking = planes.bits == 8 ? 0 : quads * (planes.bits == 3 ? 2 : 1) * vectors / 2;
  double loads = (quads * static_cast<double>(rows) +
                  static_cast<double>(vectors * stepBytes()) / (16.0 * lanes())) /
                 2;
  double starts = isSigned ? 0 : static_cast<double>(rows * depth()) / 32;
  return std::max({products + unpacking + starts, loads, 5.0 * quads}) + perLoad * loads;
}

//===-- VPDPBUSD ---------------------------------------------------------------------------===//

namespace {
class VnniLowBitDot : public LowBitDot {
public:
  VnniLowBitDot(unsigned bits, bool isSigned) : LowBitDot({bits, 64, 4}, isSigned) {
    name = (isSigned ? "vnni-s" : "vnni-u") + std::to_string(bits);
  }
  int64_t lanes() const override { return 16; }
  /// Sums of blocks and of what came before, each.
  int64_t accumulators() const override { return isSigned ? 24 : 12; }

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return getVnniDot().loadLeft(b, left, offset);
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    if (!isSigned) // the instruction's first factor is the unsigned one
      std::swap(left, right);
    return getVnniDot().multiplyAdd(b, accumulator, left, right);
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    return getVnniDot().ones(b, terms);
  }

protected:
  unsigned topBits() const override { return 8; }
  SmallVector<Value> unpack(KernelBuilder &b, ValueRange codes, int64_t quad) const override {
    if (planes.bits == 8)
      return {codes.front()};
    // Where the lowest bit of the codes goes.
    int64_t place = isSigned ? topShift() : 0;
    unsigned low = planes.bits == 3 ? 2 : planes.bits;
    Value weights = take(b, codes[planes.load(quad)], place - planes.bit(quad), place, low);
    if (planes.bits == 3)
      weights = arith::OrIOp::create(b, weights, take(b, codes[2], place + 2 - quad, place + 2, 1));
    return {weights};
  }

private:
  static VectorType bytes(KernelBuilder &b) { return VectorType::get({64}, b.getI8Type()); }

  /// The bytes shifted to the left (or, negative, to the right), then `count` bits from `first`.
  static Value take(KernelBuilder &b, Value codes, int64_t shift, int64_t first, unsigned count) {
    auto words = VectorType::get({32}, b.getI16Type());
    Value value = b.bitcast(codes, words);
    if (shift > 0)
      value = arith::ShLIOp::create(b, value, constant(b, words, shift));
    else if (shift < 0)
      value = arith::ShRUIOp::create(b, value, constant(b, words, -shift));
    unsigned mask = ((1u << count) - 1) << first;
    return b.bitcast(arith::AndIOp::create(b, value, constant(b, words, mask * 0x0101)), bytes(b));
  }
  static Value constant(KernelBuilder &b, VectorType type, int64_t value) {
    Type quads = VectorType::get({16}, b.getI32Type());
    return b.bitcast(b.integer(quads, static_cast<int32_t>(value * 0x00010001)), type);
  }
};

//===-- VPMADDWD ---------------------------------------------------------------------------===//

class Avx2LowBitDot : public LowBitDot {
public:
  Avx2LowBitDot(unsigned bits, bool isSigned) : LowBitDot({bits, 16, 2}, isSigned) {
    name = (isSigned ? "avx2-s" : "avx2-u") + std::to_string(bits);
  }
  int64_t lanes() const override { return 8; }
  int64_t accumulators() const override { return isSigned ? 8 : 4; }
  double instructions() const override { return 4; } // two products, two sums
  unsigned sumShift() const override { return 0; }   // the arithmetic shifts are 16 bits wide

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    if (isSigned) // and the left operand is not
      return getAvx2Dot().loadLeft(b, left, offset);
    Value quad = b.loadRaw(left.memref, offset, 4, 4);
    Value wide = arith::ExtSIOp::create(b, VectorType::get({4}, b.getI16Type()), quad);
    Value pairs = b.bitcast(wide, VectorType::get({2}, b.getI32Type()));
    SmallVector<Value> operands;
    for (int64_t pair = 0; pair < 2; ++pair)
      operands.push_back(
          b.bitcast(b.shuffle(pairs, pairs, SmallVector<int64_t>(8, pair)), words(b)));
    return operands;
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    return getAvx2Dot().multiplyAdd(b, accumulator, left, right);
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    return getAvx2Dot().ones(b, terms);
  }

protected:
  unsigned topBits() const override { return 16; }
  SmallVector<Value> unpack(KernelBuilder &b, ValueRange codes, int64_t quad) const override {
    return {unpackPair(b, codes, 2 * quad), unpackPair(b, codes, 2 * quad + 1)};
  }

private:
  static VectorType words(KernelBuilder &b) { return VectorType::get({16}, b.getI16Type()); }
  static Value constant(KernelBuilder &b, int64_t value) {
    int64_t word = value & 0xffff;
    Type quads = VectorType::get({8}, b.getI32Type());
    return b.bitcast(b.integer(quads, static_cast<int32_t>(word * 0x00010001)), words(b));
  }
  static Value widen(KernelBuilder &b, Value codes) {
    return arith::ExtUIOp::create(b, words(b), codes);
  }
  /// `count` bits from `first` on, as a signed (at the top of the word and back) or unsigned
  /// number.
  Value take(KernelBuilder &b, Value value, int64_t first, unsigned count, bool asSigned) const {
    if (asSigned) {
      Value top = arith::ShLIOp::create(b, value, constant(b, 16 - first - count));
      return arith::ShRSIOp::create(b, top, constant(b, 16 - count));
    }
    Value low = arith::ShRUIOp::create(b, value, constant(b, first));
    return arith::AndIOp::create(b, low, constant(b, (1 << count) - 1));
  }
  Value unpackPair(KernelBuilder &b, ValueRange codes, int64_t pair) const {
    if (planes.bits == 8)
      return widen(b, codes[pair]);
    Value plane = widen(b, codes[planes.load(pair)]);
    if (planes.bits != 3)
      return take(b, plane, planes.bit(pair), planes.bits, isSigned);
    Value low = take(b, plane, planes.bit(pair), 2, false);
    Value high = take(b, widen(b, codes[2]), pair, 1, isSigned);
    return arith::OrIOp::create(b, low, arith::ShLIOp::create(b, high, constant(b, 2)));
  }
};
} // namespace

template <typename Dot> static const DotKernel &getDot(unsigned bits, bool isSigned) {
  static const Dot signedDots[] = {{2, true}, {3, true}, {4, true}};
  static const Dot unsignedDots[] = {{2, false}, {3, false}, {4, false}, {8, false}};
  return isSigned ? signedDots[bits - 2] : unsignedDots[bits == 8 ? 3 : bits - 2];
}

const DotKernel &getVnniLowBitDot(unsigned bits) { return getDot<VnniLowBitDot>(bits, true); }
const DotKernel &getAvx2LowBitDot(unsigned bits) { return getDot<Avx2LowBitDot>(bits, true); }
const DotKernel &getVnniBlockDot(unsigned bits) { return getDot<VnniLowBitDot>(bits, false); }
const DotKernel &getAvx2BlockDot(unsigned bits) { return getDot<Avx2LowBitDot>(bits, false); }

} // namespace quern
