// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/ProgressLine.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

namespace quern::driver {

ProgressLine::ProgressLine() : terminal(isatty(STDERR_FILENO)), start(Clock::now()), last(start) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
  if (shown)
    llvm::errs() << "\r\033[K";
  shown = false;
}

void ProgressLine::show(llvm::StringRef step, size_t done, size_t total) {
  Clock::time_point now = Clock::now();
  if (!terminal || now - start < std::chrono::seconds(1) ||
      now - last < std::chrono::milliseconds(100))
    return;
  last = now;
  shown = true;
  llvm::errs() << llvm::formatv("\r\033[K{0}: {1} of {2}", step, done, total);
}

} // namespace quern::driver
