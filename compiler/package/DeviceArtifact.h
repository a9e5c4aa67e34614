// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_DEVICEARTIFACT_H
#define QUERN_COMPILER_PACKAGE_DEVICEARTIFACT_H

#include "compiler/package/Program.h"
#include "compiler/target/LLVM/DeviceCode.h"

#include "llvm/Support/Error.h"

namespace quern::artifact {

/// The model for a GPU: assembly of its kernels, and the plan that launches them.
struct DeviceVariant {
  DeviceCode code;
  Program program;
  TargetInfo target;
};

/// Writes an executable for x86-64 Linux that runs the model on an NVIDIA GPU through its driver,
/// which it loads when it starts. The launches are a table (runtime/src/device.h); the assembly is
/// text in the executable, which the driver compiles.
llvm::Error writeDeviceArtifact(const DeviceVariant &variant, const Provenance &provenance,
                                llvm::StringRef path);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_DEVICEARTIFACT_H
