// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/MapBuilder.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

MapBuilder::MapBuilder(OpBuilder &outer, Location location, ArrayRef<int64_t> space)
    : outer(outer), location(location), space(space), inner(location, outer.getContext()) {
  region.push_back(new Block);
  inner.setInsertionPointToEnd(&region.front());
}

Value MapBuilder::read(Value tensor) {
  ArrayRef<int64_t> shape = tensorOf(tensor).getShape();
  size_t offset = space.size() - shape.size();
  SmallVector<AffineExpr> exprs;
  for (auto [index, size] : llvm::enumerate(shape))
    exprs.push_back(size == 1 && space[offset + index] != 1
                        ? outer.getAffineConstantExpr(0)
                        : outer.getAffineDimExpr(offset + index));
  return read(tensor, AffineMap::get(space.size(), 0, exprs, outer.getContext()));
}

Value MapBuilder::read(Value tensor, AffineMap map) {
  Block &block = region.front();
  for (auto [index, input] : llvm::enumerate(inputs))
    if (input == tensor && maps[index] == map)
      return block.getArgument(index);
  inputs.push_back(tensor);
  maps.push_back(map);
  return block.addArgument(getComputeType(elementOf(tensor)), location);
}

Value MapBuilder::readFloats(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, outer.getF32Type());
  return read(makeConstant<float>(outer, location, type, values));
}

Value MapBuilder::readIntegers(ArrayRef<int64_t> shape, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(shape, outer.getIntegerType(32, /*isSigned=*/true));
  return read(makeConstant<int64_t>(outer, location, type, values));
}

Value MapBuilder::literal(int32_t value) {
  return arith::ConstantOp::create(inner, inner.getI32IntegerAttr(value));
}

Value MapBuilder::literal(float value) {
  return arith::ConstantOp::create(inner, inner.getF32FloatAttr(value));
}

void MapBuilder::dropUnused() {
  Block &block = region.front();
  eraseDeadOps(block);
  for (size_t index = inputs.size(); index-- > 0;) {
    if (!block.getArgument(index).use_empty())
      continue;
    block.eraseArgument(index);
    inputs.erase(inputs.begin() + index);
    maps.erase(maps.begin() + index);
  }
}

qir::MapOp MapBuilder::finish(ValueRange yields, TypeRange elementTypes, StringAttr site) {
  qir::YieldOp::create(inner, yields);
  dropUnused();
  SmallVector<Type> types;
  for (Type element : elementTypes)
    types.push_back(RankedTensorType::get(space, element));
  auto map =
      qir::MapOp::create(outer, location, types, inputs, outer.getAffineMapArrayAttr(maps), site);
  map.getBody().takeBody(region);
  return map;
}

} // namespace quern
