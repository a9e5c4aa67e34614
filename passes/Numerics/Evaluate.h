// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Runs scalar programs (bodies of `quern.map`, or what the builders of Algorithms.h emit) on
/// the host, with the bits that compiled code gives.

#ifndef QUERN_PASSES_NUMERICS_EVALUATE_H
#define QUERN_PASSES_NUMERICS_EVALUATE_H

#include "dialects/Quern/QuernOps.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace quern::numerics {

/// A scalar by its bits; which type they are of is said by the value it belongs to. Integers are
/// kept sign-extended, i1 as 0 or 1.
struct ScalarValue {
  uint64_t bits = 0;

  static ScalarValue ofF32(float value);
  static ScalarValue ofF64(double value);
  static ScalarValue ofInt(int64_t value) { return {static_cast<uint64_t>(value)}; }
  float f32() const;
  double f64() const;
  int64_t integer() const { return static_cast<int64_t>(bits); }
};

/// A straight-line block made ready to be run many times: arith, math.{fma,sqrt,absf,roundeven,
/// copysign} and quern.to_code on scalars.
class ScalarProgram {
public:
  /// None, after an error at the op, if the block holds anything else. Values from outside must
  /// be constants (`arith.constant`); the terminator's operands are the results.
  static std::optional<ScalarProgram> compile(mlir::Block &block);

  /// One value per block argument in, one per operand of the terminator out.
  void run(llvm::ArrayRef<ScalarValue> arguments, llvm::MutableArrayRef<ScalarValue> results);

  struct Instruction;
  ScalarProgram(ScalarProgram &&);
  ScalarProgram &operator=(ScalarProgram &&);
  ~ScalarProgram();

private:
  ScalarProgram();
  struct State;
  std::unique_ptr<State> state;
};

/// The values that the body of `map` yields for these arguments (in compute types); none, after
/// an error, if the body cannot be evaluated.
std::optional<llvm::SmallVector<ScalarValue>>
evaluateMapBody(qir::MapOp map, llvm::ArrayRef<ScalarValue> arguments);

/// The results of a `quern.map` whose inputs are all constant, as constants made before it; empty,
/// after an error, if it cannot be evaluated.
llvm::SmallVector<mlir::Value> evaluateMap(mlir::OpBuilder &builder, qir::MapOp map);

/// How elements of a type lie in memory, looked up once: type queries are slow.
class ElementFormat {
public:
  explicit ElementFormat(mlir::Type elementType);
  int64_t getBytes() const { return size; }
  /// Reads element `index` of a constant's bytes in its compute type.
  ScalarValue load(const char *bytes, int64_t index) const;
  /// Writes a value in compute type: integers truncated, floats rounded to nearest even.
  void store(char *bytes, int64_t index, ScalarValue value) const;

private:
  int64_t size;
  /// Of a float type narrower than f32, which goes through APFloat; else null.
  const llvm::fltSemantics *small = nullptr;
  unsigned width;
  bool extendsSign = false;
};

} // namespace quern::numerics

#endif // QUERN_PASSES_NUMERICS_EVALUATE_H
