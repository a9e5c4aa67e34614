// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_PRECISIONOPTIONS_H
#define QUERN_COMPILER_DRIVER_PRECISIONOPTIONS_H

#include "compiler/driver/Options.h"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace quern::driver {

/// Flags for what quantizing may cost; they need the option `data`.
void addBudgetFlags(CLI::App &app, QuantizeOptions &options, CLI::Option *data);
/// What is wrong with these flags together; empty: nothing.
std::string checkBudgets(const QuantizeOptions &quantize);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_PRECISIONOPTIONS_H
