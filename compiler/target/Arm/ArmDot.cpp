// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDot.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace quern {

VectorType bytesType(KernelBuilder &b) { return VectorType::get({registerBytes}, b.getI8Type()); }
VectorType wordsType(KernelBuilder &b) { return VectorType::get({4}, b.getI32Type()); }

Value widen(KernelBuilder &b, Value half) {
  int64_t lanes = KernelBuilder::lanesOf(half.getType());
  SmallVector<int64_t> order(2 * lanes, -1);
  for (int64_t i = 0; i < lanes; ++i)
    order[i] = i;
  return b.shuffle(half, half, order);
}

void holdLoads(KernelBuilder &b) {
  LLVM::InlineAsmOp::create(b, TypeRange(), ValueRange(), "", "~{memory}",
                            /*has_side_effects=*/true, /*is_align_stack=*/false,
                            LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
                            ArrayAttr());
}

Value spreadWord(KernelBuilder &b, Value bytes, int64_t lane) {
  Value words = b.bitcast(bytes, wordsType(b));
  return b.bitcast(b.shuffle(words, words, SmallVector<int64_t>(4, lane)), bytesType(b));
}

Value loadSpreadWord(KernelBuilder &b, Value memref, Value offset) {
  Value word = b.bitcast(b.loadRaw(memref, offset, wordBytes, wordBytes),
                         VectorType::get({1}, b.getI32Type()));
  return b.bitcast(vector::BroadcastOp::create(b, wordsType(b), word), bytesType(b));
}

bool mayReadPast(const TileSteps &steps) {
  return llvm::isa_and_present<qir::PaddedAttr>(steps.left.type.getEncoding());
}

Value loadCodes(KernelBuilder &b, const TileSteps &steps, Value offset, int64_t words) {
  if (words == 1 && !mayReadPast(steps))
    return loadSpreadWord(b, steps.left.memref, offset);
  int64_t bytes = words <= 2 ? 2 * wordBytes : registerBytes;
  Value raw = b.loadRaw(steps.left.memref, offset, bytes, bytes);
  return bytes == registerBytes ? raw : widen(b, raw);
}

Value byteOnes(KernelBuilder &b, int64_t terms) {
  uint32_t word = 0x01010101u >> (8 * (4 - terms));
  return b.bitcast(b.integer(wordsType(b), static_cast<int32_t>(word)), bytesType(b));
}

Value ArmDot::loadWeights(KernelBuilder &b, const TileSteps &steps, int64_t step, int64_t vector,
                          int64_t part) const {
  int64_t at = (step * steps.vectors + vector) * stepBytes() + part * registerBytes;
  return b.loadRaw(steps.right, b.add(steps.rightOffset, at), registerBytes, registerBytes);
}

/// Groups of steps that share the pixels' operands: of sizes that a load reads, unless it may read
/// on.
SmallVector<Value> ArmDot::multiply(KernelBuilder &b, const TileSteps &steps,
                                    ValueRange registers) const {
  SmallVector<Value> next(registers);
  for (int64_t first = 0; first < steps.count;) {
    int64_t size = std::min(groupSteps(), steps.count - first);
    if (!llvm::isPowerOf2_64(size) && !mayReadPast(steps))
      size = static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(size)));
    multiplyGroup(b, steps, first, size, next);
    first += size;
  }
  return next;
}

/// In order, whatever is no product takes a place of its own in the queue: loads, and the loop's
/// three instructions for every four steps. Otherwise a load costs what it takes from others,
/// unless there is more to dispatch than to multiply.
double ArmDot::cyclesOf(double products, double loads, double latency) const {
  double multiplying = products / cpu.products;
  if (cpu.inOrder)
    return std::max(multiplying, latency) + loads / cpu.loads + 0.75;
  double dispatching = (products + cpu.loadOps * loads + 1) / cpu.dispatch;
  return std::max({multiplying, loads / cpu.loads, dispatching, latency}) +
         0.12 * loads / cpu.loads;
}

void LaneDot::multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                            MutableArrayRef<Value> registers) const {
  SmallVector<Value> pixels;
  for (int64_t pixel = 0; pixel < steps.pixels; ++pixel)
    pixels.push_back(loadPixel(b, steps, pixel, first, size));
  // Weights come in pairs of registers, in order one pair ahead of its use.
  int64_t products = size * steps.vectors;
  auto loadTwo = [&](int64_t at) {
    SmallVector<Value> two;
    for (int64_t i = at; i < std::min(at + 2, products); ++i)
      two.push_back(loadWeights(b, steps, first + i / steps.vectors, i % steps.vectors));
    return two;
  };
  SmallVector<Value> ahead = loadTwo(0);
  for (int64_t at = 0; at < products; at += 2) {
    SmallVector<Value> now = cpu.inOrder || at == 0 ? ahead : loadTwo(at);
    if (cpu.inOrder)
      ahead = loadTwo(at + 2);
    if (steps.pixels > 1)
      holdLoads(b);
    for (auto [i, weights] : llvm::enumerate(now))
      multiplyVector(b, steps, pixels, asWeights(b, weights), at + i, registers);
  }
  for (int64_t u = 0; steps.wantsSum && u < size; ++u) {
    Value ones = this->ones(b, termsOf(steps, first + u)).front();
    for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
      Value &sum = registers[steps.pixels * steps.vectors + pixel];
      sum = product(b, sum, ones, pixels[pixel], u);
    }
  }
}

void LaneDot::multiplyVector(KernelBuilder &b, const TileSteps &steps, ArrayRef<Value> pixels,
                             Value weights, int64_t index, MutableArrayRef<Value> registers) const {
  int64_t lane = index / steps.vectors;
  for (int64_t pixel = 0; pixel < steps.pixels; ++pixel) {
    Value &accumulator = registers[pixel * steps.vectors + index % steps.vectors];
    accumulator = product(b, accumulator, weights, pixels[pixel], lane);
  }
}

} // namespace quern
