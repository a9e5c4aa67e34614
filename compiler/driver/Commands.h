// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_COMMANDS_H
#define QUERN_COMPILER_DRIVER_COMMANDS_H

#include "compiler/driver/Options.h"

namespace quern::driver {

/// Each runs one command, prints what is wrong to standard error and returns the exit status.
int runCompile(const CompileOptions &options);
int runRun(const RunOptions &options);
int runBench(const RunOptions &options);
int runInspect(const InspectOptions &options);
int runQuantize(const CompileOptions &options);
int runEval(const EvalOptions &options);
int runVerify(const VerifyOptions &options);
int runListTargets();
int runListBoards();

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_COMMANDS_H
