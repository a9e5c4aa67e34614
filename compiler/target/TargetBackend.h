// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_TARGETBACKEND_H
#define QUERN_COMPILER_TARGET_TARGETBACKEND_H

#include "passes/Interfaces/TargetModel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace quern {

/// What the LLVM back end is told about the machine.
struct TargetInfo {
  std::string triple;               ///< for example x86_64-unknown-linux-gnu
  std::string cpu;                  ///< LLVM's name of the processor
  std::string tune;                 ///< whose timing code is scheduled for; empty: `cpu`
  std::string features;             ///< LLVM's feature string, "+avx512vnni,…"
  uint64_t requiredCpuFeatures = 0; ///< bits of runtime/include/quern/cpu.h
};

/// A target: its model for the passes, its kernel emitters and its back end's options.
class TargetBackend : public TargetModel {
public:
  virtual TargetInfo getTargetInfo() const = 0;
  virtual llvm::StringRef getDescription() const = 0;

  /// The processors that may follow the target's name, as `arm-dotprod:cortex-a76`; none if tiles
  /// and schedules depend on no processor.
  virtual llvm::SmallVector<llvm::StringRef> getProcessors() const { return {}; }
  /// The same target for one of its processors. It lives as long as the process.
  virtual const TargetBackend *forProcessor(llvm::StringRef) const { return nullptr; }

  /// Writes one kernel function for each different dispatch of @main into the module and names it
  /// in the dispatch's `kernel` attribute (a flat symbol reference). Reports what no emitter
  /// can do at the dispatch's location.
  virtual mlir::LogicalResult emitKernels(mlir::ModuleOp module) const = 0;
};

/// The target of that name ("native" is the best one that runs on this machine), a processor's name
/// behind a colon; or null, and in `why`, if given, what was expected.
const TargetBackend *lookupTargetBackend(llvm::StringRef name, std::string *why = nullptr);

/// The targets of a list with commas between them, the most demanding first: what one artifact can
/// hold. Empty if one is unknown or named twice, or if they are of several architectures.
std::vector<const TargetBackend *> lookupTargetBackends(llvm::StringRef names,
                                                        std::string *why = nullptr);

/// All targets, in the order in which they are listed to the user.
llvm::ArrayRef<const TargetBackend *> getTargetBackends();

} // namespace quern

#endif // QUERN_COMPILER_TARGET_TARGETBACKEND_H
