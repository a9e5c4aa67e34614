// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled with -ffp-contract=off (see CMakeLists.txt): each operation here is one rounding, as in
// the compiled code.

#include "passes/Numerics/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace quern::numerics {

ScalarValue ScalarValue::ofF32(float value) { return {llvm::bit_cast<uint32_t>(value)}; }
ScalarValue ScalarValue::ofF64(double value) { return {llvm::bit_cast<uint64_t>(value)}; }
float ScalarValue::f32() const { return llvm::bit_cast<float>(static_cast<uint32_t>(bits)); }
double ScalarValue::f64() const { return llvm::bit_cast<double>(bits); }

/// One op: up to three operands by the number of their value, and what its function needs besides.
struct ScalarProgram::Instruction {
  using Function = ScalarValue (*)(const Instruction &, const ScalarValue *operands);
  Function function = nullptr;
  unsigned operands[3] = {0, 0, 0};
  unsigned result = 0;
  unsigned width = 0;     ///< bits of the integer result
  unsigned fromWidth = 0; ///< bits of the first operand
  int64_t parameters[4] = {0, 0, 0, 0};
};

struct ScalarProgram::State {
  std::vector<Instruction> instructions;
  std::vector<ScalarValue> values; ///< arguments, then constants and results
  std::vector<unsigned> results;
  unsigned arguments = 0;
};

ScalarProgram::ScalarProgram() : state(std::make_unique<State>()) {}
ScalarProgram::ScalarProgram(ScalarProgram &&) = default;
ScalarProgram &ScalarProgram::operator=(ScalarProgram &&) = default;
ScalarProgram::~ScalarProgram() = default;

namespace {

using Instruction = ScalarProgram::Instruction;
using Function = ScalarValue (*)(const Instruction &, const ScalarValue *);

/// An integer result as it is kept: sign-extended from its width, i1 as 0 or 1.
ScalarValue wrap(uint64_t value, unsigned width) {
  if (width == 1)
    return {value & 1};
  unsigned shift = 64 - width;
  return ScalarValue::ofInt(static_cast<int64_t>(value << shift) >> shift);
}

uint64_t zeroExtend(ScalarValue value, unsigned width) {
  return width == 64 ? value.bits : value.bits & ((uint64_t{1} << width) - 1);
}

template <typename T> T get(ScalarValue value);
template <> float get<float>(ScalarValue value) { return value.f32(); }
template <> double get<double>(ScalarValue value) { return value.f64(); }
ScalarValue of(float value) { return ScalarValue::ofF32(value); }
ScalarValue of(double value) { return ScalarValue::ofF64(value); }

/// The function over `T` computed by `Body`, a captureless callable.
template <typename T, typename Body> ScalarValue unary(const Instruction &, const ScalarValue *x) {
  return of(static_cast<T>(Body{}(get<T>(x[0]))));
}
template <typename T, typename Body> ScalarValue binary(const Instruction &, const ScalarValue *x) {
  return of(static_cast<T>(Body{}(get<T>(x[0]), get<T>(x[1]))));
}
template <typename Body> ScalarValue integer(const Instruction &i, const ScalarValue *x) {
  return wrap(static_cast<uint64_t>(Body{}(i, x)), i.width);
}

template <typename Body> Function floatUnary(Type type, Body) {
  return type.isF64() ? unary<double, Body> : unary<float, Body>;
}
template <typename Body> Function floatBinary(Type type, Body) {
  return type.isF64() ? binary<double, Body> : binary<float, Body>;
}
template <typename Body> Function integerOp(Body) { return integer<Body>; }

template <typename T> ScalarValue fusedMultiplyAdd(const Instruction &, const ScalarValue *x) {
  return of(std::fma(get<T>(x[0]), get<T>(x[1]), get<T>(x[2])));
}

/// Predicates are a set of the outcomes equal (1), greater (2), less (4) and unordered (8) for
/// which they hold; arith numbers the ordered ones first.
bool compareFloats(arith::CmpFPredicate predicate, double x, double y) {
  constexpr unsigned outcomes[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 8, 15};
  unsigned outcome = x == y ? 1 : x > y ? 2 : x < y ? 4 : 8;
  return outcomes[static_cast<unsigned>(predicate)] & outcome;
}

template <typename T> ScalarValue compareFloatValues(const Instruction &i, const ScalarValue *x) {
  auto predicate = static_cast<arith::CmpFPredicate>(i.parameters[0]);
  return {compareFloats(predicate, get<T>(x[0]), get<T>(x[1])) ? 1U : 0U};
}

ScalarValue compareIntegers(const Instruction &i, const ScalarValue *x) {
  auto predicate = static_cast<arith::CmpIPredicate>(i.parameters[0]);
  llvm::APInt lhs(i.fromWidth, zeroExtend(x[0], i.fromWidth));
  llvm::APInt rhs(i.fromWidth, zeroExtend(x[1], i.fromWidth));
  return {arith::applyCmpPredicate(predicate, lhs, rhs) ? 1U : 0U};
}

/// Truncation; what does not fit saturates, since the op's result is then undefined anyway.
int64_t truncateToInteger(double x, unsigned width, bool isSigned) {
  if (std::isnan(x))
    return 0;
  double end = std::ldexp(1.0, static_cast<int>(isSigned ? width - 1 : width));
  if (x >= end)
    return isSigned ? static_cast<int64_t>((uint64_t{1} << (width - 1)) - 1) : -1;
  if (x <= (isSigned ? -end : 0.0))
    return isSigned ? -static_cast<int64_t>((uint64_t{1} << (width - 1)) - 1) - 1 : 0;
  return isSigned ? static_cast<int64_t>(x) : static_cast<int64_t>(static_cast<uint64_t>(x));
}

template <typename T, bool isSigned>
ScalarValue floatToInteger(const Instruction &i, const ScalarValue *x) {
  return wrap(static_cast<uint64_t>(truncateToInteger(get<T>(x[0]), i.width, isSigned)), i.width);
}

template <typename T> ScalarValue signedToFloat(const Instruction &, const ScalarValue *x) {
  return of(static_cast<T>(x[0].integer()));
}
template <typename T> ScalarValue unsignedToFloat(const Instruction &i, const ScalarValue *x) {
  return of(static_cast<T>(zeroExtend(x[0], i.fromWidth)));
}

/// quern.to_code; parameters: zero point, lo, hi, whether operand 1 is a dynamic zero point.
ScalarValue toCode(const Instruction &i, const ScalarValue *x) {
  float value = x[0].f32();
  int64_t lo = i.parameters[1];
  int64_t hi = i.parameters[2];
  if (std::isnan(value))
    return ScalarValue::ofInt(lo);
  int64_t zeroPoint = i.parameters[0] + (i.parameters[3] ? x[1].integer() : 0);
  // Beyond 2^34 every code is clamped, whatever the zero point.
  float bounded = std::min(std::max(std::nearbyintf(value), -0x1p34F), 0x1p34F);
  return ScalarValue::ofInt(std::min(std::max(static_cast<int64_t>(bounded) + zeroPoint, lo), hi));
}

/// The bits of a float or integer attribute, as they are kept.
ScalarValue loadAttribute(Attribute attribute) {
  if (auto integerAttr = dyn_cast<IntegerAttr>(attribute)) {
    llvm::APInt value = integerAttr.getValue();
    return wrap(value.getZExtValue(), value.getBitWidth());
  }
  auto value = cast<FloatAttr>(attribute).getValue();
  return {value.bitcastToAPInt().getZExtValue()};
}

Function getFloatFunction(Operation &op, Type type) {
  return llvm::TypeSwitch<Operation *, Function>(&op)
      .Case([&](arith::AddFOp) { return floatBinary(type, [](auto x, auto y) { return x + y; }); })
      .Case([&](arith::SubFOp) { return floatBinary(type, [](auto x, auto y) { return x - y; }); })
      .Case([&](arith::MulFOp) { return floatBinary(type, [](auto x, auto y) { return x * y; }); })
      .Case([&](arith::DivFOp) { return floatBinary(type, [](auto x, auto y) { return x / y; }); })
      .Case([&](arith::NegFOp) { return floatUnary(type, [](auto x) { return -x; }); })
      .Case([&](math::AbsFOp) { return floatUnary(type, [](auto x) { return std::fabs(x); }); })
      .Case([&](math::SqrtOp) { return floatUnary(type, [](auto x) { return std::sqrt(x); }); })
      .Case([&](math::RoundEvenOp) {
        return floatUnary(type, [](auto x) { return std::nearbyint(x); });
      })
      .Case([&](math::CopySignOp) {
        return floatBinary(type, [](auto x, auto y) { return std::copysign(x, y); });
      })
      .Case([&](math::FmaOp) {
        return type.isF64() ? fusedMultiplyAdd<double> : fusedMultiplyAdd<float>;
      })
      .Default(Function{});
}

using Values = const ScalarValue *;
using In = const Instruction &;

int64_t divide(int64_t x, int64_t y, bool remainder) {
  if (y == 0 || (y == -1 && x == std::numeric_limits<int64_t>::min()))
    return 0;
  return remainder ? x % y : x / y;
}

Function getIntegerFunction(Operation &op) {
  return llvm::TypeSwitch<Operation *, Function>(&op)
      .Case([](arith::AddIOp) {
        return integerOp([](In, Values x) { return x[0].bits + x[1].bits; });
      })
      .Case([](arith::SubIOp) {
        return integerOp([](In, Values x) { return x[0].bits - x[1].bits; });
      })
      .Case([](arith::MulIOp) {
        return integerOp([](In, Values x) { return x[0].bits * x[1].bits; });
      })
      .Case([](arith::AndIOp) {
        return integerOp([](In, Values x) { return x[0].bits & x[1].bits; });
      })
      .Case([](arith::OrIOp) {
        return integerOp([](In, Values x) { return x[0].bits | x[1].bits; });
      })
      .Case([](arith::XOrIOp) {
        return integerOp([](In, Values x) { return x[0].bits ^ x[1].bits; });
      })
      .Case([](arith::ShLIOp) {
        return integerOp([](In, Values x) { return x[0].bits << (x[1].bits & 63); });
      })
      .Case([](arith::ShRSIOp) {
        return integerOp([](In, Values x) { return x[0].integer() >> (x[1].bits & 63); });
      })
      .Case([](arith::ShRUIOp) {
        return integerOp(
            [](In i, Values x) { return zeroExtend(x[0], i.width) >> (x[1].bits & 63); });
      })
      .Case([](arith::DivSIOp) {
        return integerOp(
            [](In, Values x) { return divide(x[0].integer(), x[1].integer(), false); });
      })
      .Case([](arith::RemSIOp) {
        return integerOp([](In, Values x) { return divide(x[0].integer(), x[1].integer(), true); });
      })
      .Case([](arith::MaxSIOp) {
        return integerOp([](In, Values x) { return std::max(x[0].integer(), x[1].integer()); });
      })
      .Case([](arith::MinSIOp) {
        return integerOp([](In, Values x) { return std::min(x[0].integer(), x[1].integer()); });
      })
      // Sign extension keeps the order of unsigned values, too.
      .Case([](arith::MaxUIOp) {
        return integerOp([](In, Values x) { return std::max(x[0].bits, x[1].bits); });
      })
      .Case([](arith::MinUIOp) {
        return integerOp([](In, Values x) { return std::min(x[0].bits, x[1].bits); });
      })
      .Default(Function{});
}

Function getConversion(Operation &op, Type from, Type to) {
  return llvm::TypeSwitch<Operation *, Function>(&op)
      .Case([](arith::ExtSIOp) {
        return integerOp(
            [](In i, Values x) { return i.fromWidth == 1 ? uint64_t{0} - x[0].bits : x[0].bits; });
      })
      .Case([](arith::ExtUIOp) {
        return integerOp([](In i, Values x) { return zeroExtend(x[0], i.fromWidth); });
      })
      .Case([](arith::TruncIOp) { return integerOp([](In, Values x) { return x[0].bits; }); })
      .Case([&](arith::BitcastOp) -> Function {
        if (isa<IntegerType>(to))
          return integerOp([](In, Values x) { return x[0].bits; });
        return [](In i, Values x) { return ScalarValue{zeroExtend(x[0], i.fromWidth)}; };
      })
      .Case([&](arith::SIToFPOp) {
        return to.isF64() ? signedToFloat<double> : signedToFloat<float>;
      })
      .Case([&](arith::UIToFPOp) {
        return to.isF64() ? unsignedToFloat<double> : unsignedToFloat<float>;
      })
      .Case([&](arith::FPToSIOp) {
        return from.isF64() ? floatToInteger<double, true> : floatToInteger<float, true>;
      })
      .Case([&](arith::FPToUIOp) {
        return from.isF64() ? floatToInteger<double, false> : floatToInteger<float, false>;
      })
      .Case([](arith::ExtFOp) -> Function {
        return [](In, Values x) { return of(static_cast<double>(x[0].f32())); };
      })
      .Case([](arith::TruncFOp) -> Function {
        return [](In, Values x) { return of(static_cast<float>(x[0].f64())); };
      })
      .Default(Function{});
}

/// Compares, select and to_code; these have parameters.
Function getOtherFunction(Operation &op, Instruction &instruction, Type from) {
  if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    instruction.parameters[0] = static_cast<int64_t>(compare.getPredicate());
    return from.isF64() ? compareFloatValues<double> : compareFloatValues<float>;
  }
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    instruction.parameters[0] = static_cast<int64_t>(compare.getPredicate());
    return compareIntegers;
  }
  if (isa<arith::SelectOp>(op))
    return [](In, Values x) { return (x[0].bits & 1) ? x[1] : x[2]; };
  if (auto code = dyn_cast<qir::ToCodeOp>(op)) {
    auto signExtend = [](uint32_t value) {
      return static_cast<int64_t>(static_cast<int32_t>(value));
    };
    int64_t parameters[] = {signExtend(code.getZeroPoint()), signExtend(code.getLo()),
                            signExtend(code.getHi()), code.getDynamicZeroPoint() ? 1 : 0};
    llvm::copy(parameters, instruction.parameters);
    return toCode;
  }
  return {};
}

bool isScalar(Type type) {
  return type.isF32() || type.isF64() ||
         (type.isSignlessInteger() && type.getIntOrFloatBitWidth() <= 64);
}

/// Chooses the function of an op whose operands and results are scalars.
Function getFunction(Operation &op, Instruction &instruction) {
  if (op.getNumResults() != 1 || op.getNumOperands() == 0 || op.getNumOperands() > 3 ||
      !llvm::all_of(op.getOperandTypes(), isScalar) || !isScalar(op.getResult(0).getType()))
    return {};
  Type from = op.getOperand(0).getType();
  Type to = op.getResult(0).getType();
  instruction.fromWidth = from.getIntOrFloatBitWidth();
  instruction.width = to.getIntOrFloatBitWidth();
  if (Function function = getFloatFunction(op, to))
    return function;
  if (Function function = getIntegerFunction(op))
    return function;
  if (Function function = getConversion(op, from, to))
    return function;
  return getOtherFunction(op, instruction, from);
}

} // namespace

std::optional<ScalarProgram> ScalarProgram::compile(Block &block) {
  ScalarProgram program;
  State &state = *program.state;
  llvm::DenseMap<Value, unsigned> numbers;
  auto define = [&](Value value, ScalarValue constant = {}) {
    numbers[value] = state.values.size();
    state.values.push_back(constant);
    return numbers[value];
  };
  auto use = [&](Value value) -> std::optional<unsigned> {
    if (auto known = numbers.find(value); known != numbers.end())
      return known->second;
    if (auto constant = value.getDefiningOp<arith::ConstantOp>();
        constant && isScalar(value.getType()))
      return define(value, loadAttribute(constant.getValue()));
    return std::nullopt;
  };
  for (Value argument : block.getArguments())
    define(argument);
  state.arguments = block.getNumArguments();
  for (Operation &op : block) {
    if (isa<arith::ConstantOp>(op))
      continue;
    bool isEnd = op.hasTrait<OpTrait::IsTerminator>();
    Instruction instruction;
    if (!isEnd)
      instruction.function = getFunction(op, instruction);
    if (!isEnd && !instruction.function) {
      op.emitError(
          "cannot be evaluated on the host; expected arith, math or quern.to_code on scalars");
      return std::nullopt;
    }
    for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
      std::optional<unsigned> number = use(operand);
      if (!number) {
        op.emitError("uses a value from outside its block that is no constant");
        return std::nullopt;
      }
      if (isEnd)
        state.results.push_back(*number);
      else
        instruction.operands[i] = *number;
    }
    if (isEnd)
      continue;
    instruction.result = define(op.getResult(0));
    state.instructions.push_back(instruction);
  }
  return program;
}

void ScalarProgram::run(llvm::ArrayRef<ScalarValue> arguments,
                        llvm::MutableArrayRef<ScalarValue> results) {
  assert(arguments.size() == state->arguments && results.size() == state->results.size());
  ScalarValue *values = state->values.data();
  llvm::copy(arguments, values);
  for (const Instruction &instruction : state->instructions) {
    ScalarValue operands[] = {values[instruction.operands[0]], values[instruction.operands[1]],
                              values[instruction.operands[2]]};
    values[instruction.result] = instruction.function(instruction, operands);
  }
  for (auto [result, number] : llvm::zip_equal(results, state->results))
    result = values[number];
}

} // namespace quern::numerics
