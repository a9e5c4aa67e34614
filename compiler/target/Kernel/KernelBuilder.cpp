// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/KernelBuilder.h"

#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace quern {

Type getMemoryType(Type type) {
  if (auto integer = llvm::dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), (integer.getWidth() + 7) / 8 * 8);
  if (numerics::isSmallFloat(type))
    return IntegerType::get(type.getContext(), 8);
  return type;
}

KernelBuilder::KernelBuilder(func::FuncOp function, Location location)
    : ImplicitLocOpBuilder(location, function.getContext()), function(function) {
  setInsertionPointToStart(&function.getBody().front());
}

Value KernelBuilder::constant(TypedAttr value) {
  Value &known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(&function.getBody().front());
    known = arith::ConstantOp::create(*this, value);
  }
  return known;
}

Value KernelBuilder::index(int64_t value) { return constant(getIndexAttr(value)); }

Value KernelBuilder::integer(Type type, int64_t value) {
  Attribute scalar = getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = llvm::dyn_cast<VectorType>(type))
    return constant(DenseElementsAttr::get(vector, scalar));
  return constant(llvm::cast<TypedAttr>(scalar));
}

Value KernelBuilder::real(Type type, double value) {
  Attribute scalar = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = llvm::dyn_cast<VectorType>(type))
    return constant(DenseElementsAttr::get(vector, scalar));
  return constant(llvm::cast<TypedAttr>(scalar));
}

Value KernelBuilder::add(Value a, Value b) {
  if (std::optional<int64_t> known = getConstantIntValue(b); known && *known == 0)
    return a;
  if (std::optional<int64_t> known = getConstantIntValue(a); known && *known == 0)
    return b;
  return arith::AddIOp::create(*this, a, b);
}
Value KernelBuilder::add(Value a, int64_t b) { return b == 0 ? a : add(a, index(b)); }
Value KernelBuilder::mul(Value a, int64_t b) {
  if (b == 0)
    return index(0);
  return b == 1 ? a : arith::MulIOp::create(*this, a, index(b)).getResult();
}
Value KernelBuilder::minimum(Value a, Value b) { return arith::MinSIOp::create(*this, a, b); }

void KernelBuilder::loop(Value lower, Value upper, int64_t step,
                         llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void KernelBuilder::loop(int64_t lower, int64_t upper, int64_t step,
                         llvm::function_ref<void(Value)> body) {
  if (lower >= upper)
    return;
  if (lower + step >= upper)
    return body(index(lower));
  loop(index(lower), index(upper), step, body);
}

SmallVector<Value>
KernelBuilder::loop(Value lower, Value upper, int64_t step, ValueRange carried,
                    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), carried);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void KernelBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&branch.getThenRegion().front());
  body();
}

Type KernelBuilder::withLanes(Type scalar, int64_t lanes) {
  return lanes == 1 ? scalar : VectorType::get({lanes}, scalar);
}

int64_t KernelBuilder::lanesOf(Type type) {
  auto vector = llvm::dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

Value KernelBuilder::mask(int64_t lanes, int64_t valid) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), valid, true);
  return constant(DenseElementsAttr::get(VectorType::get({lanes}, getI1Type()), bits));
}

Value KernelBuilder::loadRaw(Value buffer, Value offset, int64_t lanes, int64_t valid) {
  Type element = llvm::cast<MemRefType>(buffer.getType()).getElementType();
  if (lanes == 1)
    return memref::LoadOp::create(*this, buffer, offset);
  auto type = VectorType::get({lanes}, element);
  if (valid >= lanes)
    return vector::LoadOp::create(*this, type, buffer, offset);
  Value zero = constant(llvm::cast<TypedAttr>(getZeroAttr(type)));
  return vector::MaskedLoadOp::create(*this, type, buffer, offset, mask(lanes, valid), zero);
}

void KernelBuilder::storeRaw(Value value, Value buffer, Value offset, int64_t valid) {
  int64_t lanes = lanesOf(value.getType());
  if (lanes == 1)
    memref::StoreOp::create(*this, value, buffer, offset);
  else if (valid >= lanes)
    vector::StoreOp::create(*this, value, buffer, offset);
  else if (valid == 1)
    // LLVM 22 widens a masked store of one truncated lane to four bytes on x86.
    memref::StoreOp::create(*this, vector::ExtractOp::create(*this, value, 0), buffer, offset);
  else
    vector::MaskedStoreOp::create(*this, buffer, offset, mask(lanes, valid), value);
}

Value KernelBuilder::stackBuffer(int64_t elements, Type element) {
  constexpr llvm::StringLiteral stackBytes = "quern.stack_bytes";
  auto known = function->getAttrOfType<IntegerAttr>(stackBytes);
  int64_t bytes = elements * element.getIntOrFloatBitWidth() / 8;
  function->setAttr(stackBytes, getI64IntegerAttr((known ? known.getInt() : 0) + bytes));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&function.getBody().front());
  auto type = MemRefType::get({elements}, element);
  return memref::AllocaOp::create(*this, type, getI64IntegerAttr(64));
}

Value KernelBuilder::toCompute(Value raw, Type elementType) {
  int64_t lanes = lanesOf(raw.getType());
  if (auto integer = llvm::dyn_cast<IntegerType>(elementType)) {
    Type compute = withLanes(getIntegerType(integer.getWidth() <= 32 ? 32 : 64), lanes);
    if (raw.getType() == compute)
      return raw;
    return integer.isSigned() ? arith::ExtSIOp::create(*this, compute, raw).getResult()
                              : arith::ExtUIOp::create(*this, compute, raw).getResult();
  }
  if (elementType.isF32() || elementType.isF64())
    return raw;
  if (numerics::isSmallFloat(elementType)) {
    Value bits = arith::ExtUIOp::create(*this, withLanes(getI32Type(), lanes), raw);
    return numerics::emitWidenSmallFloat(*this, bits, elementType);
  }
  return arith::ExtFOp::create(*this, withLanes(getF32Type(), lanes), raw);
}

Value KernelBuilder::toMemory(Value value, Type elementType) {
  Type memory = withLanes(getMemoryType(elementType), lanesOf(value.getType()));
  if (value.getType() == memory)
    return value;
  if (numerics::isSmallFloat(elementType))
    value = numerics::emitNarrowSmallFloat(*this, value, elementType);
  if (getElementTypeOrSelf(memory).isInteger())
    return arith::TruncIOp::create(*this, memory, value);
  return arith::TruncFOp::create(*this, memory, value);
}

Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(*this, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value KernelBuilder::bitcast(Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (llvm::isa<VectorType>(type))
    return vector::BitCastOp::create(*this, llvm::cast<VectorType>(type), value);
  return arith::BitcastOp::create(*this, type, value);
}

Value KernelBuilder::shuffle(Value a, Value b, ArrayRef<int64_t> indices) {
  return vector::ShuffleOp::create(*this, a, b, indices);
}

Value KernelBuilder::extract(Value vector, int64_t first, int64_t count) {
  if (first == 0 && count == lanesOf(vector.getType()))
    return vector;
  SmallVector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i)
    indices.push_back(first + i);
  return shuffle(vector, vector, indices);
}

Value KernelBuilder::concatenate(ValueRange vectors) {
  if (vectors.size() == 1)
    return vectors.front();
  Value low = concatenate(vectors.take_front(vectors.size() / 2));
  Value high = concatenate(vectors.drop_front(vectors.size() / 2));
  SmallVector<int64_t> order(2 * lanesOf(low.getType()));
  std::iota(order.begin(), order.end(), 0);
  return shuffle(low, high, order);
}

Value KernelBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), operands).getResult(0);
}

Value KernelBuilder::maxOrBound(Value value, Value bound) {
  Value greater = arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, value, bound);
  return arith::SelectOp::create(*this, greater, value, bound);
}

Value KernelBuilder::minOrBound(Value value, Value bound) {
  Value less = arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, value, bound);
  return arith::SelectOp::create(*this, less, value, bound);
}

Value KernelBuilder::once(Value key, llvm::function_ref<Value(Value)> make) {
  Value &known = shared[key];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointAfterValue(key);
  Value made = make(key);
  return shared[key] = made;
}

Value KernelBuilder::once(Value key, ValueRange operands, llvm::function_ref<Value()> make) {
  Value &known = shared[key];
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(*this);
  Operation *last = operands.front().getDefiningOp();
  for (Value operand : operands.drop_front())
    if (last->isBeforeInBlock(operand.getDefiningOp()))
      last = operand.getDefiningOp();
  setInsertionPointAfter(last);
  Value made = make();
  return shared[key] = made;
}

Value KernelBuilder::loadedOnce(Value spread) {
  if (auto broadcast = spread.getDefiningOp<vector::BroadcastOp>())
    spread = broadcast.getSource();
  Operation *widening = spread.getDefiningOp();
  if (!llvm::isa_and_present<arith::ExtUIOp, arith::ExtSIOp>(widening))
    widening = nullptr;
  auto load = (widening ? widening->getOperand(0) : spread).getDefiningOp<memref::LoadOp>();
  if (!load || !llvm::isa<BlockArgument>(load.getMemRef()) || load.getIndices().size() != 1)
    return {};
  std::optional<int64_t> offset = getConstantIntValue(load.getIndices()[0]);
  if (!offset)
    return {};
  Value &known = scalars[{load.getMemRef(), *offset}];
  if (!known) {
    Value position = index(*offset);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointAfterValue(position);
    known = memref::LoadOp::create(*this, load.getMemRef(), position);
    if (widening) {
      Operation *clone = ImplicitLocOpBuilder::clone(*widening);
      clone->setOperand(0, known);
      known = clone->getResult(0);
    }
  }
  return known;
}

Value KernelBuilder::roundToInteger(Value value) {
  int64_t lanes = lanesOf(value.getType());
  Type type = withLanes(getI32Type(), lanes);
  if (roundingLanes == 0 || lanes % roundingLanes != 0 || !llvm::isPowerOf2_64(lanes))
    return LLVM::LrintOp::create(*this, type, value);
  SmallVector<Value> parts;
  if (roundingLanes == 1 && lanes > 1) {
    for (int64_t lane = 0; lane < lanes; ++lane)
      parts.push_back(intrinsic(rounding, getI32Type(),
                                vector::ExtractOp::create(*this, value, lane).getResult()));
    return vector::FromElementsOp::create(*this, llvm::cast<VectorType>(type), parts);
  }
  for (int64_t first = 0; first < lanes; first += roundingLanes)
    parts.push_back(intrinsic(rounding, withLanes(getI32Type(), roundingLanes),
                              extract(value, first, roundingLanes)));
  return concatenate(parts);
}

} // namespace quern
