// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/DeviceArtifact.h"

#include "compiler/package/EmitProgram.h"
#include "compiler/package/Link.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/WeightObject.h"
#include "compiler/target/LLVM/CodeGen.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Target/TargetMachine.h"

using llvm::Constant;

namespace quern::artifact {

static constexpr llvm::StringLiteral callName = "quern_device_call";

namespace {

/// The host's module: the tables of runtime/src/device.h and the function that the one launch of
/// the host's program runs.
class HostWriter {
public:
  HostWriter(llvm::Module &module, const DeviceVariant &variant)
      : module(module), variant(variant), context(module.getContext()),
        pointer(llvm::PointerType::get(context, 0)), i32(llvm::Type::getInt32Ty(context)),
        i64(llvm::Type::getInt64Ty(context)) {}
  llvm::Error emitTables();
  void emitCall();
  Program hostProgram() const;

private:
  Constant *u32(uint64_t value) { return llvm::ConstantInt::get(i32, value); }
  Constant *u64(uint64_t value) { return llvm::ConstantInt::get(i64, value); }
  Constant *record(llvm::ArrayRef<Constant *> members) {
    return llvm::ConstantStruct::getAnon(context, members);
  }
  Constant *global(Constant *value, const llvm::Twine &name);
  Constant *text(llvm::StringRef value) {
    return global(llvm::ConstantDataArray::getString(context, value), "quern_text");
  }
  Constant *table(llvm::ArrayRef<Constant *> records, const llvm::Twine &name);
  Constant *arguments(const Launch &launch);
  llvm::Expected<Constant *> launches();
  llvm::Value *emitPointers(llvm::IRBuilder<> &builder, llvm::Function *function, size_t first,
                            size_t count);

  llvm::Module &module;
  const DeviceVariant &variant;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
  llvm::IntegerType *i32, *i64;
};

} // namespace

Constant *HostWriter::global(Constant *value, const llvm::Twine &name) {
  auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::InternalLinkage, value, name);
  variable->setAlignment(llvm::Align(8));
  return variable;
}

Constant *HostWriter::table(llvm::ArrayRef<Constant *> records, const llvm::Twine &name) {
  if (records.empty())
    return llvm::ConstantPointerNull::get(pointer);
  auto *type = llvm::ArrayType::get(records.front()->getType(), records.size());
  return global(llvm::ConstantArray::get(type, records), name);
}

// The enumerators of Argument::Space are those of runtime/src/device.h.
static_assert(Argument::Arena == 0 && Argument::Segment == 1 && Argument::Input == 2 &&
              Argument::Output == 3);

Constant *HostWriter::arguments(const Launch &launch) {
  std::vector<Constant *> records;
  for (const Argument &argument : launch.arguments)
    records.push_back(record({u32(argument.space), u32(argument.index), u64(argument.offset)}));
  return table(records, "quern_arguments");
}

llvm::Expected<Constant *> HostWriter::launches() {
  std::vector<Constant *> records;
  for (const Launch &launch : variant.program.launches) {
    auto kernel = variant.code.kernels.find(launch.kernel);
    if (kernel == variant.code.kernels.end())
      return llvm::createStringError("there is no kernel '%s'", launch.kernel.c_str());
    const DeviceLaunch &grid = kernel->second;
    records.push_back(
        record({text(launch.kernel), arguments(launch), u32(launch.arguments.size()),
                u32(grid.threads), u32(grid.blocksX), u32(grid.blocksY), u64(launch.units)}));
  }
  return table(records, "quern_device_launches");
}

/// 89 of sm_89; names that end in a letter run on that capability only.
static std::pair<unsigned, bool> readCapability(llvm::StringRef chip) {
  chip.consume_front("sm_");
  unsigned capability = 0;
  chip.consumeInteger(10, capability);
  return {capability, !chip.empty()};
}

llvm::Error HostWriter::emitTables() {
  auto steps = launches();
  if (!steps)
    return steps.takeError();
  auto [capability, exact] = readCapability(variant.target.cpu);
  Constant *value = record({text(variant.code.assembly), text(variant.target.cpu), u32(capability),
                            u32(exact), *steps, u64(variant.program.arenaBytes),
                            u32(variant.program.launches.size()), u32(0)});
  auto *device = new llvm::GlobalVariable(
      module, value->getType(), true, llvm::GlobalValue::ExternalLinkage, value, "quern_device");
  device->setVisibility(llvm::GlobalValue::HiddenVisibility);
  device->setAlignment(llvm::Align(8));
  return llvm::Error::success();
}

llvm::Value *HostWriter::emitPointers(llvm::IRBuilder<> &builder, llvm::Function *function,
                                      size_t first, size_t count) {
  auto *type = llvm::ArrayType::get(pointer, std::max<size_t>(count, 1));
  llvm::Value *array = builder.CreateAlloca(type);
  for (size_t i = 0; i < count; ++i)
    builder.CreateStore(function->getArg(first + i),
                        builder.CreateConstInBoundsGEP2_64(type, array, 0, i));
  return array;
}

void HostWriter::emitCall() {
  size_t inputs = variant.program.inputs.size(), outputs = variant.program.outputs.size();
  std::vector<llvm::Type *> types(inputs + outputs, pointer);
  types.insert(types.end(), 2, i64);
  llvm::Type *none = llvm::Type::getVoidTy(context);
  auto *function = llvm::Function::Create(llvm::FunctionType::get(none, types, false),
                                          llvm::GlobalValue::InternalLinkage, callName, module);
  llvm::FunctionCallee run = module.getOrInsertFunction("quern_device_run", none, pointer, pointer);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", function));
  llvm::Value *from = emitPointers(builder, function, 0, inputs);
  llvm::Value *to = emitPointers(builder, function, inputs, outputs);
  builder.CreateCall(run, {from, to});
  builder.CreateRetVoid();
}

/// What the host sees of the model: one launch over its inputs and outputs, no arena.
Program HostWriter::hostProgram() const {
  Program host = variant.program;
  Launch launch;
  launch.kernel = callName.str();
  auto add = [&](Argument::Space space, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Argument argument;
      argument.space = space;
      argument.index = i;
      launch.arguments.push_back(argument);
    }
  };
  add(Argument::Input, host.inputs.size());
  add(Argument::Output, host.outputs.size());
  host.launches = {launch};
  host.arenaBytes = 0;
  return host;
}

static llvm::Expected<MemoryFile> writeObject(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> code;
  if (llvm::Error error = generateCode(module, machine, llvm::CodeGenFileType::ObjectFile, code))
    return std::move(error);
  auto file = MemoryFile::create();
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->write(llvm::StringRef(code.data(), code.size())))
    return std::move(error);
  return file;
}

static llvm::Expected<MemoryFile> writeWeights(const Program &program, llvm::StringRef prefix) {
  auto file = MemoryFile::create();
  if (!file)
    return file.takeError();
  llvm::Error failure = llvm::Error::success();
  writeWeightObject(program, getSegmentSymbol(prefix), llvm::ELF::EM_X86_64,
                    [&](llvm::StringRef piece) {
                      if (!failure)
                        failure = file->write(piece);
                    });
  if (failure)
    return std::move(failure);
  return file;
}

llvm::Error writeDeviceArtifact(const DeviceVariant &variant, const Provenance &provenance,
                                llvm::StringRef path) {
  TargetInfo host{"x86_64-unknown-linux-gnu", "x86-64", "", "", 0};
  auto machine = createTargetMachine(host, /*shared=*/true);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module(provenance.name, context);
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  HostWriter writer(module, variant);
  writer.emitCall();
  if (llvm::Error error = writer.emitTables())
    return error;
  std::string metadata =
      buildMetadata(variant.program, provenance, variant.target, hashWeights(variant.program));
  if (llvm::Error error = emitProgram(module, writer.hostProgram(), provenance, host, metadata))
    return error;
  if (llvm::Error error = linkDeviceRuntime(module))
    return error;
  removeUnused(module);
  auto code = writeObject(module, **machine);
  if (!code)
    return code.takeError();
  std::vector<std::string> files = {code->path()};
  std::optional<MemoryFile> weights;
  if (variant.program.segmentBytes) {
    auto file = writeWeights(variant.program, provenance.prefix);
    if (!file)
      return file.takeError();
    weights.emplace(std::move(*file));
    files.push_back(weights->path());
  }
  return commitFile(path, /*executable=*/true, [&](llvm::StringRef temporary) -> llvm::Error {
    // The linker writes files with names only.
    files.push_back((temporary + ".libc").str());
    auto remove = llvm::scope_exit(
        [&] { [[maybe_unused]] std::error_code left = llvm::sys::fs::remove(files.back()); });
    if (llvm::Error error = writeLibraryStub(files.back()))
      return error;
    return linkObjects(files, LinkKind::Hosted, temporary);
  });
}

} // namespace quern::artifact
