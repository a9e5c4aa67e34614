// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_TOKENFILE_H
#define QUERN_COMPILER_DATA_TOKENFILE_H

#include "compiler/data/Npy.h"

#include <optional>
#include <string>
#include <vector>

namespace quern::data {

/// Token ids in a NumPy array of whole numbers: a row for each sample, or one text [tokens] that is
/// cut into windows. Nothing of it is kept in memory but the mapping.
class TokenFile {
public:
  /// `length`: tokens of a sample. `stride`: from one window of a text to the next; 0: `length`.
  /// What is left of a text at its end is not used. Errors name the file.
  static llvm::Expected<TokenFile> open(llvm::StringRef path, llvm::StringRef member,
                                        int64_t length, int64_t stride);

  size_t size() const { return samples; }
  /// All of it, to be hashed.
  llvm::ArrayRef<char> getBytes() const { return array.getBytes(); }
  /// The tokens of a sample.
  std::vector<int64_t> read(size_t sample) const;
  /// The token after a sample, if the sample is a window of a text that goes on.
  std::optional<int64_t> readNext(size_t sample) const;

private:
  explicit TokenFile(ArrayFile array) : array(std::move(array)) {}
  int64_t readAt(size_t token) const;

  ArrayFile array;
  size_t samples = 0;
  size_t length = 0, stride = 0;
  bool isText = false;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_TOKENFILE_H
