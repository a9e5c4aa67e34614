// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_NPY_H
#define QUERN_COMPILER_DATA_NPY_H

#include "dialects/Quern/ContentStore.h"

#include <memory>
#include <string>
#include <vector>

namespace quern::data {

/// Element types of NumPy arrays that are read and written. The last two are elements of 1 or 2
/// bytes that NumPy has no numbers for: FP8, bfloat16.
enum class ArrayType { F32, F64, F16, U8, S8, U16, S16, U32, S32, U64, S64, Bool, Raw1, Raw2 };
unsigned getBytes(ArrayType type);

/// What stands before the elements, row-major, in a .npy file of version 1.0.
std::string makeNpyHeader(ArrayType type, llvm::ArrayRef<int64_t> dims);

/// A NumPy array in a file: a `.npy` file or a member of an `.npz` archive. Uncompressed ones are
/// mapped; a compressed member is inflated into memory.
class ArrayFile {
public:
  /// `member` names an array of an `.npz` (without its `.npy`); it is empty for a `.npy`, and may
  /// be for an archive of one array. Row-major arrays in little endian only. Errors name the file.
  static llvm::Expected<ArrayFile> open(llvm::StringRef path, llvm::StringRef member);

  ArrayType getType() const { return type; }
  llvm::ArrayRef<int64_t> getDims() const { return dims; }
  llvm::ArrayRef<char> getBytes() const { return bytes; }

private:
  llvm::Error readHeader(llvm::ArrayRef<char> content);

  ArrayType type = ArrayType::F32;
  std::vector<int64_t> dims;
  llvm::ArrayRef<char> bytes; ///< of `file` or `inflated`
  std::shared_ptr<MappedFile> file;
  std::shared_ptr<std::vector<char>> inflated;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_NPY_H
