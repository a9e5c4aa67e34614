// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/JsonReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

namespace {

/// Walks a text that is known to be JSON and notes the line of each value.
class LineWalker {
public:
  LineWalker(StringRef text, llvm::StringMap<unsigned> &lines) : text(text), lines(lines) {}

  void walk(const std::string &pointer) {
    skipSpace();
    lines[pointer] = line;
    if (peek() == '{' || peek() == '[')
      walkItems(pointer, peek() == '{');
    else if (peek() == '"')
      readString();
    else
      while (!llvm::StringRef(",]} \t\r\n").contains(peek()))
        ++position;
  }

private:
  char peek() const { return position < text.size() ? text[position] : ' '; }

  void skipSpace() {
    for (; position < text.size() && StringRef(" \t\r\n").contains(text[position]); ++position)
      line += text[position] == '\n';
  }

  /// Keys with escapes keep them: their line is then the enclosing object's.
  StringRef readString() {
    size_t start = ++position;
    while (peek() != '"')
      position += peek() == '\\' ? 2 : 1;
    return text.slice(start, position++);
  }

  void walkItems(const std::string &pointer, bool isObject) {
    ++position;
    for (unsigned index = 0;; ++index) {
      skipSpace();
      if (peek() == '}' || peek() == ']')
        break;
      if (peek() == ',') {
        ++position;
        skipSpace();
      }
      std::string key = isObject ? readString().str() : std::to_string(index);
      skipSpace();
      if (isObject)
        ++position; // the colon
      walk((llvm::Twine(pointer) + "/" + key).str());
    }
    ++position;
  }

  StringRef text;
  llvm::StringMap<unsigned> &lines;
  size_t position = 0;
  unsigned line = 1;
};

} // namespace

/// LLVM's parser says `[LINE:COLUMN, byte=N]: message`; its words start in capitals.
static std::string describeSyntax(const std::string &message, std::string &line) {
  StringRef rest = message;
  if (rest.consume_front("["))
    line = rest.take_until([](char c) { return c == ':'; }).str();
  rest = rest.split("]: ").second;
  return "not valid JSON: " + (rest.empty() ? message : rest.str());
}

Expected<JsonFile> JsonFile::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError("'" + path + "': " + buffer.getError().message());
  return parse(path, (*buffer)->getBuffer());
}

Expected<JsonFile> JsonFile::parse(StringRef path, StringRef text) {
  auto parsed = llvm::json::parse(text);
  if (!parsed) {
    std::string line = "1";
    std::string message = describeSyntax(llvm::toString(parsed.takeError()), line);
    return llvm::createStringError(path + ":" + line + ": " + message);
  }
  JsonFile file;
  file.path = path.str();
  file.root = std::move(*parsed);
  LineWalker(text, file.lines).walk("");
  return std::move(file);
}

Error JsonFile::makeError(StringRef pointer, const llvm::Twine &message) const {
  // A member that is missing stands where its object begins.
  while (!lines.contains(pointer) && !pointer.empty())
    pointer = pointer.rsplit('/').first;
  return llvm::createStringError(path + ":" + llvm::Twine(getLine(pointer)) + ": " + message);
}

ObjectReader::ObjectReader(const JsonFile &file, std::string pointer,
                           const llvm::json::Value &value)
    : file(file), pointer(std::move(pointer)), object(value.getAsObject()) {
  if (!object)
    message = llvm::toString(file.makeError(this->pointer, "expected an object { … }"));
}

const llvm::json::Value *ObjectReader::find(StringRef key) {
  known.push_back(key.str());
  return object ? object->get(key) : nullptr;
}

void ObjectReader::fail(StringRef key, const llvm::Twine &text) {
  if (!message)
    message = llvm::toString(file.makeError(key.empty() ? pointer : at(key), text));
}

unsigned ObjectReader::getLine(StringRef key) const { return file.getLine(at(key)); }

void ObjectReader::take(StringRef key, std::string &result) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  if (auto text = value->getAsString())
    result = text->str();
  else
    fail(key, "'" + key + "': expected a string");
}

void ObjectReader::take(StringRef key, int64_t &result, int64_t low, int64_t high) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  auto number = value->getAsInteger();
  if (number && *number >= low && *number <= high)
    result = *number;
  else
    fail(key, "'" + key + "': expected a whole number from " + llvm::Twine(low) + " to " +
                  llvm::Twine(high));
}

void ObjectReader::take(StringRef key, std::vector<std::string> &result) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  const llvm::json::Array *array = value->getAsArray();
  if (!array)
    return fail(key, "'" + key + "': expected a list of strings");
  for (const llvm::json::Value &item : *array) {
    auto text = item.getAsString();
    if (!text)
      return fail(key, "'" + key + "': expected a list of strings");
    result.push_back(text->str());
  }
}

void ObjectReader::take(StringRef key, std::vector<int64_t> &result, int64_t low, int64_t high) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  auto fits = [&](const llvm::json::Value &item) {
    auto number = item.getAsInteger();
    return number && *number >= low && *number <= high;
  };
  const llvm::json::Array *array = value->getAsArray();
  if (!array || !llvm::all_of(*array, fits))
    return fail(key, "'" + key + "': expected a list of whole numbers from " + llvm::Twine(low) +
                         " to " + llvm::Twine(high));
  result.clear();
  for (const llvm::json::Value &item : *array)
    result.push_back(*item.getAsInteger());
}

void ObjectReader::take(StringRef key, std::vector<double> &result) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  const llvm::json::Array *array = value->getAsArray();
  auto isFinite = [](const llvm::json::Value &item) {
    return item.getAsNumber() && std::isfinite(*item.getAsNumber());
  };
  if (!array || !llvm::all_of(*array, isFinite))
    return fail(key, "'" + key + "': expected a list of numbers");
  result.clear();
  for (const llvm::json::Value &item : *array)
    result.push_back(*item.getAsNumber());
}

void ObjectReader::takeWord(StringRef key, unsigned &result, llvm::ArrayRef<StringRef> words) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  auto word = value->getAsString();
  auto found = word ? llvm::find(words, *word) : words.end();
  if (found == words.end())
    return fail(key, "'" + key + "': expected one of " + llvm::join(words, ", "));
  result = found - words.begin();
}

void ObjectReader::takeObjects(StringRef key,
                               llvm::function_ref<void(StringRef, ObjectReader &)> read) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  const llvm::json::Object *members = value->getAsObject();
  if (!members)
    return fail(key, "'" + key + "': expected an object { … }");
  std::vector<StringRef> names;
  for (const auto &member : *members)
    names.push_back(member.first);
  llvm::sort(names); // an object of LLVM's has no order
  for (StringRef name : names) {
    ObjectReader reader(file, at(key) + "/" + name.str(), *members->get(name));
    read(name, reader);
    finishInner(reader);
  }
}

/// Takes over the first error of what lies inside.
void ObjectReader::finishInner(ObjectReader &reader) {
  if (Error error = reader.finish()) {
    std::string text = llvm::toString(std::move(error));
    if (!message)
      message = text;
  }
}

void ObjectReader::takeObjectList(StringRef key, llvm::function_ref<void(ObjectReader &)> read) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  const llvm::json::Array *items = value->getAsArray();
  if (!items)
    return fail(key, "'" + key + "': expected a list of objects [{ … }, …]");
  for (auto [index, item] : llvm::enumerate(*items)) {
    ObjectReader reader(file, at(key) + "/" + std::to_string(index), item);
    read(reader);
    finishInner(reader);
  }
}

void ObjectReader::takeObject(StringRef key, llvm::function_ref<void(ObjectReader &)> read) {
  const llvm::json::Value *value = find(key);
  if (!value)
    return;
  ObjectReader reader(file, at(key), *value);
  read(reader);
  finishInner(reader);
}

Error ObjectReader::finish() {
  if (object && !message)
    for (const auto &member : *object)
      if (!llvm::is_contained(known, StringRef(member.first))) {
        llvm::sort(known);
        fail(member.first, "unknown member '" + StringRef(member.first) + "', expected one of " +
                               llvm::join(known, ", "));
        break;
      }
  return message ? llvm::createStringError(*message) : Error::success();
}

} // namespace quern::data
