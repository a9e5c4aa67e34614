// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Board.h"
#include "compiler/driver/Commands.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace quern::driver {

int runListBoards() {
  for (const std::string &name : getBoardNames()) {
    auto board = findBoard(name);
    if (!board) {
      llvm::errs() << "error: " << llvm::toString(board.takeError()) << '\n';
      return ExitFailed;
    }
    llvm::outs() << llvm::formatv("{0,-16} {1}: {2} cores at {3:F1} GHz, {4:F1} GB/s, {5}\n", name,
                                  board->title, board->cores, board->clock / 1e9,
                                  board->bandwidth / 1e9, board->target);
  }
  return ExitDone;
}

} // namespace quern::driver
