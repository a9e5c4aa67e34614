// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_VERIFYREPORT_H
#define QUERN_COMPILER_DRIVER_VERIFYREPORT_H

#include "compiler/driver/Options.h"
#include "passes/Verify/CompareForms.h"
#include "passes/Verify/CompareTargets.h"

namespace quern::driver {

/// Where one target's program differs from portable's.
struct TargetReport {
  std::string target;
  std::vector<TargetEdgeReport> edges;
};

/// Print what `quern verify` found to standard output, as a table or as JSON, and what breaks the
/// bounds that the user set, or that targets always keep, to standard error. The result is whether
/// they hold.
bool showForms(const FormReport &report, const VerifyOptions &options);
bool showTargets(llvm::ArrayRef<TargetReport> reports, const VerifyOptions &options);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_VERIFYREPORT_H
