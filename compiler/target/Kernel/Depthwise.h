// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_DEPTHWISE_H
#define QUERN_COMPILER_TARGET_KERNEL_DEPTHWISE_H

#include "compiler/target/Kernel/DispatchView.h"

namespace quern {

struct EmitContext;

/// Packed forms of the shared emitter: [tap][channel], the second one of weights that
/// `CpuIsa::multiplyAddBytes` may take in pairs.
inline constexpr llvm::StringLiteral depthwiseForm = "depthwise",
                                     depthwisePairsForm = "depthwise-pairs";

/// One instruction set's own way to do depthwise convolutions, for those that it can. Its packed
/// weights are its form, by which dispatches are told apart.
class DepthwiseKernel {
public:
  virtual ~DepthwiseKernel() = default;
  /// How the names of its packed forms begin.
  virtual llvm::StringRef form() const = 0;
  /// The packed form of the weights, or null when this convolution is left to the shared emitter.
  virtual qir::PackedAttr getPackedForm(qir::ConvOp conv) const = 0;
  /// Packs weights in OHWI order.
  virtual std::vector<char> pack(qir::ConvOp conv, llvm::ArrayRef<char> bytes) const = 0;
  virtual int64_t getUnits(qir::ConvOp conv) const = 0;
  /// Estimated cycles of one output, the epilogue left out.
  virtual double cyclesPerOutput(qir::ConvOp conv) const = 0;
  /// The convolutions that it takes, in words: "dilations of 1".
  virtual llvm::StringRef describe() const = 0;
  virtual mlir::LogicalResult emit(const EmitContext &context) const = 0;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_DEPTHWISE_H
