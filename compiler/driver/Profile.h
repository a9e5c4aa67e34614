// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_PROFILE_H
#define QUERN_COMPILER_DRIVER_PROFILE_H

#include "compiler/driver/Options.h"

namespace quern::driver {

/// Runs an executable artifact with `arguments` (`--profile` among them) and prints a line for each
/// dispatch: time, multiply-accumulates, bytes, and the share of the machine's bound (the longer of
/// computing and of reading and writing, at rates measured before and after). Names and counts come
/// from the artifact's record. With `options.trace` the trace gets the names, too. Returns the exit
/// status.
int profileArtifact(const std::string &program, std::vector<std::string> arguments,
                    const RunOptions &options);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_PROFILE_H
