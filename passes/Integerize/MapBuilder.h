// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Writes a `quern.map` piece by piece: inputs are added while the body is written.

#ifndef QUERN_PASSES_INTEGERIZE_MAPBUILDER_H
#define QUERN_PASSES_INTEGERIZE_MAPBUILDER_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace quern {

class MapBuilder {
public:
  /// A map over `space`, to be made at `outer`'s insertion point.
  MapBuilder(mlir::OpBuilder &outer, mlir::Location location, llvm::ArrayRef<int64_t> space);

  /// Where the body is written.
  mlir::ImplicitLocOpBuilder &body() { return inner; }

  /// Adds an input, read by NumPy's broadcasting rule (or through `map`); gives the element in its
  /// compute type. The same tensor read in the same way is added once.
  mlir::Value read(mlir::Value tensor);
  mlir::Value read(mlir::Value tensor, mlir::AffineMap map);

  /// Adds constants of a shape that broadcasts, f32 or si32. Scalars come as tensors of one
  /// element rather than literals so that kernels of one shape are equal (docs/ir.md).
  mlir::Value readFloats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values);
  mlir::Value readIntegers(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values);
  mlir::Value readFloat(float value) { return readFloats({1}, {value}); }
  mlir::Value readInteger(int64_t value) { return readIntegers({1}, {value}); }

  mlir::Value literal(int32_t value);
  mlir::Value literal(float value);

  /// Ends the body; the results have these element types. Ops and inputs that do not matter for
  /// the yielded values are dropped.
  qir::MapOp finish(mlir::ValueRange yields, mlir::TypeRange elementTypes,
                    mlir::StringAttr site = {});

private:
  void dropUnused();

  mlir::OpBuilder &outer;
  mlir::Location location;
  llvm::SmallVector<int64_t> space;
  mlir::Region region;
  mlir::ImplicitLocOpBuilder inner;
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::AffineMap> maps;
};

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_MAPBUILDER_H
