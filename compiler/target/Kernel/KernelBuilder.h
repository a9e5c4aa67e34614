// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_KERNELBUILDER_H
#define QUERN_COMPILER_TARGET_KERNEL_KERNELBUILDER_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace quern {

/// The element type of the memref that holds elements of a tensor type: integers signless and at
/// least a byte wide, 8-bit floats as their bytes.
mlir::Type getMemoryType(mlir::Type elementType);

/// Writes a kernel's body: loops, addresses, loads and stores in the field's small vocabulary.
/// Indices are elements of 1-D memrefs. "lanes" is the number of elements a value holds: 1 is a
/// scalar, more a vector.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::func::FuncOp function, mlir::Location location);

  mlir::func::FuncOp getFunction() { return function; }

  /// Constants live at the top of the function, each once.
  mlir::Value index(int64_t value);
  /// A constant of a scalar or vector type (splat) of i32/i64/f32/f64.
  mlir::Value integer(mlir::Type type, int64_t value);
  mlir::Value real(mlir::Type type, double value);

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value minimum(mlir::Value a, mlir::Value b);

  /// for (i = lower; i < upper; i += step) body(i).
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void loop(int64_t lower, int64_t upper, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  /// The same with values carried from one iteration to the next.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value lower, mlir::Value upper, int64_t step, mlir::ValueRange carried,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);

  /// The scalar type, or a vector of it.
  static mlir::Type withLanes(mlir::Type scalar, int64_t lanes);
  static int64_t lanesOf(mlir::Type type);

  /// Loads `lanes` consecutive elements from the buffer, as they are in memory. With fewer `valid`
  /// lanes the others are not touched in memory and read as 0.
  mlir::Value loadRaw(mlir::Value buffer, mlir::Value offset, int64_t lanes, int64_t valid);
  /// Stores the first `valid` lanes.
  void storeRaw(mlir::Value value, mlir::Value buffer, mlir::Value offset, int64_t valid);

  /// A buffer on the stack for the whole kernel, whose stack grows by it ("quern.stack_bytes").
  mlir::Value stackBuffer(int64_t elements, mlir::Type element);

  /// From memory to compute type (see `quern.map`) and back, by the tensor's element type.
  mlir::Value toCompute(mlir::Value raw, mlir::Type elementType);
  mlir::Value toMemory(mlir::Value value, mlir::Type elementType);

  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);
  mlir::Value shuffle(mlir::Value a, mlir::Value b, llvm::ArrayRef<int64_t> indices);
  /// Lanes [first, first + count) of a vector.
  mlir::Value extract(mlir::Value vector, int64_t first, int64_t count);
  /// Vectors of one type one after the other; a power of two of them.
  mlir::Value concatenate(mlir::ValueRange vectors);
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result, mlir::ValueRange operands);
  /// `value > bound ? value : bound`: NaN gives the bound, one vmaxps; and the mirror image.
  mlir::Value maxOrBound(mlir::Value value, mlir::Value bound);
  mlir::Value minOrBound(mlir::Value value, mlir::Value bound);
  /// What `make` writes at the top of the function, once for each key: values that all loops share.
  mlir::Value once(mlir::Value key, llvm::function_ref<mlir::Value(mlir::Value)> make);
  /// The same for what is made of several values, results of ops at the top of the function.
  mlir::Value once(mlir::Value key, mlir::ValueRange operands,
                   llvm::function_ref<mlir::Value()> make);
  /// The same element as `spread`, a splat of a loaded (and perhaps widened) scalar, but loaded at
  /// the top of the function; null if it is none or its address is not known there.
  mlir::Value loadedOnce(mlir::Value spread);
  /// Round to nearest even, f32 to i32 (vcvtps2dq); |value| < 2^31.
  mlir::Value roundToInteger(mlir::Value value);
  /// An intrinsic that does so on `lanes` lanes where the generic one is not a single instruction.
  void setRounding(llvm::StringRef intrinsic, int64_t lanes) {
    rounding = intrinsic;
    roundingLanes = lanes;
  }

private:
  mlir::Value mask(int64_t lanes, int64_t valid);
  mlir::Value constant(mlir::TypedAttr value);
  mlir::func::FuncOp function;
  llvm::StringRef rounding;
  int64_t roundingLanes = 0;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
  llvm::DenseMap<mlir::Value, mlir::Value> shared;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> scalars;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_KERNELBUILDER_H
