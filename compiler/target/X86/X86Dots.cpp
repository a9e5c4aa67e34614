// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86Dots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cstring>

using namespace mlir;

namespace quern {

/// Four consecutive bytes as one double word in all lanes.
static Value broadcastQuad(KernelBuilder &b, const Buffer &left, Value offset, int64_t lanes) {
  Value quad = b.loadRaw(left.memref, offset, 4, 4);
  Value word = b.bitcast(quad, VectorType::get({1}, b.getI32Type()));
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, b.getI32Type()), word);
}

namespace {
class VnniDot : public DotKernel {
public:
  StringRef form() const override { return "vnni"; }
  int64_t lanes() const override { return 16; }
  int64_t depth() const override { return 4; }
  int64_t stepBytes() const override { return 64; }
  int64_t accumulators() const override { return 24; }
  bool isFloat() const override { return false; }

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {b.bitcast(broadcastQuad(b, left, offset, 16), bytes(b))};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {b.loadRaw(packed, offset, 64, 64)};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", accumulator.getType(),
                       {accumulator, left.front(), right.front()});
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    uint32_t quad = 0x01010101u >> (8 * (4 - terms));
    Type words = VectorType::get({16}, b.getI32Type());
    return {b.bitcast(b.integer(words, quad), bytes(b))};
  }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    step[lane * 4 + term] = *element;
  }

private:
  static VectorType bytes(KernelBuilder &b) { return VectorType::get({64}, b.getI8Type()); }
};

class Avx2Dot : public DotKernel {
public:
  StringRef form() const override { return "avx2"; }
  int64_t lanes() const override { return 8; }
  int64_t depth() const override { return 4; }
  int64_t stepBytes() const override { return 64; } // two pairs of terms, 16 bits each
  int64_t accumulators() const override { return 8; }
  bool isFloat() const override { return false; }
  double instructions() const override { return 4; } // two products, two sums

  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    Value quad = b.loadRaw(left.memref, offset, 4, 4);
    Value wide = arith::ExtUIOp::create(b, VectorType::get({4}, b.getI16Type()), quad);
    Value pairs = b.bitcast(wide, VectorType::get({2}, b.getI32Type()));
    SmallVector<Value> operands;
    for (int64_t pair = 0; pair < 2; ++pair) {
      Value spread = b.shuffle(pairs, pairs, SmallVector<int64_t>(8, pair));
      operands.push_back(b.bitcast(spread, words(b)));
    }
    return operands;
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    SmallVector<Value> operands;
    for (int64_t pair = 0; pair < 2; ++pair)
      operands.push_back(b.bitcast(b.loadRaw(packed, b.add(offset, 32 * pair), 32, 32), words(b)));
    return operands;
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    for (int64_t pair = 0; pair < 2; ++pair) {
      Value product =
          b.intrinsic("llvm.x86.avx2.pmadd.wd", accumulator.getType(), {left[pair], right[pair]});
      accumulator = arith::AddIOp::create(b, accumulator, product);
    }
    return accumulator;
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    SmallVector<Value> operands;
    for (int64_t pair = 0; pair < 2; ++pair) {
      int64_t valid = std::clamp<int64_t>(terms - 2 * pair, 0, 2);
      Type quads = VectorType::get({8}, b.getI32Type());
      operands.push_back(b.bitcast(b.integer(quads, valid == 2 ? 0x00010001 : valid), words(b)));
    }
    return operands;
  }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): a code, not text
    int16_t wide = static_cast<signed char>(*element);
    std::memcpy(step + term / 2 * 32 + lane * 4 + term % 2 * 2, &wide, sizeof wide);
  }

private:
  static VectorType words(KernelBuilder &b) { return VectorType::get({16}, b.getI16Type()); }
};

/// How the weights of float products are stored.
enum class Storage { Single, Half, Brain };

/// Products of floats, one term a step.
class FloatDotBase : public DotKernel {
public:
  explicit FloatDotBase(int64_t lanes) : count(lanes) {}
  int64_t lanes() const override { return count; }
  int64_t depth() const override { return 1; }
  int64_t accumulators() const override { return count == 16 ? 24 : 8; }
  bool isFloat() const override { return true; }
  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {b.splat(b.loadRaw(left.memref, offset, 1, 1), count)};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    return math::FmaOp::create(b, left.front(), right.front(), accumulator);
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t) const override {
    return {b.real(VectorType::get({count}, b.getF32Type()), 1.0f)};
  }

protected:
  int64_t count;
};

class FloatDot : public FloatDotBase {
public:
  FloatDot(int64_t lanes, Storage storage)
      : FloatDotBase(lanes), storage(storage), elementBytes(storage == Storage::Single ? 4 : 2) {}
  StringRef form() const override {
    switch (storage) {
    case Storage::Single:
      return count == 16 ? "f32x16" : "f32x8";
    case Storage::Half:
      return count == 16 ? "f16x16" : "f16x8";
    case Storage::Brain:
      return count == 16 ? "bf16x16" : "bf16x8";
    }
    return "";
  }
  int64_t stepBytes() const override { return elementBytes * count; }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    Value raw = b.loadRaw(packed, offset, stepBytes(), stepBytes());
    Type single = VectorType::get({count}, b.getF32Type());
    if (storage == Storage::Single)
      return {b.bitcast(raw, single)};
    if (storage == Storage::Half) // one VCVTPH2PS
      return {arith::ExtFOp::create(b, single,
                                    b.bitcast(raw, VectorType::get({count}, b.getF16Type())))};
    Type words = VectorType::get({count}, b.getI32Type());
    Value upper =
        arith::ExtUIOp::create(b, words, b.bitcast(raw, VectorType::get({count}, b.getI16Type())));
    return {b.bitcast(arith::ShLIOp::create(b, upper, b.integer(words, 16)), single)};
  }
  void packElement(char *step, int64_t lane, int64_t, const char *element) const override {
    std::memcpy(step + lane * elementBytes, element, elementBytes);
  }

private:
  Storage storage;
  int64_t elementBytes;
};

/// Weights that are codes, widened to f32: in bytes, or, unsigned ones of at most 4 bits, two in a
/// byte (the later half of the lanes in the upper half).
class CodeDot : public FloatDotBase {
public:
  CodeDot(int64_t lanes, bool isSigned, bool isNibble)
      : FloatDotBase(lanes), isSigned(isSigned), isNibble(isNibble) {}
  StringRef form() const override {
    if (isNibble)
      return count == 16 ? "u4x16" : "u4x8";
    if (isSigned)
      return count == 16 ? "s8x16" : "s8x8";
    return count == 16 ? "u8x16" : "u8x8";
  }
  int64_t stepBytes() const override { return isNibble ? count / 2 : count; }
  double loadCost() const override { return isNibble ? 7 : 5; }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    Value bytes = b.loadRaw(packed, offset, stepBytes(), stepBytes());
    if (isNibble) {
      Type type = bytes.getType();
      Value low = arith::AndIOp::create(b, bytes, b.integer(type, 15));
      Value high = arith::ShRUIOp::create(b, bytes, b.integer(type, 4));
      bytes = b.shuffle(low, high, llvm::to_vector(llvm::seq<int64_t>(0, count)));
    }
    Type words = VectorType::get({count}, b.getI32Type());
    Value wide = isSigned ? arith::ExtSIOp::create(b, words, bytes).getResult()
                          : arith::ExtUIOp::create(b, words, bytes).getResult();
    return {arith::SIToFPOp::create(b, VectorType::get({count}, b.getF32Type()), wide)};
  }
  void packElement(char *step, int64_t lane, int64_t, const char *element) const override {
    if (!isNibble) {
      step[lane] = *element;
      return;
    }
    int64_t half = count / 2, shift = lane < half ? 0 : 4;
    char &byte = step[lane % half];
    byte = static_cast<char>(byte | static_cast<char>((*element & 15) << shift));
  }

private:
  bool isSigned, isNibble;
};
} // namespace

static const DotKernel &getCodeDot(int64_t lanes, IntegerType weights) {
  static const CodeDot wide[] = {{16, false, false}, {16, true, false}, {16, false, true}};
  static const CodeDot narrow[] = {{8, false, false}, {8, true, false}, {8, false, true}};
  int form = weights.isSigned() ? 1 : weights.getWidth() <= 4 ? 2 : 0;
  return (lanes == 16 ? wide : narrow)[form];
}

const DotKernel &getVnniDot() {
  static const VnniDot dot;
  return dot;
}
const DotKernel &getAvx2Dot() {
  static const Avx2Dot dot;
  return dot;
}
const DotKernel &getFloatDot(int64_t lanes, Type weights) {
  if (auto codes = llvm::dyn_cast<IntegerType>(weights))
    return getCodeDot(lanes, codes);
  static const FloatDot wide[] = {{16, Storage::Single}, {16, Storage::Half}, {16, Storage::Brain}};
  static const FloatDot narrow[] = {{8, Storage::Single}, {8, Storage::Half}, {8, Storage::Brain}};
  int storage = weights.isF16() ? 1 : weights.isBF16() ? 2 : 0;
  return (lanes == 16 ? wide : narrow)[storage];
}

} // namespace quern
