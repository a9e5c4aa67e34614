// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_CPUBACKEND_H
#define QUERN_COMPILER_TARGET_KERNEL_CPUBACKEND_H

#include "compiler/target/Kernel/Contraction.h"
#include "compiler/target/Kernel/Depthwise.h"
#include "compiler/target/TargetBackend.h"

namespace quern {

/// What a CPU target adds to the shared emitters: the width of its vectors, its inner products and
/// its way to narrow and store.
class CpuIsa {
public:
  virtual ~CpuIsa() = default;
  /// Lanes of f32/i32 in a register; 1 for scalar code.
  virtual int64_t lanes() const = 0;
  virtual const StoreEmitter &stores() const = 0;
  /// Called for each kernel before anything is written.
  virtual void prepare(KernelBuilder &) const {}
  /// Inner products, or null where contractions are plain loops.
  virtual const DotKernel *integerDot() const { return nullptr; }
  /// Of codes with weights of 2, 3 or 4 signed bits, which are unpacked in registers; null: such
  /// weights are packed a byte each.
  virtual const DotKernel *lowBitDot(unsigned /*bits*/) const { return nullptr; }
  /// Of si8 codes with unsigned weights that have scales by blocks (`quern.matmul`); null: plain
  /// loops.
  virtual const DotKernel *blockDot(unsigned /*bits*/) const { return nullptr; }
  /// Of f32 activations; `weights` is f32, f16, bf16, or an integer of at most 8 bits whose codes
  /// are widened (the emitter scales them).
  virtual const DotKernel *floatDot(mlir::Type /*weights*/) const { return nullptr; }
  /// The target's own depthwise convolution, or null.
  virtual const DepthwiseKernel *depthwise() const { return nullptr; }
  /// Lanes of a vector, and vectors of one pass over the pixels, in the shared emitter of depthwise
  /// convolutions: the weights of all taps stay in registers.
  struct DepthwiseGroup {
    int64_t lanes, vectors;
  };
  virtual DepthwiseGroup depthwiseGroup(bool isFloat, int64_t taps) const;
  /// Codes that are looked up at once in a table of 256 bytes; 0: one after the other, in memory.
  virtual int64_t tableLanes() const { return 0; }
  /// The table's registers, and the entries of `tableLanes` codes; signed codes count from -128.
  virtual llvm::SmallVector<mlir::Value> loadTable(KernelBuilder &b, mlir::Value table) const;
  virtual mlir::Value lookUp(KernelBuilder &b, mlir::ValueRange table, mlir::Value codes,
                             bool isSigned) const;
  /// Whether a look-up leaves room for a tile's accumulators, so that contractions' epilogues do
  /// it.
  virtual bool looksUpInEpilogues() const { return false; }
  /// accumulator + x * w on i32 lanes whose values fit 16 bits (x in [-128, 32767]).
  virtual mlir::Value multiplyAddWords(KernelBuilder &b, mlir::Value accumulator, mlir::Value x,
                                       mlir::Value w) const;
  /// Whether there is `multiplyAddBytes`, by which depthwise convolutions of si8 by si8 take the
  /// window's taps two by two.
  virtual bool multipliesBytes() const { return false; }
  /// accumulator, i32 lanes, plus the products of one or two vectors of signed bytes with as many
  /// others; in each lane the products' sum fits 16 bits.
  virtual mlir::Value multiplyAddBytes(KernelBuilder &b, mlir::Value accumulator,
                                       mlir::ValueRange x, mlir::ValueRange w) const;
  /// accumulator, i32 lanes, plus codes as they lie in memory, `bytesPerSum` bytes to a call: each
  /// lane takes a share of them, in any order. 0: the target has no such instruction.
  virtual int64_t bytesPerSum() const { return 0; }
  virtual mlir::Value sumBytes(KernelBuilder &b, mlir::Value accumulator, mlir::Value bytes,
                               bool isSigned) const;
};

/// One kernel's emission: where to write, what to compute, for which machine.
struct EmitContext {
  KernelBuilder &b;
  const DispatchView &view;
  const CpuIsa &isa;
};

/// The emitters, one per kind of anchor; each documents its units. `getXUnits` tells how many units
/// a dispatch of that kind has.
mlir::LogicalResult emitMap(const EmitContext &context);
/// Tiles in registers over packed weights; units as `getContractionUnits` says.
mlir::LogicalResult emitContraction(const EmitContext &context, const ContractionShape &shape,
                                    const ContractionTile &tile, const DotKernel &dot);
int64_t getMapUnits(const DispatchView &view, const CpuIsa &isa);
mlir::LogicalResult emitDepthwise(const EmitContext &context);
mlir::LogicalResult emitPlainContraction(const EmitContext &context);
mlir::LogicalResult emitPool(const EmitContext &context);
mlir::LogicalResult emitRowKernel(const EmitContext &context); ///< softmax, layer_norm
int64_t getRowKernelUnits(const DispatchView &view);
mlir::LogicalResult emitReduce(const EmitContext &context);
int64_t getReduceUnits(const DispatchView &view);
mlir::LogicalResult emitTable(const EmitContext &context);
int64_t getTableUnits(const DispatchView &view);
mlir::LogicalResult emitConcat(const EmitContext &context);
int64_t getConcatUnits(const DispatchView &view);
mlir::LogicalResult emitPad(const EmitContext &context);
mlir::LogicalResult emitGather(const EmitContext &context);
mlir::LogicalResult emitRelayout(const EmitContext &context);
int64_t getRelayoutUnits(const DispatchView &view, const CpuIsa &isa);
/// Fills the halo of padded results with the dispatch's `fill`, for rows [begin, end) of units that
/// are the N*H rows of the result.
void emitHalo(const EmitContext &context, const Buffer &result, mlir::Value row);

/// A CPU target: model, emitters and options in terms of its `CpuIsa`.
class CpuBackend : public TargetBackend {
public:
  explicit CpuBackend(const CpuIsa &isa) : isa(isa) {}
  bool takesFollower(mlir::Operation *contraction, mlir::Operation *follower) const override;
  qir::PackedAttr getPackedForm(mlir::Operation *anchor) const override;
  qir::PackedAttr getBlockForm(qir::MatMulOp matmul, mlir::Value parameter) const override;
  std::vector<char> pack(mlir::Operation *anchor, qir::PackedAttr form,
                         llvm::ArrayRef<char> bytes) const override;
  mlir::DictionaryAttr chooseTile(qir::DispatchOp dispatch) const override;
  int64_t getUnits(qir::DispatchOp dispatch) const override;
  TargetRates getRates() const override;
  double estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const override;
  std::string explainProducts(qir::DispatchOp dispatch) const override;
  mlir::LogicalResult emitKernels(mlir::ModuleOp module) const override;

private:
  /// The inner product for a contraction that is tiled, or null (depthwise, scalar targets).
  const DotKernel *dotFor(mlir::Operation *anchor) const;
  const DotKernel *integerDotFor(mlir::Operation *anchor) const;
  /// The target's own depthwise kernel if the weights are packed for it, or null.
  const DepthwiseKernel *depthwiseFor(mlir::Operation *anchor) const;
  mlir::LogicalResult emitKernel(const EmitContext &context) const;
  const CpuIsa &isa;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_CPUBACKEND_H
