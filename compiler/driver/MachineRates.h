// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_MACHINERATES_H
#define QUERN_COMPILER_DRIVER_MACHINERATES_H

#include <cstdint>
#include <string_view>

namespace quern::driver {

/// What this machine does at most, by measurement. 0 where it cannot be measured here (another
/// architecture, or a machine without the target's instructions): there is no bound then.
struct MachineRates {
  double codeMacs = 0;  ///< multiply-accumulates of 8-bit codes in a second
  double floatMacs = 0; ///< multiply-accumulates of f32 in a second
  double bytes = 0;     ///< bytes read in a second, from a buffer of the size asked for

  /// The faster of both in each respect: what was measured beside other work is no limit.
  MachineRates best(const MachineRates &other) const;
  /// The least time in seconds for so much work: the longer of computing and of reading and
  /// writing. 0 where the rate that counts is unknown.
  double bound(double macs, bool isFloat, double bytesMoved) const;
};

/// Measures for about 50 ms with so many threads at once. `target` names the instructions that
/// count: VPDPBUSD and FMA of 512 bits for x86-vnni, VPMADDWD with VPADDD and FMA of 256 bits for
/// x86-avx2. `workingSet` is in bytes; it is read again and again, by each thread its part.
MachineRates measureRates(std::string_view target, unsigned threads, uint64_t workingSet);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_MACHINERATES_H
