// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmDot.h"
#include "compiler/target/Arm/ArmDots.h"

using namespace mlir;

namespace quern {

namespace {
class Sdot : public LaneDot {
public:
  using LaneDot::LaneDot;
  StringRef form() const override { return "sdot"; }
  int64_t depth() const override { return 4; }
  SmallVector<Value> loadLeft(KernelBuilder &b, const Buffer &left, Value offset) const override {
    return {loadSpreadWord(b, left.memref, offset)};
  }
  SmallVector<Value> loadRight(KernelBuilder &b, Value packed, Value offset) const override {
    return {b.loadRaw(packed, offset, registerBytes, registerBytes)};
  }
  Value multiplyAdd(KernelBuilder &b, Value accumulator, ValueRange left,
                    ValueRange right) const override {
    // The back end folds a lane only into the last operand.
    return b.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", accumulator.getType(),
                       {accumulator, right.front(), left.front()});
  }
  SmallVector<Value> ones(KernelBuilder &b, int64_t terms) const override {
    return {byteOnes(b, terms)};
  }
  void packElement(char *step, int64_t lane, int64_t term, const char *element) const override {
    step[lane * 4 + term] = *element;
  }

protected:
  double latency() const override { return 2; }
  Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel, int64_t first,
                  int64_t size) const override {
    return loadCodes(b, steps, pixelOffset(b, steps, pixel, first), size);
  }
  Value product(KernelBuilder &b, Value accumulator, Value weights, Value pixel,
                int64_t lane) const override {
    return multiplyAdd(b, accumulator, spreadWord(b, pixel, lane), weights);
  }
};
} // namespace

std::unique_ptr<DotKernel> makeSdot(const ArmCpu &cpu) { return std::make_unique<Sdot>(cpu); }

} // namespace quern
