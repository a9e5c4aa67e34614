// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_BENCHMARK_KERNELS_PEAK_H
#define QUERN_TEST_BENCHMARK_KERNELS_PEAK_H

#include "test/unit/target/KernelHarness.h"

#include <string>

namespace benchmark {
class State;
} // namespace benchmark

namespace quern::test {

/// Compiles a dispatch for a target and measures it again and again, all its units in one call. The
/// benchmark's time is the best call; what nearly all calls take needs a quiet machine. Counters:
/// `GMAC` a second, `peak` a second as measured in this process just before, `percent` of it. Where
/// QUERN_ASSEMBLY names a folder, the code is written there as `name`.s. Returns the seconds of the
/// best call, or 0 after an error.
double measureDispatch(benchmark::State &state, const TargetBackend &backend,
                       const std::string &text, const Settings &settings, double macs, bool isFloat,
                       const std::string &name);

} // namespace quern::test

#endif // QUERN_TEST_BENCHMARK_KERNELS_PEAK_H
