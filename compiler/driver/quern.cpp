// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file The program `quern`.

#include "compiler/driver/Commands.h"

#include "llvm/Support/Signals.h"

int main(int argc, char **argv) {
  llvm::sys::SetOneShotPipeSignalFunction(llvm::sys::DefaultOneShotPipeSignalHandler);
  quern::driver::Parsed parsed = quern::driver::parseCommandLine(argc, argv);
  if (parsed.exitStatus)
    return *parsed.exitStatus;
  const quern::driver::Options &options = parsed.options;
  switch (options.command) {
  case quern::driver::Command::Compile:
    return quern::driver::runCompile(options.compile);
  case quern::driver::Command::Run:
    return quern::driver::runRun(options.run);
  case quern::driver::Command::Bench:
    return quern::driver::runBench(options.run);
  case quern::driver::Command::Inspect:
    return quern::driver::runInspect(options.inspect);
  case quern::driver::Command::Quantize:
    return quern::driver::runQuantize(options.compile);
  case quern::driver::Command::Eval:
    return quern::driver::runEval(options.eval);
  case quern::driver::Command::Verify:
    return quern::driver::runVerify(options.verify);
  case quern::driver::Command::ListTargets:
    return quern::driver::runListTargets();
  case quern::driver::Command::ListBoards:
    return quern::driver::runListBoards();
  }
  return quern::driver::ExitUsage;
}
