// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/StackUse.h"

#include "compiler/package/EmitProgram.h"
#include "runtime/package_generated.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/DataExtractor.h"
#include "llvm/Support/Endian.h"

#include <cstddef>

using llvm::object::ELF64LE;
using llvm::object::ELFFile;

namespace quern::artifact {

/// Of stack_bytes in quern_program (runtime/src/program.h).
static constexpr size_t stackBytesOffset = 104;
/// What a call itself pushes, and the alignment of the frame after it.
static constexpr uint64_t callBytes = 80;

/// The size in a section of one note: an address, then the frame as ULEB128.
static uint64_t readFrame(llvm::StringRef notes) {
  llvm::DataExtractor data(notes, /*IsLittleEndian=*/true, /*AddressSize=*/8);
  llvm::DataExtractor::Cursor cursor(8);
  uint64_t size = data.getULEB128(cursor);
  return llvm::errorToBool(cursor.takeError()) ? 0 : size;
}

static StackUse addFrames(llvm::ArrayRef<std::pair<std::string, uint64_t>> frames,
                          const CallFunctions &functions) {
  StackUse use;
  uint64_t launch = 0, kernel = 0, runtime = 0;
  for (const auto &[name, size] : frames) {
    if (llvm::StringRef(name).starts_with(launchSymbolPrefix)) {
      launch = std::max(launch, size + callBytes);
    } else if (functions.model.contains(name)) {
      kernel = std::max(kernel, size + callBytes);
      use.kernelFrames.emplace_back(name, size);
    } else if (functions.runtime.contains(name)) {
      runtime += size + callBytes;
    }
  }
  use.bytes = llvm::alignTo(launch + kernel + runtime, 64);
  return use;
}

/// `base`, or as other variants' programs and records are called: `base_1`, `base.2`.
static bool isNumbered(llvm::StringRef symbol, llvm::StringRef base, char separator) {
  size_t unused;
  if (!symbol.consume_front(base))
    return false;
  return symbol.empty() ||
         (symbol.front() == separator && !symbol.drop_front().getAsInteger(10, unused));
}

/// The record's field of the bound; null if it is no record.
static bool patchRecord(char *bytes, size_t size, uint64_t stackBytes) {
  auto *data = reinterpret_cast<uint8_t *>(bytes);
  flatbuffers::Verifier verifier(data, size);
  if (!package::VerifyPackageBuffer(verifier))
    return false;
  auto *table = flatbuffers::GetMutableRoot<flatbuffers::Table>(data);
  return table->SetField<uint64_t>(package::Package::VT_STACK_BYTES, stackBytes, 0);
}

/// Into every program of the object file, and its record.
static llvm::Error writePrograms(const ELFFile<ELF64LE> &file, llvm::SmallVectorImpl<char> &object,
                                 uint64_t bytes) {
  bool isThere = false;
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  for (const auto &section : *sections) {
    if (section.sh_type != llvm::ELF::SHT_SYMTAB)
      continue;
    auto symbols = file.symbols(&section);
    auto strings = file.getStringTableForSymtab(section);
    if (!symbols || !strings)
      return llvm::joinErrors(symbols.takeError(), strings.takeError());
    for (const auto &symbol : *symbols) {
      auto name = symbol.getName(*strings);
      if (!name)
        return name.takeError();
      if (symbol.st_shndx >= sections->size() || symbol.getType() != llvm::ELF::STT_OBJECT)
        continue;
      char *start = object.data() + (*sections)[symbol.st_shndx].sh_offset + symbol.st_value;
      if (isNumbered(*name, metadataSymbol, '.') && !patchRecord(start, symbol.st_size, bytes))
        return llvm::createStringError("the object file's record of the model is damaged");
      if (!isNumbered(*name, programSymbol, '_'))
        continue;
      llvm::support::endian::write64le(start + stackBytesOffset, bytes);
      isThere = true;
    }
  }
  if (isThere)
    return llvm::Error::success();
  return llvm::createStringError("the object file has no symbol 'quern_program'");
}

llvm::Expected<StackUse> patchStackBytes(llvm::SmallVectorImpl<char> &object,
                                         const CallFunctions &functions) {
  auto file = ELFFile<ELF64LE>::create(llvm::StringRef(object.data(), object.size()));
  if (!file)
    return file.takeError();
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  std::vector<std::pair<std::string, uint64_t>> frames;
  for (const auto &section : *sections) {
    auto name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name != ".stack_sizes" || section.sh_link >= sections->size())
      continue;
    auto contents = file->getSectionContents(section);
    auto text = file->getSectionName((*sections)[section.sh_link]);
    if (!contents || !text)
      return llvm::joinErrors(contents.takeError(), text.takeError());
    text->consume_front(".text.");
    frames.emplace_back(text->str(), readFrame({reinterpret_cast<const char *>(contents->data()),
                                                contents->size()}));
    // The notes served us; nobody else reads them.
    auto &header = const_cast<ELF64LE::Shdr &>(section);
    header.sh_flags = header.sh_flags | llvm::ELF::SHF_EXCLUDE;
  }
  StackUse use = addFrames(frames, functions);
  if (llvm::Error error = writePrograms(*file, object, use.bytes))
    return std::move(error);
  return std::move(use);
}

} // namespace quern::artifact
