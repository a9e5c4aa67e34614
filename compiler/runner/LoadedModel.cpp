// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/LoadedModel.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <dlfcn.h>

using llvm::Error;
using llvm::Expected;

namespace quern {

static mlir::Type getElementType(uint32_t type, mlir::MLIRContext &context) {
  auto integer = [&](unsigned width, bool isSigned) {
    return mlir::IntegerType::get(
        &context, width, isSigned ? mlir::IntegerType::Signed : mlir::IntegerType::Unsigned);
  };
  switch (type) {
  case QUERN_F32:
    return mlir::Float32Type::get(&context);
  case QUERN_F16:
    return mlir::Float16Type::get(&context);
  case QUERN_BF16:
    return mlir::BFloat16Type::get(&context);
  case QUERN_F64:
    return mlir::Float64Type::get(&context);
  case QUERN_BOOL:
    return mlir::IntegerType::get(&context, 1);
  case QUERN_U8:
    return integer(8, false);
  case QUERN_S8:
    return integer(8, true);
  case QUERN_U16:
    return integer(16, false);
  case QUERN_S16:
    return integer(16, true);
  case QUERN_U32:
    return integer(32, false);
  case QUERN_S32:
    return integer(32, true);
  case QUERN_U64:
    return integer(64, false);
  case QUERN_S64:
    return integer(64, true);
  case QUERN_F8E4M3FN:
    return mlir::Float8E4M3FNType::get(&context);
  case QUERN_F8E5M2:
    return mlir::Float8E5M2Type::get(&context);
  default:
    return {};
  }
}

static Error addSlot(const quern_tensor *tensor, mlir::MLIRContext &context,
                     std::vector<TensorSlot> &slots) {
  mlir::Type element = tensor ? getElementType(tensor->type, context) : mlir::Type();
  if (!element)
    return llvm::createStringError("the library describes a tensor that cannot be read");
  slots.push_back({tensor->name,
                   mlir::RankedTensorType::get(llvm::ArrayRef(tensor->dims, tensor->rank), element),
                   tensor->low, tensor->high});
  return Error::success();
}

template <typename Function>
Function *LoadedModel::find(llvm::StringRef prefix, const char *name) const {
  return reinterpret_cast<Function *>(dlsym(library, (prefix + name).str().c_str()));
}

Error LoadedModel::bind(llvm::StringRef prefix, mlir::MLIRContext &context) {
  auto *checkCpu = find<quern_status()>(prefix, "_check_cpu");
  auto *countInputs = find<uint32_t(uint32_t)>(prefix, "_input_count");
  auto *countOutputs = find<uint32_t(uint32_t)>(prefix, "_output_count");
  auto *getInput = find<const quern_tensor *(uint32_t, uint32_t)>(prefix, "_input");
  auto *getOutput = find<const quern_tensor *(uint32_t, uint32_t)>(prefix, "_output");
  auto *getArenaBytes = find<size_t(uint32_t)>(prefix, "_arena_bytes");
  auto *getArenaAlign = find<size_t(uint32_t)>(prefix, "_arena_align");
  auto *describe = find<const char *(quern_status)>(prefix, "_status_text");
  execute = find<quern_status(const quern_call *)>(prefix, "_execute");
  if (!checkCpu || !countInputs || !countOutputs || !getInput || !getOutput || !getArenaBytes ||
      !getArenaAlign || !describe || !execute)
    return llvm::createStringError("the library has no functions '" + prefix + "_…'");
  if (quern_status status = checkCpu())
    return llvm::createStringError("this machine cannot run the model: %s", describe(status));
  for (uint32_t i = 0; i < countInputs(0); ++i)
    if (Error error = addSlot(getInput(0, i), context, inputs))
      return error;
  for (uint32_t i = 0; i < countOutputs(0); ++i)
    if (Error error = addSlot(getOutput(0, i), context, outputs))
      return error;
  arenaBytes = getArenaBytes(0);
  arenaAlign = std::max<size_t>(getArenaAlign(0), 64);
  return Error::success();
}

Expected<std::unique_ptr<LoadedModel>>
LoadedModel::load(llvm::StringRef path, llvm::StringRef prefix, mlir::MLIRContext &context) {
  void *library = dlopen(path.str().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return llvm::createStringError("cannot load '" + path + "': " + dlerror());
  std::unique_ptr<LoadedModel> model(new LoadedModel(library));
  if (Error error = model->bind(prefix, context))
    return std::move(error);
  return model;
}

LoadedModel::~LoadedModel() {
  for (void *arena : arenas)
    std::free(arena);
  dlclose(library);
}

void *LoadedModel::takeArena() const {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!arenas.empty()) {
      void *arena = arenas.back();
      arenas.pop_back();
      return arena;
    }
  }
  size_t bytes = llvm::alignTo(std::max<size_t>(arenaBytes, 1), arenaAlign);
  return std::aligned_alloc(arenaAlign, bytes);
}

void LoadedModel::giveArena(void *arena) const {
  std::lock_guard<std::mutex> lock(mutex);
  arenas.push_back(arena);
}

Error LoadedModel::run(llvm::ArrayRef<const void *> inputBuffers,
                       llvm::ArrayRef<void *> outputBuffers) const {
  void *arena = takeArena();
  if (!arena)
    return llvm::createStringError("out of memory: an arena of %zu bytes", arenaBytes);
  quern_call call = {};
  call.struct_bytes = sizeof(call);
  call.inputs = inputBuffers.data();
  call.outputs = outputBuffers.data();
  call.arena = arena;
  call.arena_bytes = arenaBytes;
  quern_status status = execute(&call);
  giveArena(arena);
  if (status != QUERN_OK)
    return llvm::createStringError("the compiled model returned status %d",
                                   static_cast<int>(status));
  return Error::success();
}

} // namespace quern
