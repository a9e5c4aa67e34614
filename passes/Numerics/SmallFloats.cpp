// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floats of 8 bits, to and from single precision by integer arithmetic: no CPU has instructions for
// them that all others could follow.

#include "passes/Numerics/Formula.h"

#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;

namespace quern::numerics {

namespace {

/// Where the fields of an 8-bit float lie, and what it can hold.
struct SmallFloat {
  unsigned mantissa;    ///< bits of it
  int bias;             ///< of the exponent
  int32_t largest;      ///< code of the largest finite value
  int32_t notANumber;   ///< code of the NaN that is written
  int32_t firstNonReal; ///< codes from here on are infinities and NaNs
  bool hasInfinity;

  /// How far the fields lie below those of single precision.
  int shift() const { return 23 - static_cast<int>(mantissa); }
  int rebias() const { return 127 - bias; }
  /// Single precision's bits of the smallest normal value.
  int32_t firstNormal() const { return (1 + rebias()) << 23; }
  /// The largest value's bits.
  int32_t largestBits() const { return (largest << shift()) + (rebias() << 23); }
};

} // namespace

static SmallFloat describe(Type type) {
  if (llvm::isa<Float8E5M2Type>(type))
    return {2, 15, 0x7B, 0x7E, 0x7C, true};
  return {3, 7, 0x7E, 0x7F, 0x7F, false};
}

bool isSmallFloat(Type type) { return llvm::isa<Float8E4M3FNType, Float8E5M2Type>(type); }

float largestSmallFloat(Type type) { return llvm::bit_cast<float>(describe(type).largestBits()); }

Value emitWidenSmallFloat(ImplicitLocOpBuilder &b, Value bits, Type from) {
  SmallFloat format = describe(from);
  Type integers = bits.getType();
  Type floats = b.getF32Type();
  if (auto vector = llvm::dyn_cast<VectorType>(integers))
    floats = vector.clone(floats);
  Formula f(b, floats);
  auto shiftLeft = [&](Value value, int64_t by) {
    return arith::ShLIOp::create(b, value, f.integer(by)).getResult();
  };
  Value magnitude = arith::AndIOp::create(b, bits, f.integer(0x7F));
  Value fields = shiftLeft(magnitude, format.shift());
  // The exponent counts from another bias: one exact multiplication, right for subnormals, too.
  Value real = f.mul(f.toFloat(fields), f.constant(std::ldexp(1.0, format.rebias())));
  Value beyond = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, magnitude,
                                       f.integer(format.firstNonReal));
  Value special = format.hasInfinity
                      ? arith::OrIOp::create(b, fields, f.integer(0x7F800000)).getResult()
                      : f.integer(0x7FC00000);
  Value chosen = f.select(beyond, special, f.toInteger(real));
  Value sign = shiftLeft(arith::AndIOp::create(b, bits, f.integer(0x80)), 24);
  return f.toFloat(arith::OrIOp::create(b, chosen, sign));
}

Value emitNarrowSmallFloat(ImplicitLocOpBuilder &b, Value x, Type to) {
  SmallFloat format = describe(to);
  Formula f(b, x);
  auto shiftRight = [&](Value value, int64_t by) {
    return arith::ShRUIOp::create(b, value, f.integer(by)).getResult();
  };
  auto add = [&](Value lhs, Value rhs) { return arith::AddIOp::create(b, lhs, rhs).getResult(); };
  Value bits = f.toInteger(x);
  Value magnitude = arith::AndIOp::create(b, bits, f.integer(0x7FFFFFFF));
  Value bounded = arith::MinSIOp::create(b, magnitude, f.integer(format.largestBits()));
  // Normal: half a step, and the last bit that stays so that ties go to even.
  Value last = arith::AndIOp::create(b, shiftRight(bounded, format.shift()), f.integer(1));
  Value half = f.integer((int64_t{1} << (format.shift() - 1)) - 1);
  Value rounded = shiftRight(add(bounded, add(last, half)), format.shift());
  Value normal = arith::SubIOp::create(b, rounded, f.integer(format.rebias() << format.mantissa));
  // Subnormal: a float whose last place is theirs, so that the addition rounds.
  double magic = std::ldexp(1.0, 24 - format.bias - static_cast<int>(format.mantissa));
  Value moved = f.toInteger(f.add(f.toFloat(bounded), f.constant(magic)));
  Value subnormal = arith::SubIOp::create(b, moved, f.toInteger(f.constant(magic)));
  Value isSmall =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bounded, f.integer(format.firstNormal()));
  Value code = f.select(isSmall, subnormal, normal);
  Value isNaN = f.compare(arith::CmpFPredicate::UNO, x, x);
  code = f.select(isNaN, f.integer(format.notANumber), code);
  Value sign = arith::AndIOp::create(b, shiftRight(bits, 24), f.integer(0x80));
  return arith::OrIOp::create(b, code, sign);
}

} // namespace quern::numerics
