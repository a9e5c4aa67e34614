// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_JSONREADER_H
#define QUERN_COMPILER_DATA_JSONREADER_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace quern::data {

/// A file of JSON that a person wrote: each value knows its line, and what is wrong with it is an
/// error `FILE:LINE: …`.
class JsonFile {
public:
  static llvm::Expected<JsonFile> read(llvm::StringRef path);
  /// The same of a text, which errors call `path`.
  static llvm::Expected<JsonFile> parse(llvm::StringRef path, llvm::StringRef text);
  const llvm::json::Value &getRoot() const { return root; }
  /// The line of the value at `pointer` ("/inputs/x/mean", "/rows/remainders/1").
  unsigned getLine(llvm::StringRef pointer) const { return lines.lookup(pointer); }
  llvm::Error makeError(llvm::StringRef pointer, const llvm::Twine &message) const;

private:
  std::string path;
  llvm::json::Value root = nullptr;
  llvm::StringMap<unsigned> lines;
};

/// Takes the members of one JSON object; keeps the first error.
class ObjectReader {
public:
  ObjectReader(const JsonFile &file, std::string pointer, const llvm::json::Value &value);

  /// The member, or null. Marks it as known.
  const llvm::json::Value *find(llvm::StringRef key);
  bool has(llvm::StringRef key) const { return object && object->get(key); }
  /// Each leaves `result` as it is if the member is missing; another kind of value is an error.
  void take(llvm::StringRef key, std::string &result);
  void take(llvm::StringRef key, int64_t &result, int64_t low, int64_t high);
  void take(llvm::StringRef key, std::vector<std::string> &result);
  void take(llvm::StringRef key, std::vector<int64_t> &result, int64_t low, int64_t high);
  void take(llvm::StringRef key, std::vector<double> &result);
  /// One of `words`; the index of the word.
  void takeWord(llvm::StringRef key, unsigned &result, llvm::ArrayRef<llvm::StringRef> words);
  /// Calls `read` for each member of the object `key`, with its name.
  void takeObjects(llvm::StringRef key,
                   llvm::function_ref<void(llvm::StringRef, ObjectReader &)> read);
  /// Calls `read` for the object `key`, if there is one.
  void takeObject(llvm::StringRef key, llvm::function_ref<void(ObjectReader &)> read);

  /// Calls `read` for each object of the list `key`.
  void takeObjectList(llvm::StringRef key, llvm::function_ref<void(ObjectReader &)> read);

  void fail(llvm::StringRef key, const llvm::Twine &text);
  unsigned getLine(llvm::StringRef key) const;
  unsigned getLine() const { return file.getLine(pointer); }
  /// The first error, or one for a member that nobody asked for.
  llvm::Error finish();

private:
  void finishInner(ObjectReader &reader);
  std::string at(llvm::StringRef key) const { return (pointer + "/" + key).str(); }

  const JsonFile &file;
  std::string pointer;
  const llvm::json::Object *object = nullptr;
  std::vector<std::string> known;
  std::optional<std::string> message;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_JSONREADER_H
