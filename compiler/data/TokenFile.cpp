// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/TokenFile.h"

#include "compiler/data/SampleValues.h"

using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

/// Kinds of numbers that ids may be.
static bool isWhole(ArrayType type) {
  return type != ArrayType::F16 && type != ArrayType::F32 && type != ArrayType::F64 &&
         type != ArrayType::Bool;
}

Expected<TokenFile> TokenFile::open(StringRef path, StringRef member, int64_t length,
                                    int64_t stride) {
  auto array = ArrayFile::open(path, member);
  if (!array)
    return array.takeError();
  if (!isWhole(array->getType()))
    return llvm::createStringError("'" + path + "': expected token ids, which are whole numbers");
  TokenFile file(std::move(*array));
  llvm::ArrayRef<int64_t> dims = file.array.getDims();
  file.isText = dims.size() == 1;
  file.length = length;
  file.stride = stride ? stride : length;
  if (file.isText) {
    file.samples = dims[0] < length ? 0 : 1 + (dims[0] - length) / file.stride;
    return std::move(file);
  }
  if (dims.size() != 2 || dims[1] != length)
    return llvm::createStringError("'" + path + "': expected rows of " + llvm::Twine(length) +
                                   " tokens, or one text of one dimension");
  if (stride)
    return llvm::createStringError("'" + path +
                                   "': 'stride' cuts a text of one dimension, found rows");
  file.samples = dims[0];
  return std::move(file);
}

int64_t TokenFile::readAt(size_t token) const {
  return loadInteger(array.getType(),
                     array.getBytes().data() + token * data::getBytes(array.getType()));
}

std::vector<int64_t> TokenFile::read(size_t sample) const {
  std::vector<int64_t> tokens(length);
  size_t first = sample * (isText ? stride : length);
  for (size_t i = 0; i < length; ++i)
    tokens[i] = readAt(first + i);
  return tokens;
}

std::optional<int64_t> TokenFile::readNext(size_t sample) const {
  size_t next = sample * stride + length;
  if (!isText || next >= static_cast<size_t>(array.getDims()[0]))
    return std::nullopt;
  return readAt(next);
}

} // namespace quern::data
