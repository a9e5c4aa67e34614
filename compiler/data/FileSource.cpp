// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/FileSource.h"

#include "compiler/data/SampleValues.h"

#include "llvm/ADT/STLExtras.h"

#include <optional>

using llvm::Error;
using llvm::Expected;

namespace quern::data {

/// The file that is given for an input.
static std::optional<std::string> findFile(llvm::ArrayRef<std::string> files,
                                           llvm::StringRef input) {
  for (llvm::StringRef file : files)
    if (file.consume_front(input) && file.consume_front("="))
      return file.str();
  return std::nullopt;
}

static Expected<std::vector<char>> readInput(const std::string &path, const TensorSlot &slot) {
  auto array = ArrayFile::open(path, "");
  if (!array)
    return array.takeError();
  if (array->getDims() != slot.type.getShape())
    return llvm::createStringError("'" + path + "': expected the shape " +
                                   describeDims(slot.type.getShape()) + " of the input '" +
                                   slot.name + "', found " + describeDims(array->getDims()));
  std::vector<char> values(slot.getBytes());
  if (Error error =
          convertElements(array->getType(), array->getBytes().data(), slot.type.getElementType(),
                          values.data(), slot.type.getNumElements()))
    return llvm::createStringError("'" + path + "': input '" + slot.name +
                                   "': " + llvm::toString(std::move(error)));
  return values;
}

Expected<std::unique_ptr<FileSource>> FileSource::open(llvm::ArrayRef<std::string> files,
                                                       llvm::ArrayRef<TensorSlot> inputs) {
  auto source = std::make_unique<FileSource>();
  for (const TensorSlot &slot : inputs) {
    auto path = findFile(files, slot.name);
    if (!path)
      return llvm::createStringError("the input '" + slot.name +
                                     "' has no --input=NAME=FILE, expected one for each");
    auto values = readInput(*path, slot);
    if (!values)
      return values.takeError();
    source->values.push_back(std::move(*values));
    source->batch = slot.type.getRank() ? slot.type.getDimSize(0) : 1;
  }
  if (files.size() != inputs.size())
    return llvm::createStringError("the model has " + llvm::Twine(inputs.size()) +
                                   " inputs, found " + llvm::Twine(files.size()) + " --input");
  return source;
}

Error FileSource::read(size_t index, llvm::ArrayRef<char *> buffers) {
  for (auto [bytes, buffer] : llvm::zip_equal(values, buffers)) {
    size_t size = bytes.size() / batch;
    std::copy_n(bytes.data() + index * size, size, buffer);
  }
  return Error::success();
}

} // namespace quern::data
