// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Board.h"

#include "compiler/board/Units.h"
#include "compiler/data/JsonReader.h"
#include "compiler/target/TargetBackend.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern {

namespace {

/// A file of the folder boards/.
struct EmbeddedBoard {
  StringRef name, text;
};

} // namespace

static const EmbeddedBoard embedded[] = {
#include "compiler/board/boards.inc"
};

uint64_t Board::getLastCacheBytes() const {
  uint64_t bytes = 0;
  for (const BoardCache &cache : caches)
    bytes = std::max(bytes, cache.bytes);
  return bytes;
}

static void takeBytes(data::ObjectReader &reader, StringRef key, uint64_t &bytes) {
  std::string text;
  reader.take(key, text);
  if (text.empty())
    return;
  auto parsed = parseBytes(text);
  if (!parsed)
    return reader.fail(key, "'" + key + "': " + llvm::toString(parsed.takeError()));
  bytes = *parsed;
}

/// A number greater than zero that must be there.
static double takeRate(data::ObjectReader &reader, StringRef key, double unit) {
  const llvm::json::Value *value = reader.find(key);
  auto number = value ? value->getAsNumber() : std::nullopt;
  if (!number || !(*number > 0)) {
    reader.fail(key, "'" + key + "': expected a number greater than 0");
    return 0;
  }
  return *number * unit;
}

static Error takeCaches(const data::JsonFile &file, data::ObjectReader &reader, Board &board) {
  const llvm::json::Value *value = reader.find("caches");
  const llvm::json::Array *list = value ? value->getAsArray() : nullptr;
  if (!list) {
    if (value)
      reader.fail("caches", "'caches': expected a list");
    return Error::success();
  }
  for (auto [index, element] : llvm::enumerate(*list)) {
    data::ObjectReader entry(file, "/caches/" + std::to_string(index), element);
    BoardCache cache;
    entry.take("level", cache.level, 1, 8);
    takeBytes(entry, "size", cache.bytes);
    entry.take("shared_by", cache.sharedBy, 1, 4096);
    if (Error error = entry.finish())
      return error;
    board.caches.push_back(cache);
  }
  llvm::sort(board.caches,
             [](const BoardCache &a, const BoardCache &b) { return a.level < b.level; });
  return Error::success();
}

Expected<Board> parseBoard(StringRef path, StringRef name, StringRef text) {
  auto file = data::JsonFile::parse(path, text);
  if (!file)
    return file.takeError();
  data::ObjectReader reader(*file, "", file->getRoot());
  Board board;
  board.name = name.str();
  board.title = name.str();
  reader.take("title", board.title);
  reader.take("target", board.target);
  std::string why = "expected a target of --list-targets";
  if (board.target.empty() || !lookupTargetBackend(board.target, &why))
    reader.fail("target", "'target': " + why);
  reader.take("cores", board.cores, 1, 4096);
  board.clock = takeRate(reader, "clock_mhz", 1e6);
  if (Error error = takeCaches(*file, reader, board))
    return std::move(error);
  board.bandwidth = takeRate(reader, "bandwidth_gb_s", 1e9);
  takeBytes(reader, "memory", board.memoryBytes);
  takeBytes(reader, "flash", board.flashBytes);
  reader.take("sources", board.sources);
  if (Error error = reader.finish())
    return std::move(error);
  return board;
}

std::vector<std::string> getBoardNames() {
  std::vector<std::string> names;
  for (const EmbeddedBoard &board : embedded)
    names.push_back(board.name.str());
  llvm::sort(names);
  return names;
}

Expected<Board> findBoard(StringRef name) {
  for (const EmbeddedBoard &board : embedded)
    if (board.name == name)
      return parseBoard("boards/" + name.str() + ".json", name, board.text);
  if (!name.contains('/') && !name.ends_with(".json"))
    return llvm::createStringError("unknown board '" + name + "', expected one of " +
                                   llvm::join(getBoardNames(), ", ") + ", or a file");
  auto text = llvm::MemoryBuffer::getFile(name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!text)
    return llvm::createStringError("'" + name + "': " + text.getError().message());
  return parseBoard(name, name, (*text)->getBuffer());
}

} // namespace quern
