// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_BOARD_UNITS_H
#define QUERN_COMPILER_BOARD_UNITS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace quern {

/// Bytes as a person writes them: `4MB` (10^6), `512KiB` (2^10), `1.5GiB`, `4096` or `4096B`.
llvm::Expected<uint64_t> parseBytes(llvm::StringRef text);

/// Seconds as a person writes them, with a unit: `20ms`, `1.5s`, `800us`, `5ns`.
llvm::Expected<double> parseSeconds(llvm::StringRef text);

/// In the unit that gives three digits: `1.23 ms`.
std::string formatSeconds(double seconds);

} // namespace quern

#endif // QUERN_COMPILER_BOARD_UNITS_H
