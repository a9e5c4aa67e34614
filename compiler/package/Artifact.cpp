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
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
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
  Writer(llvm::Module &module, const Program &program, const Provenance &provenance,
         const TargetInfo &target, ArtifactKind kind)
      : module(module), program(program), provenance(provenance), target(target), kind(kind) {}

  llvm::Error write(llvm::StringRef path);

private:
  llvm::Error prepare();
  llvm::Error writeText(llvm::StringRef path);
  llvm::Error writeLinked(llvm::StringRef path);
  llvm::Error writeArchive(llvm::StringRef path, llvm::StringRef code, MemoryFile &weights);
  llvm::Error checkUndefined(llvm::StringRef code);

  llvm::Module &module;
  const Program &program;
  const Provenance &provenance;
  const TargetInfo &target;
  ArtifactKind kind;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace

llvm::Error Writer::prepare() {
  if (program.segmentBytes > maxSegmentBytes)
    return llvm::createStringError(
        "the weights take %llu bytes, more than the %llu that one artifact can hold",
        static_cast<unsigned long long>(program.segmentBytes),
        static_cast<unsigned long long>(maxSegmentBytes));
  auto made = createTargetMachine(target, kind != ArtifactKind::Executable);
  if (!made)
    return made.takeError();
  machine = std::move(*made);
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  std::string metadata = buildMetadata(program, provenance, target, hashWeights(program));
  if (llvm::Error error = emitProgram(module, program, provenance, target, metadata))
    return error;
  optimizeModule(module, *machine);
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
  std::string names;
  for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (!flags || !name)
      return llvm::joinErrors(flags.takeError(), name.takeError());
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || name->empty() ||
        *name == getSegmentSymbol(provenance.prefix))
      continue;
    names += (names.empty() ? "'" : ", '") + name->str() + "'";
  }
  if (names.empty())
    return llvm::Error::success();
  return llvm::createStringError("undefined symbols in the generated code: " + names);
}

llvm::Error Writer::writeArchive(llvm::StringRef path, llvm::StringRef code, MemoryFile &weights) {
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(code, "model.o"));
  std::unique_ptr<llvm::MemoryBuffer> weightBuffer;
  if (program.segmentBytes) {
    auto mapped = llvm::MemoryBuffer::getFile(weights.path(), false, false);
    if (!mapped)
      return llvm::errorCodeToError(mapped.getError());
    weightBuffer = std::move(*mapped);
    members.emplace_back(llvm::MemoryBufferRef(weightBuffer->getBuffer(), "weights.o"));
  }
  return commitFile(path, false, [&](llvm::StringRef temporary) {
    return llvm::writeArchive(temporary, members, llvm::SymtabWritingMode::NormalSymtab,
                              llvm::object::Archive::K_GNU, /*Deterministic=*/true, false);
  });
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
  if (auto bytes = patchStackBytes(code, functions); !bytes)
    return bytes.takeError();
  llvm::StringRef codeBytes(code.data(), code.size());
  if (llvm::Error error = checkUndefined(codeBytes))
    return error;
  auto codeFile = MemoryFile::create();
  auto weightFile = MemoryFile::create();
  if (!codeFile || !weightFile)
    return llvm::joinErrors(codeFile.takeError(), weightFile.takeError());
  llvm::Error failure = codeFile->write(codeBytes);
  uint16_t elfMachine =
      machine->getTargetTriple().isAArch64() ? llvm::ELF::EM_AARCH64 : llvm::ELF::EM_X86_64;
  if (program.segmentBytes)
    writeWeightObject(program, getSegmentSymbol(provenance.prefix), elfMachine,
                      [&](llvm::StringRef piece) {
                        if (!failure)
                          failure = weightFile->write(piece);
                      });
  if (failure)
    return failure;
  if (kind == ArtifactKind::Archive)
    return writeArchive(path, codeBytes, *weightFile);
  std::vector<std::string> objects = {codeFile->path()};
  if (program.segmentBytes)
    objects.push_back(weightFile->path());
  LinkKind linkKind = executable                     ? LinkKind::Executable
                      : kind == ArtifactKind::Shared ? LinkKind::Shared
                                                     : LinkKind::Relocatable;
  return commitFile(path, kind != ArtifactKind::Object, [&](llvm::StringRef temporary) {
    return linkObjects(objects, linkKind, temporary);
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
                   [&](llvm::raw_ostream &stream) { stream << makeHeader(program, provenance); });
}

llvm::Error writeArtifact(std::unique_ptr<llvm::Module> kernels, const Program &program,
                          const Provenance &provenance, const TargetInfo &target, ArtifactKind kind,
                          llvm::StringRef path) {
  return Writer(*kernels, program, provenance, target, kind).write(path);
}

} // namespace quern::artifact
