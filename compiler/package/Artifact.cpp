// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/Artifact.h"

#include "compiler/package/EmitProgram.h"
#include "compiler/package/Link.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/StackUse.h"
#include "compiler/package/WeightObject.h"
#include "compiler/target/LLVM/CodeGen.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

namespace quern::artifact {

std::optional<ArtifactKind> parseArtifactKind(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<ArtifactKind>>(name)
      .Case("exe", ArtifactKind::Executable)
      .Case("so", ArtifactKind::Shared)
      .Case("a", ArtifactKind::Archive)
      .Case("obj", ArtifactKind::Object)
      .Case("asm", ArtifactKind::Assembly)
      .Case("llvm", ArtifactKind::LLVMText)
      .Default(std::nullopt);
}

/// Code with the small model reaches 2 GB; this leaves room for the code itself.
static constexpr uint64_t maxSegmentBytes = (uint64_t{1} << 31) - (uint64_t{64} << 20);

namespace {

/// One artifact on its way to a file.
class Writer {
public:
  Writer(std::vector<Variant> variants, const Provenance &provenance, ArtifactKind kind,
         AcceptArtifact accept)
      : variants(std::move(variants)), module(*this->variants.front().kernels),
        provenance(provenance), kind(kind), accept(accept) {}

  llvm::Error write(llvm::StringRef path);

private:
  llvm::Error prepare();
  llvm::Error prepareVariant(size_t number);
  llvm::Error writeText(llvm::StringRef path);
  llvm::Error writeLinked(llvm::StringRef path);
  llvm::Error writeArchive(llvm::StringRef path, llvm::StringRef code,
                           llvm::ArrayRef<MemoryFile> weights);
  llvm::Expected<std::vector<MemoryFile>> makeWeightFiles();
  llvm::Error checkUndefined(llvm::StringRef code);
  llvm::Error judge(llvm::StringRef file);

  std::vector<Variant> variants; ///< all of one architecture
  llvm::Module &module;          ///< of the first one, in the end of all
  const Provenance &provenance;
  ArtifactKind kind;
  AcceptArtifact accept;
  StackUse stack;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace

llvm::Error Writer::prepareVariant(size_t number) {
  Variant &variant = variants[number];
  const Program &program = variant.program;
  if (program.segmentBytes > maxSegmentBytes)
    return llvm::createStringError(
        "the weights take %llu bytes, more than the %llu that one artifact can hold",
        static_cast<unsigned long long>(program.segmentBytes),
        static_cast<unsigned long long>(maxSegmentBytes));
  // What is left for `machine` in the end is the least demanding one's.
  auto made = createTargetMachine(variant.target, kind != ArtifactKind::Executable);
  if (!made)
    return made.takeError();
  machine = std::move(*made);
  variant.kernels->setTargetTriple(machine->getTargetTriple());
  variant.kernels->setDataLayout(machine->createDataLayout());
  Provenance own = provenance;
  own.target = variant.targetName;
  std::string metadata = buildMetadata(program, own, variant.target, hashWeights(program));
  if (llvm::Error error = emitProgram(*variant.kernels, program, own, variant.target, metadata,
                                      number, number + 1 == variants.size()))
    return error;
  optimizeModule(*variant.kernels, *machine);
  return llvm::Error::success();
}

/// All variants in one module. Their kernels are internal: equal names are made different.
llvm::Error Writer::prepare() {
  for (size_t number = 0; number < variants.size(); ++number) {
    if (llvm::Error error = prepareVariant(number))
      return error;
    if (number > 0 && llvm::Linker::linkModules(module, std::move(variants[number].kernels)))
      return llvm::createStringError("the targets' kernels do not link with each other");
  }
  return llvm::Error::success();
}

llvm::Error Writer::writeText(llvm::StringRef path) {
  if (kind == ArtifactKind::LLVMText)
    return writeFile(path, [&](llvm::raw_ostream &stream) { module.print(stream, nullptr); });
  llvm::SmallVector<char, 0> text;
  if (llvm::Error error = generateCode(module, *machine, llvm::CodeGenFileType::AssemblyFile, text))
    return error;
  return writeFile(path,
                   [&](llvm::raw_ostream &stream) { stream.write(text.data(), text.size()); });
}

/// Libraries and objects are linked later, by others: nothing may be left to them.
llvm::Error Writer::checkUndefined(llvm::StringRef code) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(code, "model"));
  if (!object)
    return object.takeError();
  auto isSegment = [&](llvm::StringRef name) {
    for (size_t number = 0; number < variants.size(); ++number)
      if (name == getSegmentSymbol(provenance.prefix, number))
        return true;
    return false;
  };
  std::string names;
  for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return llvm::joinErrors(flags.takeError(), name.takeError());
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || name->empty() || isSegment(*name))
      continue;
    names += (names.empty() ? "'" : ", '") + name->str() + "'";
  }
  if (names.empty())
    return llvm::Error::success();
  return llvm::createStringError("undefined symbols in the generated code: " + names);
}

/// Whether the finished file is wanted.
llvm::Error Writer::judge(llvm::StringRef file) {
  if (!accept)
    return llvm::Error::success();
  Figures figures = {0, stack.bytes, stack.kernelFrames};
  if (std::error_code code = llvm::sys::fs::file_size(file, figures.fileBytes))
    return llvm::createStringError("'" + file + "': " + code.message());
  return accept(variants, figures);
}

llvm::Error Writer::writeArchive(llvm::StringRef path, llvm::StringRef code,
                                 llvm::ArrayRef<MemoryFile> weights) {
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(code, "model.o"));
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
  for (const MemoryFile &file : weights) {
    auto mapped = llvm::MemoryBuffer::getFile(file.path(), false, false);
    if (!mapped)
      return llvm::errorCodeToError(mapped.getError());
    buffers.push_back(std::move(*mapped));
    members.emplace_back(llvm::MemoryBufferRef(buffers.back()->getBuffer(), "weights.o"));
  }
  return commitFile(path, false, [&](llvm::StringRef temporary) -> llvm::Error {
    if (llvm::Error error =
            llvm::writeArchive(temporary, members, llvm::SymtabWritingMode::NormalSymtab,
                               llvm::object::Archive::K_GNU, /*Deterministic=*/true, false))
      return error;
    return judge(temporary);
  });
}

/// An object file for each variant that has weights.
llvm::Expected<std::vector<MemoryFile>> Writer::makeWeightFiles() {
  std::vector<MemoryFile> files;
  uint16_t elfMachine =
      machine->getTargetTriple().isAArch64() ? llvm::ELF::EM_AARCH64 : llvm::ELF::EM_X86_64;
  for (size_t number = 0; number < variants.size(); ++number) {
    const Program &program = variants[number].program;
    if (!program.segmentBytes)
      continue;
    auto file = MemoryFile::create();
    if (!file)
      return file.takeError();
    llvm::Error failure = llvm::Error::success();
    writeWeightObject(program, getSegmentSymbol(provenance.prefix, number), elfMachine,
                      [&](llvm::StringRef piece) {
                        if (!failure)
                          failure = file->write(piece);
                      });
    if (failure)
      return std::move(failure);
    files.push_back(std::move(*file));
  }
  return files;
}

llvm::Error Writer::writeLinked(llvm::StringRef path) {
  bool executable = kind == ArtifactKind::Executable;
  CallFunctions functions;
  for (const llvm::Function &function : module)
    functions.model.insert(function.getName());
  if (llvm::Error error = linkRuntime(module, executable, provenance.prefix, functions.runtime))
    return error;
  removeUnused(module);
  llvm::SmallVector<char, 0> code;
  if (llvm::Error error = generateCode(module, *machine, llvm::CodeGenFileType::ObjectFile, code))
    return error;
  auto use = patchStackBytes(code, functions);
  if (!use)
    return use.takeError();
  stack = std::move(*use);
  llvm::StringRef codeBytes(code.data(), code.size());
  if (llvm::Error error = checkUndefined(codeBytes))
    return error;
  auto codeFile = MemoryFile::create();
  if (!codeFile)
    return codeFile.takeError();
  if (llvm::Error error = codeFile->write(codeBytes))
    return error;
  auto weightFiles = makeWeightFiles();
  if (!weightFiles)
    return weightFiles.takeError();
  if (kind == ArtifactKind::Archive)
    return writeArchive(path, codeBytes, *weightFiles);
  std::vector<std::string> objects = {codeFile->path()};
  for (const MemoryFile &file : *weightFiles)
    objects.push_back(file.path());
  LinkKind linkKind = executable                     ? LinkKind::Executable
                      : kind == ArtifactKind::Shared ? LinkKind::Shared
                                                     : LinkKind::Relocatable;
  return commitFile(path, kind != ArtifactKind::Object,
                    [&](llvm::StringRef temporary) -> llvm::Error {
                      if (llvm::Error error = linkObjects(objects, linkKind, temporary))
                        return error;
                      return judge(temporary);
                    });
}

llvm::Error Writer::write(llvm::StringRef path) {
  if (llvm::Error error = prepare())
    return error;
  if (kind == ArtifactKind::Assembly || kind == ArtifactKind::LLVMText)
    return writeText(path);
  if (llvm::Error error = writeLinked(path))
    return error;
  if (kind == ArtifactKind::Executable)
    return llvm::Error::success();
  llvm::SmallString<256> header(path);
  llvm::sys::path::replace_extension(header, "h");
  return writeFile(header,
                   [&](llvm::raw_ostream &stream) { stream << makeHeader(variants, provenance); });
}

llvm::Error writeArtifact(std::vector<Variant> variants, const Provenance &provenance,
                          ArtifactKind kind, llvm::StringRef path, AcceptArtifact accept) {
  return Writer(std::move(variants), provenance, kind, accept).write(path);
}

} // namespace quern::artifact
