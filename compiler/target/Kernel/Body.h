// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_BODY_H
#define QUERN_COMPILER_TARGET_KERNEL_BODY_H

#include "compiler/target/Kernel/Access.h"

namespace quern {

/// What a map's body yields for one group of lanes. When the last step is `quern.to_code` it is
/// left to the store, which may fuse rounding, saturation and narrowing: `value` is then the f32
/// operand.
struct Yielded {
  mlir::Value value;
  mutable qir::ToCodeOp code;   ///< null if `value` is final, in the compute type
  mlir::Value dynamicZeroPoint; ///< i32 lanes, of a `code` with a run-time zero point
};

/// Writes a map's body on `lanes` lanes; `arguments` are the inputs in their compute types.
llvm::SmallVector<Yielded> emitBody(KernelBuilder &b, mlir::Block &body, mlir::ValueRange arguments,
                                    int64_t lanes);

/// The final value of a yielded one, quern.to_code done step by step.
mlir::Value finish(KernelBuilder &b, const Yielded &yielded);

class CpuIsa;

/// A table of 256 bytes through which codes go on their way to memory.
struct StoredTable {
  const CpuIsa *isa;
  mlir::Value memref;
  bool isSigned; ///< the codes are: they count from -128
  /// The entries of codes as they would lie in memory, any number of them.
  mlir::Value lookUp(KernelBuilder &b, mlir::Value codes) const;
};

/// One group of lanes on its way to memory.
struct PendingStore {
  Yielded yielded;
  Buffer buffer;
  mlir::Value base; ///< with `delta`, the offset of the first lane
  int64_t delta;    ///< stores of one base and growing deltas may be joined
  int64_t valid;    ///< lanes that exist
  /// Then `buffer` has the codes' type, but holds what the table makes of them.
  const StoredTable *table = nullptr;
};

/// How a target brings groups of lanes to memory. Stores may come in any number; a target groups
/// those that it narrows together.
class StoreEmitter {
public:
  virtual ~StoreEmitter() = default;
  virtual void store(KernelBuilder &b, llvm::ArrayRef<PendingStore> stores) const;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_BODY_H
