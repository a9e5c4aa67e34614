// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/Link.h"

#include "compiler/target/LLVM/CodeGen.h"
#include "runtime/Bitcode.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/IPO/Internalize.h"

#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

namespace quern::artifact {

static constexpr llvm::StringLiteral apiPrefix = "quern_api_";

static llvm::Error linkPart(llvm::Module &module, runtime::Part part) {
  std::string arch = llvm::Triple::getArchTypeName(module.getTargetTriple().getArch()).str();
  runtime::Bitcode bitcode = runtime::findBitcode(arch.c_str(), part);
  if (!bitcode.data)
    return llvm::createStringError("there is no runtime for the architecture '%s'", arch.c_str());
  // Copied: the reader wants alignment.
  std::unique_ptr<llvm::MemoryBuffer> buffer = llvm::MemoryBuffer::getMemBufferCopy(
      llvm::StringRef(reinterpret_cast<const char *>(bitcode.data), bitcode.size), "quern");
  auto parsed = llvm::parseBitcodeFile(buffer->getMemBufferRef(), module.getContext());
  if (!parsed)
    return parsed.takeError();
  (*parsed)->setTargetTriple(module.getTargetTriple());
  (*parsed)->setDataLayout(module.getDataLayout());
  if (llvm::Linker::linkModules(module, std::move(*parsed)))
    return llvm::createStringError("the runtime does not link with the kernels");
  return llvm::Error::success();
}

llvm::Error linkRuntime(llvm::Module &module, bool executable, llvm::StringRef prefix,
                        llvm::StringSet<> &callFunctions) {
  llvm::StringSet<> model;
  for (const llvm::Function &function : module)
    if (!function.isDeclaration())
      model.insert(function.getName());
  for (runtime::Part part : {runtime::Part::Core, runtime::Part::Support})
    if (llvm::Error error = linkPart(module, part))
      return error;
  for (const llvm::Function &function : module)
    if (!function.isDeclaration() && !model.contains(function.getName()))
      callFunctions.insert(function.getName());
  if (llvm::Error error =
          linkPart(module, executable ? runtime::Part::Exe : runtime::Part::Library))
    return error;
  llvm::SmallVector<llvm::Function *> entryPoints;
  for (llvm::Function &function : module)
    if (function.getName() == "_start" || function.getName().starts_with(apiPrefix))
      entryPoints.push_back(&function);
  internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return llvm::is_contained(entryPoints, &value);
  });
  for (llvm::Function *function : entryPoints)
    if (function->getName().starts_with(apiPrefix))
      function->setName(prefix + "_" + function->getName().drop_front(apiPrefix.size()));
  return llvm::Error::success();
}

llvm::Error linkDeviceRuntime(llvm::Module &module) {
  for (runtime::Part part :
       {runtime::Part::Core, runtime::Part::Support, runtime::Part::Exe, runtime::Part::Cuda})
    if (llvm::Error error = linkPart(module, part))
      return error;
  internalizeModule(module,
                    [](const llvm::GlobalValue &value) { return value.getName() == "_start"; });
  return llvm::Error::success();
}

llvm::Expected<MemoryFile> MemoryFile::create() {
  int descriptor = memfd_create("quern", MFD_CLOEXEC);
  if (descriptor < 0)
    return llvm::errorCodeToError(std::error_code(errno, std::generic_category()));
  return MemoryFile(descriptor);
}

MemoryFile::~MemoryFile() {
  if (descriptor >= 0)
    close(descriptor);
}

llvm::Error MemoryFile::write(llvm::StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return llvm::errorCodeToError(std::error_code(errno, std::generic_category()));
    bytes = bytes.drop_front(done);
  }
  return llvm::Error::success();
}

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

static std::vector<const char *> getLinkerFlags(LinkKind kind) {
  std::vector<const char *> flags = {"ld.lld", "--threads=1", "--build-id=none", "-znoexecstack",
                                     "--color-diagnostics=never"};
  if (kind == LinkKind::Relocatable) {
    flags.push_back("-r");
    return flags;
  }
  for (const char *flag : {"--gc-sections", "--icf=all", "-znoseparate-code", "--strip-all"})
    flags.push_back(flag);
  if (kind == LinkKind::Executable)
    flags.push_back("-static");
  else if (kind == LinkKind::Hosted)
    for (const char *flag :
         {"-pie", "-zdefs", "-znow", "-zrelro", "--dynamic-linker=/lib64/ld-linux-x86-64.so.2"})
      flags.push_back(flag);
  else
    for (const char *flag : {"-shared", "-zdefs", "-znow", "-zrelro", "-Bsymbolic"})
      flags.push_back(flag);
  return flags;
}

/// lld's messages without its name and the paths of our memory files.
static std::string tidyMessages(llvm::StringRef text) {
  std::string message;
  llvm::SmallVector<llvm::StringRef> lines;
  text.split(lines, '\n', -1, false);
  for (llvm::StringRef line : lines) {
    if (!line.consume_front("ld.lld: error: "))
      continue;
    message += (message.empty() ? "" : "; ") + line.str();
  }
  return message.empty() ? text.trim().str() : message;
}

static llvm::Error runLinker(llvm::ArrayRef<const char *> arguments) {
  std::string text;
  llvm::raw_string_ostream messages(text);
  lld::Result result = lld::lldMain(arguments, messages, messages, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return llvm::createStringError("linking failed: " + tidyMessages(text));
  return llvm::Error::success();
}

llvm::Error linkObjects(llvm::ArrayRef<std::string> objects, LinkKind kind,
                        llvm::StringRef output) {
  std::vector<const char *> arguments = getLinkerFlags(kind);
  std::string outputPath = output.str();
  arguments.push_back("-o");
  arguments.push_back(outputPath.c_str());
  for (const std::string &object : objects)
    arguments.push_back(object.c_str());
  return runLinker(arguments);
}

/// An object file whose functions do nothing.
static llvm::Expected<MemoryFile> makeEmptyFunctions(llvm::ArrayRef<const char *> names) {
  TargetInfo host{"x86_64-unknown-linux-gnu", "x86-64", "", "", 0};
  auto machine = createTargetMachine(host, /*shared=*/true);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module("stub", context);
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
  for (const char *name : names) {
    auto *function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
    llvm::ReturnInst::Create(context, llvm::BasicBlock::Create(context, "", function));
  }
  llvm::SmallVector<char, 0> code;
  if (llvm::Error error = generateCode(module, **machine, llvm::CodeGenFileType::ObjectFile, code))
    return std::move(error);
  auto file = MemoryFile::create();
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write(llvm::StringRef(code.data(), code.size())))
    return std::move(error);
  return file;
}

llvm::Error writeLibraryStub(llvm::StringRef path) {
  auto object = makeEmptyFunctions({"dlopen", "dlsym", "__libc_start_main"});
  if (!object)
    return object.takeError();
  std::string from = object->path(), to = path.str();
  return runLinker(
      {"ld.lld", "--threads=1", "-shared", "-soname=libc.so.6", "-o", to.c_str(), from.c_str()});
}

} // namespace quern::artifact
