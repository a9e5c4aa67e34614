// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

//
/// \file What the inner products of AArch64 share: four channels in a register of 16 bytes, steps
/// in groups that fill one of a pixel's registers, tiles that leave registers for operands.

#ifndef QUERN_COMPILER_TARGET_ARM_ARMDOT_H
#define QUERN_COMPILER_TARGET_ARM_ARMDOT_H

#include "compiler/target/Arm/ArmCpus.h"
#include "compiler/target/Kernel/Contraction.h"

namespace quern {

/// Bytes of a vector register, and of what one lane of a product by lane reads.
inline constexpr int64_t registerBytes = 16, wordBytes = 4;

/// A register as bytes, and as words of 32 bits.
mlir::VectorType bytesType(KernelBuilder &b);
mlir::VectorType wordsType(KernelBuilder &b);
/// Half a register as the low half of one; the rest is unspecified.
mlir::Value widen(KernelBuilder &b, mlir::Value half);
/// Nothing; but loads that follow are not moved before it. The scheduler would bring the weights of
/// a whole group into registers that are not there.
void holdLoads(KernelBuilder &b);
/// One word of a register in all lanes.
mlir::Value spreadWord(KernelBuilder &b, mlir::Value bytes, int64_t lane);
/// One word of memory in all lanes.
mlir::Value loadSpreadWord(KernelBuilder &b, mlir::Value memref, mlir::Value offset);
/// `words` words of a pixel's codes from `offset` on, in the lowest lanes.
mlir::Value loadCodes(KernelBuilder &b, const TileSteps &steps, mlir::Value offset, int64_t words);
/// Ones in the first `terms` bytes of each word, zeros behind.
mlir::Value byteOnes(KernelBuilder &b, int64_t terms);
/// Whether the steps' left operand lies where a register may be read past its end: in the arena,
/// as all tensors with a halo.
bool mayReadPast(const TileSteps &steps);

class ArmDot : public DotKernel, public TileKernel {
public:
  explicit ArmDot(const ArmCpu &cpu) : cpu(cpu) {}
  int64_t lanes() const override { return 4; }
  int64_t accumulators() const override { return 24; }
  bool isFloat() const override { return false; }
  const TileKernel *tiles() const override { return this; }

  llvm::SmallVector<mlir::Value> begin(KernelBuilder &, mlir::ValueRange accumulators, int64_t,
                                       int64_t, bool) const override {
    return accumulators;
  }
  llvm::SmallVector<mlir::Value> end(KernelBuilder &, mlir::ValueRange registers, int64_t, int64_t,
                                     bool) const override {
    return registers;
  }
  llvm::SmallVector<mlir::Value> multiply(KernelBuilder &b, const TileSteps &steps,
                                          mlir::ValueRange registers) const override;

protected:
  /// Steps that one register of a pixel's terms is good for.
  virtual int64_t groupSteps() const = 0;
  virtual void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                             llvm::MutableArrayRef<mlir::Value> registers) const = 0;

  mlir::Value loadWeights(KernelBuilder &b, const TileSteps &steps, int64_t step, int64_t vector,
                          int64_t part = 0) const;
  mlir::Value pixelOffset(KernelBuilder &b, const TileSteps &steps, int64_t pixel,
                          int64_t step) const {
    return b.add(steps.leftOffset, pixel * steps.pixelStep + step * depth());
  }
  /// Terms of this step that exist.
  int64_t termsOf(const TileSteps &steps, int64_t step) const {
    return step + 1 == steps.count ? steps.lastTerms : depth();
  }
  /// Registers for weights and results on their way: an in-order core wants its loads early.
  int64_t registersLeft(int64_t spare) const { return 32 - spare - (cpu.inOrder ? 2 : 0); }
  /// Cycles of a step with so many products and loads, whose chains take `latency`.
  double cyclesOf(double products, double loads, double latency) const;

  const ArmCpu &cpu;
};

/// Products by lane: `acc += weights * pixel[lane]`. A register of a pixel holds the terms of four
/// steps.
class LaneDot : public ArmDot {
public:
  using ArmDot::ArmDot;
  int64_t stepBytes() const override { return registerBytes; }
  int64_t unroll() const override { return 4; }
  int64_t mostVectors(int64_t columns) const override { return columns < 3 ? 8 : 5; }
  int64_t mostRows(int64_t vectors, int64_t sums) const override {
    return std::max<int64_t>(1, registersLeft(2) / (vectors + 1 + sums));
  }
  double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const override {
    return cyclesOf(static_cast<double>(rows * (vectors + sums)),
                    static_cast<double>(rows) / 4 + static_cast<double>(vectors), latency());
  }

protected:
  int64_t groupSteps() const override { return 4; }
  virtual double latency() const = 0;
  /// Words of a pixel from a step on, as many as there are steps.
  virtual mlir::Value loadPixel(KernelBuilder &b, const TileSteps &steps, int64_t pixel,
                                int64_t first, int64_t size) const = 0;
  virtual mlir::Value asWeights(KernelBuilder &, mlir::Value bytes) const { return bytes; }
  /// acc + weights * pixel's word `lane`.
  virtual mlir::Value product(KernelBuilder &b, mlir::Value accumulator, mlir::Value weights,
                              mlir::Value pixel, int64_t lane) const = 0;

  void multiplyGroup(KernelBuilder &b, const TileSteps &steps, int64_t first, int64_t size,
                     llvm::MutableArrayRef<mlir::Value> registers) const override;

private:
  /// All pixels times the weights of one vector and step, the `index`-th of the group.
  void multiplyVector(KernelBuilder &b, const TileSteps &steps, llvm::ArrayRef<mlir::Value> pixels,
                      mlir::Value weights, int64_t index,
                      llvm::MutableArrayRef<mlir::Value> registers) const;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_ARM_ARMDOT_H
