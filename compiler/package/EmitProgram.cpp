// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/EmitProgram.h"

#include "compiler/package/WeightObject.h"
#include "quern/cpu.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/TargetParser/Triple.h"

using llvm::Constant;

namespace quern::artifact {

// Offsets of members of quern_exec, in pointers.
enum ExecMember { ExecArena = 0, ExecSegments = 1, ExecInputs = 2, ExecOutputs = 3 };

namespace {

/// Writes the constant tables of one program.
class TableWriter {
public:
  TableWriter(llvm::Module &module, const Program &program, size_t variant, bool isLast)
      : module(module), program(program), variant(variant), isLast(isLast),
        context(module.getContext()), pointer(llvm::PointerType::get(context, 0)),
        i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Error emitThunks();
  void emitProgram(const Provenance &provenance, const TargetInfo &target,
                   llvm::StringRef metadata);

private:
  llvm::Expected<llvm::Function *> emitThunk(const Launch &launch, size_t number);
  llvm::Value *emitPointer(llvm::IRBuilder<> &builder, llvm::Value *exec, const Argument &argument);
  Constant *tensors(llvm::ArrayRef<Tensor> tensors, llvm::StringRef name);
  Constant *launches();
  Constant *entry(uint64_t arenaAlign);

  Constant *u32(uint64_t value) { return llvm::ConstantInt::get(i32, value); }
  Constant *u64(uint64_t value) { return llvm::ConstantInt::get(i64, value); }
  Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  Constant *record(llvm::ArrayRef<Constant *> members) {
    return llvm::ConstantStruct::getAnon(context, members);
  }
  Constant *text(llvm::StringRef value);
  /// A private constant with that initializer.
  Constant *global(Constant *value, llvm::StringRef name, uint64_t align = 8);
  /// A table of records, or null if there are none.
  Constant *table(llvm::ArrayRef<Constant *> records, llvm::StringRef name);
  Constant *indices(size_t count, llvm::StringRef name);
  /// The program that is tried where this one's features are missing, or null.
  Constant *fallback();

  llvm::Module &module;
  const Program &program;
  size_t variant;
  bool isLast;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
  llvm::IntegerType *i32, *i64;
  std::vector<llvm::Function *> thunks;
};

} // namespace

Constant *TableWriter::global(Constant *value, llvm::StringRef name, uint64_t align) {
  auto *variable =
      new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                               llvm::GlobalValue::InternalLinkage, value, "quern_" + name);
  variable->setAlignment(llvm::Align(align));
  return variable;
}

Constant *TableWriter::text(llvm::StringRef value) {
  Constant *data = llvm::ConstantDataArray::getString(context, value);
  auto *variable = new llvm::GlobalVariable(module, data->getType(), true,
                                            llvm::GlobalValue::PrivateLinkage, data, "quern_text");
  variable->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return variable;
}

Constant *TableWriter::table(llvm::ArrayRef<Constant *> records, llvm::StringRef name) {
  if (records.empty())
    return null();
  auto *type = llvm::ArrayType::get(records.front()->getType(), records.size());
  return global(llvm::ConstantArray::get(type, records), name);
}

Constant *TableWriter::indices(size_t count, llvm::StringRef name) {
  std::vector<Constant *> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = u32(i);
  return table(values, name);
}

/// The address of a launch's argument, from the members of `exec`.
llvm::Value *TableWriter::emitPointer(llvm::IRBuilder<> &builder, llvm::Value *exec,
                                      const Argument &argument) {
  auto load = [&](llvm::Value *base, uint64_t index) {
    llvm::Value *address = builder.CreateConstInBoundsGEP1_64(pointer, base, index);
    return builder.CreateLoad(pointer, address);
  };
  llvm::Value *base = nullptr;
  switch (argument.space) {
  case Argument::Arena:
    base = load(exec, ExecArena);
    break;
  case Argument::Segment:
    base = load(load(exec, ExecSegments), 0);
    break;
  case Argument::Input:
    base = load(load(exec, ExecInputs), argument.index);
    break;
  case Argument::Output:
    base = load(load(exec, ExecOutputs), argument.index);
    break;
  }
  return builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), base, argument.offset);
}

llvm::Expected<llvm::Function *> TableWriter::emitThunk(const Launch &launch, size_t number) {
  llvm::Function *kernel = module.getFunction(launch.kernel);
  if (!kernel || kernel->isDeclaration())
    return llvm::createStringError("launch %zu: there is no kernel '%s'", number,
                                   launch.kernel.c_str());
  if (kernel->arg_size() != launch.arguments.size() + 2)
    return llvm::createStringError("launch %zu: kernel '%s' takes %zu arguments, expected %zu",
                                   number, launch.kernel.c_str(), kernel->arg_size(),
                                   launch.arguments.size() + 2);
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64}, false);
  auto *thunk = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage,
                                       launchSymbolPrefix + llvm::Twine(number), module);
  for (const char *name : {"target-cpu", "target-features", "frame-pointer"})
    if (kernel->hasFnAttribute(name))
      thunk->addFnAttr(kernel->getFnAttribute(name));
  thunk->addFnAttr(llvm::Attribute::NoUnwind);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", thunk));
  std::vector<llvm::Value *> values;
  for (const Argument &argument : launch.arguments)
    values.push_back(emitPointer(builder, thunk->getArg(0), argument));
  values.push_back(thunk->getArg(1));
  values.push_back(thunk->getArg(2));
  if (kernel->getFunctionType()->getNumParams() != values.size())
    return llvm::createStringError("kernel '%s' takes variable arguments", launch.kernel.c_str());
  for (size_t i = 0; i < values.size(); ++i)
    if (kernel->getArg(i)->getType() != values[i]->getType())
      return llvm::createStringError("kernel '%s': argument %zu has another type than its buffer",
                                     launch.kernel.c_str(), i);
  builder.CreateCall(kernel, values);
  builder.CreateRetVoid();
  return thunk;
}

llvm::Error TableWriter::emitThunks() {
  for (auto [number, launch] : llvm::enumerate(program.launches)) {
    llvm::Expected<llvm::Function *> thunk = emitThunk(launch, number);
    if (!thunk)
      return thunk.takeError();
    thunks.push_back(*thunk);
  }
  return llvm::Error::success();
}

Constant *TableWriter::tensors(llvm::ArrayRef<Tensor> tensors, llvm::StringRef name) {
  std::vector<Constant *> records;
  for (const Tensor &tensor : tensors) {
    std::vector<Constant *> dims;
    for (int64_t dim : tensor.dims)
      dims.push_back(u64(dim));
    records.push_back(record({text(tensor.name), table(dims, "dims"), null(), u64(tensor.bytes),
                              u32(tensor.type), u32(tensor.dims.size()), u32(tensor.align), u32(0),
                              u64(tensor.low), u64(tensor.high)}));
  }
  return table(records, name);
}

Constant *TableWriter::launches() {
  std::vector<Constant *> records;
  for (auto [number, launch] : llvm::enumerate(program.launches))
    records.push_back(
        record({thunks[number], u64(launch.units), u64(launch.grain), u32(0), u32(number)}));
  return table(records, "launches");
}

Constant *TableWriter::entry(uint64_t arenaAlign) {
  return record({text("main"), indices(program.inputs.size(), "entry_inputs"),
                 indices(program.outputs.size(), "entry_outputs"), launches(),
                 u32(program.inputs.size()), u32(program.outputs.size()),
                 u32(program.launches.size()), u32(0), u64(program.arenaBytes), u64(arenaAlign)});
}

static std::string nameProgram(size_t variant) {
  return variant == 0 ? programSymbol.str() : programSymbol.str() + "_" + std::to_string(variant);
}

Constant *TableWriter::fallback() {
  if (isLast)
    return null();
  auto *next = new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(context), true,
                                        llvm::GlobalValue::ExternalLinkage, nullptr,
                                        nameProgram(variant + 1));
  next->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return next;
}

void TableWriter::emitProgram(const Provenance &provenance, const TargetInfo &target,
                              llvm::StringRef metadata) {
  bool isArm = llvm::Triple(target.triple).isAArch64();
  Constant *segments = null(), *segmentBytes = null();
  if (program.segmentBytes) {
    auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), program.segmentBytes);
    auto *segment = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage,
                                             nullptr, getSegmentSymbol(provenance.prefix, variant));
    segment->setVisibility(llvm::GlobalValue::HiddenVisibility);
    segment->setAlignment(llvm::Align(64));
    segments = table({segment}, "segments");
    segmentBytes = table({u64(program.segmentBytes)}, "segment_bytes");
  }
  Constant *record = global(llvm::ConstantDataArray::getString(context, metadata, false),
                            metadataSymbol.drop_front(llvm::StringRef("quern_").size()), 16);
  Constant *value = this->record({u32(QUERN_ABI_VERSION),
                                  u32(144),
                                  text(provenance.name),
                                  u32(isArm ? QUERN_ARCH_AARCH64 : QUERN_ARCH_X86_64),
                                  u32(provenance.threadsMax),
                                  u64(target.requiredCpuFeatures),
                                  tensors(program.inputs, "inputs"),
                                  tensors(program.outputs, "outputs"),
                                  null(),
                                  table({entry(64)}, "entries"),
                                  segments,
                                  segmentBytes,
                                  null(),
                                  record,
                                  u64(metadata.size()),
                                  u64(unknownStackBytes),
                                  fallback(),
                                  u32(program.inputs.size()),
                                  u32(program.outputs.size()),
                                  u32(0),
                                  u32(1),
                                  u32(program.segmentBytes ? 1 : 0),
                                  u32(0)});
  auto *variable =
      new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::ExternalLinkage,
                               value, nameProgram(variant));
  variable->setVisibility(llvm::GlobalValue::HiddenVisibility);
  variable->setAlignment(llvm::Align(8));
}

llvm::Error emitProgram(llvm::Module &module, const Program &program, const Provenance &provenance,
                        const TargetInfo &target, llvm::StringRef metadata, size_t variant,
                        bool isLast) {
  TableWriter writer(module, program, variant, isLast);
  if (llvm::Error error = writer.emitThunks())
    return error;
  writer.emitProgram(provenance, target, metadata);
  return llvm::Error::success();
}

} // namespace quern::artifact
