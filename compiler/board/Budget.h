// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_BOARD_BUDGET_H
#define QUERN_COMPILER_BOARD_BUDGET_H

#include "compiler/board/Board.h"
#include "compiler/package/Artifact.h"

#include <optional>

namespace quern {

/// What an artifact may take at most; empty: anything.
struct Budget {
  std::optional<uint64_t> size;  ///< bytes of the file
  std::optional<uint64_t> arena; ///< bytes
  std::optional<uint64_t> stack; ///< bytes of one call
  std::optional<double> latency; ///< seconds of one inference, estimated
};

/// A limit that an artifact breaks: what is expected and found, and what takes most of it.
struct BrokenLimit {
  std::string message;
  std::string largest; ///< a list for a note; empty: nothing stands out
};

/// Which limits do not hold, of the budget (`--max-…`) and of the board (its flash and memory),
/// which may be null. The arena and the latency are those of the most demanding variant.
std::vector<BrokenLimit> checkBudget(const Budget &budget, const Board *board,
                                     llvm::ArrayRef<artifact::Variant> variants,
                                     const artifact::Figures &figures);

} // namespace quern

#endif // QUERN_COMPILER_BOARD_BUDGET_H
