// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_NPY_H
#define QUERN_COMPILER_DRIVER_NPY_H

#include "runtime/package_generated.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <string>

namespace quern::driver {

/// What stands before the elements, row-major, in a .npy file of version 1.0. The types are those
/// that the runtime reads and writes (runtime/src/npy.c).
std::string makeNpyHeader(package::ElementType type, llvm::ArrayRef<int64_t> dims);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_NPY_H
