// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDot.h"
#include "compiler/target/Arm/ArmDots.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cstring>

using namespace mlir;

namespace quern {

namespace {
class FloatDot : public LaneDot {
public:
  using LaneDot::LaneDot;
  StringRef form() const override { return "f32x4"; }
  int64_t depth() const override { return 1; }
  bool isFloat() const override { return true; }
  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {b.splat(b.loadRaw(left.memref, offset, 1, 1), 4)};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {asWeights(b, b.loadRaw(packed, offset, registerBytes, registerBytes))};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    return math::FmaOp::create(b, left.front(), right.front(), accumulator);
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t) const override {
    return {b.real(floats(b), 1.0f)};
  }
  void packElement(char *step, int64_t lane, int64_t, const char *element) const override {
    std::memcpy(step + lane * 4, element, 4);
  }

protected:
  double latency() const override { return 4; }
  Value asWeights(KernelBuilder &b, Value bytes) const override {
    return b.bitcast(bytes, floats(b));
  }
  Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t first,
                  int64_t size) const override {
    auto lanes = static_cast<int64_t>(llvm::PowerOf2Ceil(size));
    Value raw = b.loadRaw(steps.left.memref, pixelOffset(b, steps, pixel, first), lanes, lanes);
    if (size == 1)
      return b.splat(raw, 4);
    return lanes == 4 ? raw : widen(b, raw);
  }
  Value product(KernelBuilder &b, Value accumulator, Value weights, Value pixel,
                int64_t lane) const override {
    Value spread = b.shuffle(pixel, pixel, SmallVector<int64_t>(4, lane));
    return math::FmaOp::create(b, weights, spread, accumulator);
  }

private:
  static VectorType floats(KernelBuilder &b) { return VectorType::get({4}, b.getF32Type()); }
};
} // namespace

std::unique_ptr<DotKernel> makeArmFloatDot(const ArmCpu &cpu) {
  return std::make_unique<FloatDot>(cpu);
}

} // namespace quern
