// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/WeightObject.h"

#include "dialects/Quern/ConstantData.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

#include <cstring>

namespace ELF = llvm::ELF;

namespace quern::artifact {

static constexpr uint64_t segmentAlignment = 64;
static const char sectionNames[] = "\0.rodata.quern\0.symtab\0.strtab\0.note.GNU-stack\0";

std::string getSegmentSymbol(llvm::StringRef prefix, size_t variant) {
  std::string symbol = (prefix + "_weights").str();
  return variant == 0 ? symbol : symbol + "_" + std::to_string(variant);
}

/// The segment's bytes in order, gaps and the readable slack at the end as zeros.
static void streamSegment(const Program &program, llvm::function_ref<void(llvm::StringRef)> write) {
  uint64_t position = 0;
  auto padTo = [&](uint64_t offset) {
    static const char zeros[256] = {};
    for (; position < offset; position += std::min<uint64_t>(sizeof(zeros), offset - position))
      write({zeros, static_cast<size_t>(std::min<uint64_t>(sizeof(zeros), offset - position))});
  };
  for (const WeightPlace &constant : program.constants) {
    padTo(constant.offset);
    std::vector<char> storage;
    llvm::ArrayRef<char> bytes =
        getConstantBytes(llvm::cast<qir::ConstantOp>(constant.op), storage);
    write({bytes.data(), bytes.size()});
    position += bytes.size();
  }
  padTo(program.segmentBytes);
}

std::array<uint8_t, 32> hashWeights(const Program &program) {
  llvm::SHA256 hash;
  streamSegment(program, [&](llvm::StringRef piece) { hash.update(piece); });
  return hash.final();
}

namespace {

/// The parts of the file around the segment.
struct Layout {
  std::string names{sectionNames, sizeof(sectionNames) - 1};
  std::string symbolNames;
  ELF::Elf64_Ehdr header = {};
  ELF::Elf64_Sym symbols[2] = {};
  ELF::Elf64_Shdr sections[5] = {};
  uint64_t symbolsAt = 0, sectionsAt = 0;
};

} // namespace

static void setSection(ELF::Elf64_Shdr &section, const Layout &layout, llvm::StringRef name,
                       uint32_t type, uint64_t offset, uint64_t size, uint64_t align) {
  section.sh_name = layout.names.find(name.str());
  section.sh_type = type;
  section.sh_offset = offset;
  section.sh_size = size;
  section.sh_addralign = align;
}

static Layout makeLayout(uint64_t bytes, llvm::StringRef symbol, uint16_t machine) {
  Layout layout;
  // Section names and the symbol's share one string table.
  layout.symbolNames = layout.names + symbol.str() + '\0';
  uint64_t segmentAt = segmentAlignment;
  layout.symbolsAt = llvm::alignTo(segmentAt + bytes, 8);
  uint64_t stringsAt = layout.symbolsAt + sizeof(layout.symbols);
  layout.sectionsAt = llvm::alignTo(stringsAt + layout.symbolNames.size(), 8);

  std::memcpy(layout.header.e_ident, ELF::ElfMagic, 4);
  layout.header.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  layout.header.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  layout.header.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  layout.header.e_type = ELF::ET_REL;
  layout.header.e_machine = machine;
  layout.header.e_version = ELF::EV_CURRENT;
  layout.header.e_shoff = layout.sectionsAt;
  layout.header.e_ehsize = sizeof(ELF::Elf64_Ehdr);
  layout.header.e_shentsize = sizeof(ELF::Elf64_Shdr);
  layout.header.e_shnum = 5;
  layout.header.e_shstrndx = 3;

  setSection(layout.sections[1], layout, ".rodata.quern", ELF::SHT_PROGBITS, segmentAt, bytes,
             segmentAlignment);
  layout.sections[1].sh_flags = ELF::SHF_ALLOC;
  setSection(layout.sections[2], layout, ".symtab", ELF::SHT_SYMTAB, layout.symbolsAt,
             sizeof(layout.symbols), 8);
  layout.sections[2].sh_link = 3;
  layout.sections[2].sh_info = 1;
  layout.sections[2].sh_entsize = sizeof(ELF::Elf64_Sym);
  setSection(layout.sections[3], layout, ".strtab", ELF::SHT_STRTAB, stringsAt,
             layout.symbolNames.size(), 1);
  setSection(layout.sections[4], layout, ".note.GNU-stack", ELF::SHT_PROGBITS, stringsAt, 0, 1);

  layout.symbols[1].st_name = layout.names.size();
  layout.symbols[1].setBindingAndType(ELF::STB_GLOBAL, ELF::STT_OBJECT);
  layout.symbols[1].st_other = ELF::STV_HIDDEN;
  layout.symbols[1].st_shndx = 1;
  layout.symbols[1].st_size = bytes;
  return layout;
}

template <typename T> static llvm::StringRef rawBytes(const T &object) {
  return {reinterpret_cast<const char *>(&object), sizeof(object)};
}

std::array<uint8_t, 32> writeWeightObject(const Program &program, llvm::StringRef symbol,
                                          uint16_t machine,
                                          llvm::function_ref<void(llvm::StringRef)> write) {
  static_assert(sizeof(ELF::Elf64_Ehdr) == segmentAlignment, "the segment follows the header");
  Layout layout = makeLayout(program.segmentBytes, symbol, machine);
  std::string zeros(8, '\0');
  llvm::SHA256 hash;
  write(rawBytes(layout.header));
  streamSegment(program, [&](llvm::StringRef piece) {
    hash.update(piece);
    write(piece);
  });
  uint64_t position = segmentAlignment + program.segmentBytes;
  write(llvm::StringRef(zeros).take_front(layout.symbolsAt - position));
  write(rawBytes(layout.symbols));
  write(layout.symbolNames);
  position = layout.symbolsAt + sizeof(layout.symbols) + layout.symbolNames.size();
  write(llvm::StringRef(zeros).take_front(layout.sectionsAt - position));
  write(rawBytes(layout.sections));
  return hash.final();
}

} // namespace quern::artifact
