// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace quern::device {

void setLaunch(func::FuncOp kernel, int64_t blocksX, int64_t blocksY, int64_t threads) {
  Builder b(kernel.getContext());
  kernel->setAttr(gridAttr, b.getDenseI64ArrayAttr({blocksX, blocksY}));
  kernel->setAttr(blockAttr, b.getI64IntegerAttr(threads));
}

static void callVoid(KernelBuilder &b, StringRef name, ValueRange operands) {
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr(name), operands);
}

static Value readRegister(KernelBuilder &b, StringRef name) {
  return b.intrinsic(("llvm.nvvm.read.ptx.sreg." + name).str(), b.getI32Type(), {});
}

Value threadIndex(KernelBuilder &b) { return readRegister(b, "tid.x"); }
Value blockIndexX(KernelBuilder &b) { return readRegister(b, "ctaid.x"); }
Value blockIndexY(KernelBuilder &b) { return readRegister(b, "ctaid.y"); }

Value gridThread(KernelBuilder &b) {
  auto wide = [&](Value value) { return toIndex(b, value); };
  Value row = arith::MulIOp::create(b, wide(blockIndexY(b)), wide(readRegister(b, "nctaid.x")));
  Value block = arith::AddIOp::create(b, row, wide(blockIndexX(b)));
  Value first = arith::MulIOp::create(b, block, wide(readRegister(b, "ntid.x")));
  return arith::AddIOp::create(b, first, wide(threadIndex(b)));
}

Value gridThreads(KernelBuilder &b) {
  auto wide = [&](StringRef name) { return toIndex(b, readRegister(b, name)); };
  Value blocks = arith::MulIOp::create(b, wide("nctaid.x"), wide("nctaid.y"));
  return arith::MulIOp::create(b, blocks, wide("ntid.x"));
}

void barrier(KernelBuilder &b) {
  callVoid(b, "llvm.nvvm.barrier.cta.sync.aligned.all", {constant(b, 0)});
}

void warpBarrier(KernelBuilder &b) { callVoid(b, "llvm.nvvm.bar.warp.sync", {constant(b, -1)}); }

Value exchange(KernelBuilder &b, Value value, int64_t distance) {
  return b.intrinsic("llvm.nvvm.shfl.sync.bfly.f32", b.getF32Type(),
                     {constant(b, -1), value, constant(b, distance), constant(b, 31)});
}

Value constant(KernelBuilder &b, int64_t value) { return b.integer(b.getI32Type(), value); }
Value add(KernelBuilder &b, Value x, Value y) { return arith::AddIOp::create(b, x, y); }
Value add(KernelBuilder &b, Value x, int64_t y) { return y == 0 ? x : add(b, x, constant(b, y)); }
Value mul(KernelBuilder &b, Value x, int64_t y) {
  return arith::MulIOp::create(b, x, constant(b, y));
}
Value div(KernelBuilder &b, Value x, int64_t y) {
  return y == 1 ? x : arith::DivUIOp::create(b, x, constant(b, y)).getResult();
}
Value rem(KernelBuilder &b, Value x, int64_t y) {
  return arith::RemUIOp::create(b, x, constant(b, y));
}
Value bitXor(KernelBuilder &b, Value x, Value y) { return arith::XOrIOp::create(b, x, y); }
Value toIndex(KernelBuilder &b, Value x) {
  return arith::IndexCastUIOp::create(b, b.getIndexType(), x);
}

static Type pointerType(KernelBuilder &b, Space space) {
  return LLVM::LLVMPointerType::get(b.getContext(), space);
}

Value globalPointer(KernelBuilder &b, Value memref) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  address = arith::IndexCastUIOp::create(b, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, pointerType(b, Global), address);
}

Value sharedMemory(KernelBuilder &b, int64_t bytes) {
  func::FuncOp function = b.getFunction();
  std::string name = "shared_" + function.getName().str();
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes);
  OpBuilder outside(function);
  LLVM::GlobalOp::create(outside, b.getLoc(), type, /*isConstant=*/false, LLVM::Linkage::Internal,
                         name, Attribute(), /*alignment=*/128, Shared);
  return LLVM::AddressOfOp::create(b, pointerType(b, Shared), name);
}

Value advance(KernelBuilder &b, Value pointer, Value bytes) {
  if (bytes.getType().isIndex())
    bytes = arith::IndexCastUIOp::create(b, b.getI64Type(), bytes);
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer, ValueRange{bytes});
}

Value advance(KernelBuilder &b, Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

void copyAsync(KernelBuilder &b, Value to, Value from, int64_t chunk, Value valid) {
  // Whole sectors go past the first-level cache.
  StringRef name = chunk == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16.s"
                   : chunk == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8.s"
                                : "llvm.nvvm.cp.async.ca.shared.global.4.s";
  callVoid(b, name, {to, from, valid});
}

void commitCopies(KernelBuilder &b) { callVoid(b, "llvm.nvvm.cp.async.commit.group", {}); }

void waitForCopies(KernelBuilder &b, int64_t open) {
  callVoid(b, "llvm.nvvm.cp.async.wait.group", {constant(b, open)});
}

static SmallVector<Value> callStruct(KernelBuilder &b, StringRef name, Type member,
                                     ValueRange operands) {
  SmallVector<Type> members(4, member);
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), members);
  Value result = b.intrinsic(name, type, operands);
  SmallVector<Value> values;
  for (int64_t i = 0; i < 4; ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, result, i));
  return values;
}

SmallVector<Value> loadMatrices(KernelBuilder &b, Value rowAddress) {
  return callStruct(b, "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16", b.getI32Type(), {rowAddress});
}

/// The instruction's name of a code type.
static StringRef codeName(Type type) {
  if (llvm::isa<Float8E4M3FNType>(type))
    return "e4m3";
  if (llvm::isa<Float8E5M2Type>(type))
    return "e5m2";
  return type.isUnsignedInteger() ? "u8" : "s8";
}

SmallVector<Value> multiplyAdd(KernelBuilder &b, ValueRange sums, ValueRange left, ValueRange right,
                               Type leftType, Type rightType) {
  bool isFloat = llvm::isa<FloatType>(leftType);
  std::string name = "llvm.nvvm.mma.m16n8k32.row.col.";
  if (isFloat)
    name += ("f32." + codeName(leftType) + "." + codeName(rightType) + ".f32").str();
  else
    name += leftType == rightType ? codeName(leftType).str()
                                  : (codeName(leftType) + "." + codeName(rightType)).str();
  SmallVector<Value> operands(left);
  llvm::append_range(operands, right);
  llvm::append_range(operands, sums);
  return callStruct(b, name, isFloat ? Type(b.getF32Type()) : Type(b.getI32Type()), operands);
}

} // namespace quern::device
