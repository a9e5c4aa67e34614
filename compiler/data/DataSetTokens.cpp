// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"
#include "compiler/data/SampleValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::Error;
using llvm::StringRef;

/// The part of a data set that deals with token ids: windows, and what should follow them.
namespace quern::data {

Error DataSet::openTokens(Input &input) {
  mlir::Type element = input.slot.type.getElementType();
  if (input.sampleDims.size() != 1 || !llvm::isa<mlir::IntegerType>(element))
    return makeError(input.source.line, "input '" + input.slot.name +
                                            "': tokens fill integer inputs [batch, length] only");
  auto file = TokenFile::open(description.resolve(input.source.path), input.source.member,
                              input.sampleDims[0], input.source.stride);
  if (!file)
    return makeError(input.source.line, llvm::toString(file.takeError()));
  input.tokens = std::move(*file);
  return Error::success();
}

Error DataSet::openTargets() {
  if (!description.targets)
    return Error::success();
  const TargetSource &source = *description.targets;
  if (!source.next.empty()) {
    auto found =
        llvm::find_if(inputs, [&](const Input &input) { return input.source.name == source.next; });
    if (found == inputs.end() || !found->tokens)
      return makeError(source.line, "'targets': expected the name of an input of tokens, found '" +
                                        source.next + "'");
    targetInput = found - inputs.begin();
    return Error::success();
  }
  auto tokens = llvm::find_if(inputs, [](const Input &input) { return input.tokens.has_value(); });
  if (tokens == inputs.end())
    return makeError(source.line, "'targets' need an input of tokens");
  targetInput = tokens - inputs.begin();
  auto file = TokenFile::open(description.resolve(source.path), source.member,
                              tokens->sampleDims[0], tokens->source.stride);
  if (!file)
    return makeError(source.line, llvm::toString(file.takeError()));
  if (file->size() != tokens->tokens->size())
    return makeError(source.line, "'" + source.path + "': expected " +
                                      llvm::Twine(tokens->tokens->size()) + " samples, found " +
                                      llvm::Twine(file->size()));
  targetFile = std::move(*file);
  return Error::success();
}

Error DataSet::checkToken(size_t index, StringRef what, size_t position, int64_t token,
                          int64_t vocabulary) const {
  if (token >= 0 && (!vocabulary || token < vocabulary))
    return Error::success();
  std::string high = vocabulary ? std::to_string(vocabulary - 1) : "";
  return llvm::createStringError(getPlace(index) + ": " + what + ", token " +
                                 llvm::Twine(position) + ": expected an id from 0" +
                                 (vocabulary ? " to " + high : std::string()) + ", found " +
                                 llvm::Twine(token));
}

/// An id past the vocabulary would read past a table of embeddings: all are looked at beforehand.
Error DataSet::checkTokens() {
  for (size_t index = 0; index < rows.size(); ++index) {
    for (const Input &input : inputs) {
      if (!input.tokens)
        continue;
      for (auto [position, token] : llvm::enumerate(input.tokens->read(rows[index])))
        if (Error error = checkToken(index, "input '" + input.slot.name + "'", position, token,
                                     input.source.vocabulary))
          return error;
    }
    if (!targetFile)
      continue;
    for (auto [position, token] : llvm::enumerate(targetFile->read(rows[index])))
      if (token != description.targets->ignore)
        if (Error error = checkToken(index, "targets", position, token,
                                     inputs[targetInput].source.vocabulary))
          return error;
  }
  return Error::success();
}

Error DataSet::readTokenInput(const Input &input, size_t index, char *buffer) const {
  std::vector<int64_t> tokens = input.tokens->read(rows[index]);
  return convertElements(ArrayType::S64, reinterpret_cast<const char *>(tokens.data()),
                         input.slot.type.getElementType(), buffer, tokens.size());
}

std::vector<int64_t> DataSet::getTargets(size_t index) const {
  const TokenFile &tokens = *inputs[targetInput].tokens;
  std::vector<int64_t> targets = (targetFile ? *targetFile : tokens).read(rows[index]);
  if (!targetFile) {
    // The last token of a row has none that follows.
    auto last = tokens.readNext(rows[index]);
    targets.erase(targets.begin());
    targets.push_back(last ? *last : -1);
  }
  if (description.targets->ignore)
    llvm::replace(targets, *description.targets->ignore, int64_t{-1});
  return targets;
}

} // namespace quern::data
