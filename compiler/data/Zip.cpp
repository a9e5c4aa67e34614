// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Zip.h"

#include "llvm/Support/Endian.h"

#include <zlib.h>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

namespace quern::data {

static constexpr size_t endBytes = 22, entryBytes = 46, localBytes = 30;
static constexpr uint32_t endMark = 0x06054b50, entryMark = 0x02014b50, localMark = 0x04034b50;
/// More than this is no array that a data set describes, or a bomb.
static constexpr uint64_t maxInflated = uint64_t{1} << 34;

static Error damaged(const char *what) {
  return llvm::createStringError("not a readable zip archive: %s", what);
}

/// The central directory's offset and number of entries, from the record at the archive's end.
static Expected<std::pair<uint64_t, unsigned>> findDirectory(ArrayRef<char> archive) {
  if (archive.size() < endBytes)
    return damaged("it is too short");
  size_t lowest = archive.size() - std::min<size_t>(archive.size(), endBytes + 0xffff);
  for (size_t at = archive.size() - endBytes + 1; at-- > lowest;)
    if (read32le(archive.data() + at) == endMark)
      return std::pair<uint64_t, unsigned>(read32le(archive.data() + at + 16),
                                           read16le(archive.data() + at + 10));
  return damaged("it has no directory");
}

static Error readEntry(ArrayRef<char> archive, uint64_t &at, ZipMember &member) {
  if (at > archive.size() || archive.size() - at < entryBytes ||
      read32le(archive.data() + at) != entryMark)
    return damaged("its directory is cut off");
  const char *entry = archive.data() + at;
  uint16_t method = read16le(entry + 10), nameBytes = read16le(entry + 28);
  uint64_t packed = read32le(entry + 20), local = read32le(entry + 42);
  member.size = read32le(entry + 24);
  if (archive.size() - at - entryBytes < nameBytes)
    return damaged("its directory is cut off");
  member.name.assign(entry + entryBytes, nameBytes);
  at += entryBytes + nameBytes + read16le(entry + 30) + read16le(entry + 32);
  if (packed == 0xffffffff || member.size == 0xffffffff || local == 0xffffffff)
    return damaged("members of 4 GiB and more are not supported");
  if (method != 0 && method != 8)
    return damaged("a member is neither stored nor deflated");
  if (read16le(entry + 8) & 1)
    return damaged("a member is encrypted");
  if (local > archive.size() || archive.size() - local < localBytes ||
      read32le(archive.data() + local) != localMark)
    return damaged("a member lies outside");
  uint64_t data = local + localBytes + read16le(archive.data() + local + 26) +
                  read16le(archive.data() + local + 28);
  if (data > archive.size() || archive.size() - data < packed)
    return damaged("a member is cut off");
  member.deflated = method == 8;
  if (!member.deflated && packed != member.size)
    return damaged("a stored member has two sizes");
  member.stored = archive.slice(data, packed);
  return Error::success();
}

Expected<std::vector<ZipMember>> listZip(ArrayRef<char> archive) {
  auto directory = findDirectory(archive);
  if (!directory)
    return directory.takeError();
  auto [at, count] = *directory;
  std::vector<ZipMember> members(count);
  for (ZipMember &member : members)
    if (Error error = readEntry(archive, at, member))
      return std::move(error);
  return members;
}

Expected<std::vector<char>> inflateMember(const ZipMember &member) {
  // Deflate makes bytes at most 1032 times more: a larger claim is a lie.
  if (member.size > maxInflated || member.size / 1040 > member.stored.size())
    return damaged("a member claims an impossible size");
  std::vector<char> result(member.size);
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return damaged("out of memory");
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(member.stored.data()));
  stream.avail_in = member.stored.size();
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  stream.avail_out = result.size();
  int status = inflate(&stream, Z_FINISH);
  bool whole = status == Z_STREAM_END && stream.total_out == member.size;
  inflateEnd(&stream);
  if (!whole)
    return damaged("a deflated member is corrupt");
  return result;
}

} // namespace quern::data
