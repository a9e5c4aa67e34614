// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_PROGRESSLINE_H
#define QUERN_COMPILER_DRIVER_PROGRESSLINE_H

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <cstddef>

namespace quern::driver {

/// A line on the terminal that says how far a long step is, once it has taken a second; it is wiped
/// when the step is done. Nothing where standard error is no terminal.
class ProgressLine {
public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;
  void show(llvm::StringRef step, size_t done, size_t total);
  /// Wipes the line, for what is printed next.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  bool terminal, shown = false;
  Clock::time_point start, last;
};

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_PROGRESSLINE_H
