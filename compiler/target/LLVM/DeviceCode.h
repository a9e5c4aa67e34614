// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_LLVM_DEVICECODE_H
#define QUERN_COMPILER_TARGET_LLVM_DEVICECODE_H

#include "compiler/target/TargetBackend.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <string>

namespace quern {

/// How a GPU's kernel is launched.
struct DeviceLaunch {
  int64_t blocksX = 1, blocksY = 1, threads = 1;
};

/// All kernels of a program for a GPU.
struct DeviceCode {
  std::string assembly; ///< PTX
  llvm::StringMap<DeviceLaunch> kernels;
};

/// Whether the target's kernels run on a GPU, beside a host program.
bool isDevice(const TargetInfo &target);

/// Assembly for what `lowerKernelsToDialect` gave. Reports at the module what the back end refuses.
mlir::FailureOr<DeviceCode> generateDeviceCode(mlir::ModuleOp lowered, const TargetInfo &target);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_LLVM_DEVICECODE_H
