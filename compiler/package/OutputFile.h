// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_OUTPUTFILE_H
#define QUERN_COMPILER_PACKAGE_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace quern::artifact {

/// Lets `write` write a file under a temporary name beside `path`, then gives it that name;
/// `executable` sets the permission to run it. A failure leaves nothing behind, and whatever was at
/// `path` before.
llvm::Error commitFile(llvm::StringRef path, bool executable,
                       llvm::function_ref<llvm::Error(llvm::StringRef)> write);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_OUTPUTFILE_H
