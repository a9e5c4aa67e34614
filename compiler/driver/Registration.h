// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_REGISTRATION_H
#define QUERN_COMPILER_DRIVER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace quern {

/// Every dialect that a stage of the compiler may contain.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Every pass of Quern, and those of MLIR that are used with them, under their names.
void registerAllPasses();

} // namespace quern

#endif // QUERN_COMPILER_DRIVER_REGISTRATION_H
