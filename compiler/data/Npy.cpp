// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Npy.h"

#include "compiler/data/Zip.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <optional>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

namespace {

/// NumPy's name and the size of an element type.
struct TypeRow {
  ArrayType type;
  llvm::StringLiteral descr;
  unsigned bytes;
};

} // namespace

static constexpr TypeRow types[] = {
    {ArrayType::F32, "<f4", 4},  {ArrayType::F64, "<f8", 8},  {ArrayType::F16, "<f2", 2},
    {ArrayType::U8, "|u1", 1},   {ArrayType::S8, "|i1", 1},   {ArrayType::U16, "<u2", 2},
    {ArrayType::S16, "<i2", 2},  {ArrayType::U32, "<u4", 4},  {ArrayType::S32, "<i4", 4},
    {ArrayType::U64, "<u8", 8},  {ArrayType::S64, "<i8", 8},  {ArrayType::Bool, "|b1", 1},
    {ArrayType::Raw1, "|V1", 1}, {ArrayType::Raw2, "|V2", 2},
};

static const TypeRow &getRow(ArrayType type) {
  return *llvm::find_if(types, [&](const TypeRow &row) { return row.type == type; });
}

unsigned getBytes(ArrayType type) { return getRow(type).bytes; }

static std::optional<ArrayType> parseType(StringRef descr) {
  for (const TypeRow &row : types)
    if (row.descr == descr)
      return row.type;
  return std::nullopt;
}

std::string makeNpyHeader(ArrayType type, ArrayRef<int64_t> dims) {
  std::string text =
      "{'descr': '" + getRow(type).descr.str() + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : dims)
    text += std::to_string(dim) + ",";
  text += "), }";
  constexpr size_t prelude = 10;
  constexpr size_t alignment = 64; // of the elements in the file
  text.resize(llvm::alignTo(prelude + text.size() + 1, alignment) - prelude - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 255);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

static Error bad(const llvm::Twine &message) {
  return llvm::createStringError("not a readable .npy array: " + message);
}

/// What follows `'key':` in the header's dictionary.
static std::optional<StringRef> findValue(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "'").str());
  if (at == StringRef::npos)
    return std::nullopt;
  StringRef rest = header.drop_front(at + key.size() + 2).ltrim();
  if (!rest.consume_front(":"))
    return std::nullopt;
  return rest.ltrim();
}

static Expected<std::vector<int64_t>> parseShape(StringRef text) {
  std::vector<int64_t> dims;
  if (!text.consume_front("("))
    return bad("expected a shape in parentheses");
  text = text.take_until([](char c) { return c == ')'; });
  for (StringRef part : llvm::split(text, ',')) {
    if (part.trim().empty())
      continue;
    int64_t dim = 0;
    if (part.trim().getAsInteger(10, dim) || dim < 0)
      return bad("expected sizes in its shape, found '" + part + "'");
    dims.push_back(dim);
  }
  return dims;
}

Error ArrayFile::readHeader(ArrayRef<char> content) {
  StringRef text(content.data(), content.size());
  if (!text.starts_with("\x93NUMPY") || text.size() < 10)
    return bad("expected the mark of a NumPy array, found something else");
  bool isLong = text[6] >= 2;
  if (isLong && text.size() < 12)
    return bad("it is cut off");
  size_t start = isLong ? 12 : 10;
  size_t length = isLong ? llvm::support::endian::read32le(text.data() + 8)
                         : llvm::support::endian::read16le(text.data() + 8);
  if (text.size() - start < length)
    return bad("its header is cut off");
  StringRef header = text.substr(start, length);
  auto descr = findValue(header, "descr"), order = findValue(header, "fortran_order"),
       shape = findValue(header, "shape");
  if (!descr || !order || !shape)
    return bad("expected 'descr', 'fortran_order' and 'shape' in its header");
  StringRef name = descr->drop_front(1).take_until([](char c) { return c == '\'' || c == '"'; });
  auto parsed = parseType(name);
  if (!parsed)
    return bad("expected numbers or booleans in little endian, found elements of type '" + name +
               "'");
  if (!order->starts_with("False"))
    return bad("expected rows in C order, found Fortran order");
  auto sizes = parseShape(*shape);
  if (!sizes)
    return sizes.takeError();
  type = *parsed;
  dims = std::move(*sizes);
  std::optional<int64_t> total = data::getBytes(type);
  for (int64_t dim : dims)
    total = total ? llvm::checkedMul(*total, dim) : total;
  bytes = content.drop_front(start + length);
  if (!total || static_cast<uint64_t>(*total) != bytes.size())
    return bad("its shape does not fit the " + llvm::Twine(bytes.size()) +
               " bytes after its header");
  return Error::success();
}

static Expected<ZipMember> findMember(ArrayRef<char> archive, StringRef name) {
  auto members = listZip(archive);
  if (!members)
    return members.takeError();
  std::string names;
  for (const ZipMember &member : *members) {
    StringRef plain = member.name;
    plain.consume_back(".npy");
    if (plain == name || (name.empty() && members->size() == 1))
      return member;
    names += (names.empty() ? "'" : ", '") + plain.str() + "'";
  }
  return llvm::createStringError("there is no array '" + name + "' in it, expected one of " +
                                 names);
}

Expected<ArrayFile> ArrayFile::open(StringRef path, StringRef member) {
  auto inFile = [&](Error error) {
    return llvm::createStringError("'" + path + "': " + llvm::toString(std::move(error)));
  };
  auto file = MappedFile::open(path);
  if (!file)
    return llvm::createStringError("'" + path + "': " + llvm::toString(file.takeError()));
  ArrayFile array;
  array.file = *file;
  ArrayRef<char> content = array.file->bytes();
  if (StringRef(content.data(), content.size()).starts_with("PK")) {
    auto found = findMember(content, member);
    if (!found)
      return inFile(found.takeError());
    content = found->stored;
    if (found->deflated) {
      auto plain = inflateMember(*found);
      if (!plain)
        return inFile(plain.takeError());
      array.inflated = std::make_shared<std::vector<char>>(std::move(*plain));
      content = *array.inflated;
    }
  }
  if (Error error = array.readHeader(content))
    return inFile(std::move(error));
  return std::move(array);
}

} // namespace quern::data
