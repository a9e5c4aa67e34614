// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_BOARD_BOARD_H
#define QUERN_COMPILER_BOARD_BOARD_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quern {

struct BoardCache {
  int64_t level = 1;
  uint64_t bytes = 0;
  int64_t sharedBy = 1; ///< cores
};

/// A machine that a model is compiled for, as its data sheets describe it (docs/edge.md has the
/// file's form).
struct Board {
  std::string name;   ///< as --board takes it
  std::string title;  ///< in words
  std::string target; ///< as --target takes it
  int64_t cores = 1;
  double clock = 0;               ///< Hz, of the cores that run the model
  std::vector<BoardCache> caches; ///< of data, by level
  double bandwidth = 0;           ///< bytes in a second at most, of the memory
  uint64_t memoryBytes = 0;       ///< 0: not said
  uint64_t flashBytes = 0;        ///< what an artifact may take of it; 0: not said
  std::vector<std::string> sources;

  /// Of the largest cache that a core has a part in; 0 if there is none.
  uint64_t getLastCacheBytes() const;
};

/// Reads a board's description. Errors are `FILE:LINE: …`; unknown members are errors, and so is a
/// target that does not exist.
llvm::Expected<Board> parseBoard(llvm::StringRef path, llvm::StringRef name, llvm::StringRef text);

/// The board of that name among those that the compiler brings along, or of the file `name` if it
/// is a path (with a '/' or ending in .json). The error lists the known names.
llvm::Expected<Board> findBoard(llvm::StringRef name);

/// The names of the boards that the compiler brings along, sorted.
std::vector<std::string> getBoardNames();

} // namespace quern

#endif // QUERN_COMPILER_BOARD_BOARD_H
