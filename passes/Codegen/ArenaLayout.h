// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Placing buffers with known life spans into one arena.

#ifndef QUERN_PASSES_CODEGEN_ARENALAYOUT_H
#define QUERN_PASSES_CODEGEN_ARENALAYOUT_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace quern {

/// A buffer that holds `bytes` from step `first` to step `last`, both included.
struct ArenaBuffer {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
};

/// Offsets of buffers, in their order, and the end of the last one in memory (0 without buffers).
struct ArenaLayout {
  std::vector<int64_t> offsets;
  int64_t end = 0;
};

/// Gives each buffer an offset (a multiple of `alignment`) such that buffers that live at the same
/// time do not overlap. Greedy: buffers are placed one by one into the smallest gap that holds
/// them; of several orders the one with the smallest end is taken. O(n^2 log n).
ArenaLayout layOutArena(llvm::ArrayRef<ArenaBuffer> buffers, int64_t alignment);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_ARENALAYOUT_H
