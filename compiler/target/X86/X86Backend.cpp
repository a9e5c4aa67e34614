// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Targets.h"
#include "compiler/target/X86/X86Depthwise.h"
#include "compiler/target/X86/X86Dots.h"
#include "compiler/target/X86/X86LowBitDots.h"
#include "compiler/target/X86/X86Stores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "runtime/include/quern/cpu.h"

using namespace mlir;

namespace quern {

static constexpr uint64_t bits(std::initializer_list<quern_x86_feature> features) {
  uint64_t mask = 0;
  for (quern_x86_feature feature : features)
    mask |= uint64_t{1} << feature;
  return mask;
}

/// What LLVM may use for x86-64-v3.
static constexpr uint64_t avx2Features =
    bits({QUERN_X86_SSE3, QUERN_X86_SSSE3, QUERN_X86_SSE41, QUERN_X86_SSE42, QUERN_X86_POPCNT,
          QUERN_X86_AVX, QUERN_X86_AVX2, QUERN_X86_FMA, QUERN_X86_F16C, QUERN_X86_BMI,
          QUERN_X86_BMI2, QUERN_X86_LZCNT, QUERN_X86_MOVBE});

namespace {
class Avx512Isa : public CpuIsa {
public:
  int64_t lanes() const override { return 16; }
  const StoreEmitter &stores() const override { return storeEmitter; }
  const DotKernel *integerDot() const override { return &getVnniDot(); }
  const DotKernel *lowBitDot(unsigned bits) const override { return &getVnniLowBitDot(bits); }
  const DotKernel *blockDot(unsigned bits) const override { return &getVnniBlockDot(bits); }
  const DotKernel *floatDot(Type weights) const override { return &getFloatDot(16, weights); }
  const DepthwiseKernel *depthwise() const override { return &getVnniDepthwise(); }
  int64_t tableLanes() const override { return 64; }
  bool looksUpInEpilogues() const override { return true; }
  SmallVector<Value> loadTable(KernelBuilder &b, Value table) const override {
    SmallVector<Value> quarters;
    for (int64_t quarter = 0; quarter < 4; ++quarter)
      quarters.push_back(b.loadRaw(table, b.index(64 * quarter), 64, 64));
    return quarters;
  }
  /// The permutations see the low seven bits; the top one chooses between them. Signed codes count
  /// from -128, so their halves are the other way round.
  Value lookUp(KernelBuilder &b, ValueRange table, Value codes, bool isSigned) const override {
    StringRef permute = "llvm.x86.avx512.vpermi2var.qi.512";
    Value low = b.intrinsic(permute, codes.getType(), {table[0], codes, table[1]});
    Value high = b.intrinsic(permute, codes.getType(), {table[2], codes, table[3]});
    Value zero = b.integer(codes.getType(), 0);
    Value hasTopBit = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, codes, zero);
    if (isSigned)
      std::swap(low, high);
    return arith::SelectOp::create(b, hasTopBit, high, low);
  }
  Value multiplyAddWords(KernelBuilder &b, Value accumulator, Value x, Value w) const override {
    if (KernelBuilder::lanesOf(accumulator.getType()) != 16)
      return CpuIsa::multiplyAddWords(b, accumulator, x, w);
    // The upper half of x is 0, so each double word's pair of products is one product.
    Type words = VectorType::get({32}, b.getI16Type());
    return b.intrinsic("llvm.x86.avx512.vpdpwssd.512", accumulator.getType(),
                       {accumulator, b.bitcast(x, words), b.bitcast(w, words)});
  }
  int64_t bytesPerSum() const override { return 64; }
  Value sumBytes(KernelBuilder &b, Value accumulator, Value bytes, bool isSigned) const override {
    Value ones = b.bitcast(b.integer(VectorType::get({16}, b.getI32Type()), 0x01010101),
                           VectorType::get({64}, b.getI8Type()));
    SmallVector<Value> operands{accumulator, bytes, ones};
    if (isSigned) // the first factor is the unsigned one
      std::swap(operands[1], operands[2]);
    return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", accumulator.getType(), operands);
  }

private:
  Avx512Stores storeEmitter;
};

class Avx2Isa : public CpuIsa {
public:
  int64_t lanes() const override { return 8; }
  const StoreEmitter &stores() const override { return storeEmitter; }
  const DotKernel *integerDot() const override { return &getAvx2Dot(); }
  const DotKernel *lowBitDot(unsigned bits) const override { return &getAvx2LowBitDot(bits); }
  const DotKernel *blockDot(unsigned bits) const override { return &getAvx2BlockDot(bits); }
  const DotKernel *floatDot(Type weights) const override { return &getFloatDot(8, weights); }
  Value multiplyAddWords(KernelBuilder &b, Value accumulator, Value x, Value w) const override {
    if (KernelBuilder::lanesOf(accumulator.getType()) != 8)
      return CpuIsa::multiplyAddWords(b, accumulator, x, w);
    Type words = VectorType::get({16}, b.getI16Type());
    Value product = b.intrinsic("llvm.x86.avx2.pmadd.wd", accumulator.getType(),
                                {b.bitcast(x, words), b.bitcast(w, words)});
    return arith::AddIOp::create(b, accumulator, product);
  }

private:
  StoreEmitter storeEmitter;
};

class VnniBackend : public CpuBackend {
public:
  VnniBackend() : CpuBackend(isa) {}
  StringRef getName() const override { return "x86-vnni"; }
  StringRef getDescription() const override {
    return "x86-64 with AVX-512 VNNI and VBMI (Ice Lake, Zen 4 and later)";
  }
  bool wantsPaddedInputs() const override { return true; }
  TargetInfo getTargetInfo() const override {
    uint64_t required =
        avx2Features |
        bits({QUERN_X86_AVX512F, QUERN_X86_AVX512CD, QUERN_X86_AVX512BW, QUERN_X86_AVX512DQ,
              QUERN_X86_AVX512VL, QUERN_X86_AVX512VNNI, QUERN_X86_AVX512VBMI});
    return {"x86_64-unknown-linux-gnu", "x86-64-v4", "", "+avx512vnni,+avx512vbmi,-prefer-256-bit",
            required};
  }

private:
  Avx512Isa isa;
};

class Avx2Backend : public CpuBackend {
public:
  Avx2Backend() : CpuBackend(isa) {}
  StringRef getName() const override { return "x86-avx2"; }
  StringRef getDescription() const override {
    return "x86-64 with AVX2 and FMA (Haswell, Zen and later)";
  }
  bool wantsPaddedInputs() const override { return true; }
  TargetInfo getTargetInfo() const override {
    return {"x86_64-unknown-linux-gnu", "x86-64-v3", "", "", avx2Features};
  }

private:
  Avx2Isa isa;
};
} // namespace

const TargetBackend &getVnniBackend() {
  static const VnniBackend backend;
  return backend;
}
const TargetBackend &getAvx2Backend() {
  static const Avx2Backend backend;
  return backend;
}

} // namespace quern
