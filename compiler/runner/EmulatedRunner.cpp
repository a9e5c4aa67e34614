// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/EmulatedRunner.h"

#include "compiler/data/SampleValues.h"
#include "compiler/runner/CompileModule.h"
#include "compiler/runner/Launch.h"
#include "compiler/runner/TemporaryFolder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace quern {

namespace {

/// An executable in a folder of its own, and the files of its runs beside it.
class EmulatedModel : public CompiledModel {
public:
  /// Takes the interface from `main`, and names inputs and outputs by their numbers there: names of
  /// files, whatever the model calls them.
  explicit EmulatedModel(func::FuncOp main);
  Expected<std::string> getProgram() { return folder.get("program"); }
  llvm::ArrayRef<TensorSlot> getInputs() const override { return inputs; }
  llvm::ArrayRef<TensorSlot> getOutputs() const override { return outputs; }
  Error run(llvm::ArrayRef<const void *> inputBuffers,
            llvm::ArrayRef<void *> outputBuffers) const override;

private:
  Error writeInput(const std::string &path, const TensorSlot &slot, const void *bytes) const;
  Error readOutput(const std::string &path, const TensorSlot &slot, void *bytes) const;

  mutable TemporaryFolder folder;
  std::vector<TensorSlot> inputs, outputs;
};

} // namespace

static TensorSlot makeSlot(Type type, DictionaryAttr attributes) {
  auto name = attributes ? attributes.getAs<StringAttr>("quern.name") : StringAttr();
  return {name ? name.str() : "", llvm::cast<RankedTensorType>(type)};
}

EmulatedModel::EmulatedModel(func::FuncOp main) {
  Builder builder(main.getContext());
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    inputs.push_back(makeSlot(main.getArgumentTypes()[i], main.getArgAttrDict(i)));
    main.setArgAttr(i, "quern.name", builder.getStringAttr("input." + llvm::Twine(i)));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    outputs.push_back(makeSlot(main.getResultTypes()[i], main.getResultAttrDict(i)));
    main.setResultAttr(i, "quern.name", builder.getStringAttr("output." + llvm::Twine(i)));
  }
}

Error EmulatedModel::writeInput(const std::string &path, const TensorSlot &slot,
                                const void *bytes) const {
  auto type = data::getArrayType(slot.type.getElementType());
  if (!type)
    return llvm::createStringError("input '" + slot.name + "' has no form in a .npy file");
  return artifact::writeFile(path, [&](llvm::raw_ostream &stream) {
    stream << data::makeNpyHeader(*type, slot.type.getShape())
           << llvm::StringRef(static_cast<const char *>(bytes), slot.getBytes());
  });
}

Error EmulatedModel::readOutput(const std::string &path, const TensorSlot &slot,
                                void *bytes) const {
  auto array = data::ArrayFile::open(path, "");
  if (!array)
    return array.takeError();
  if (array->getBytes().size() != slot.getBytes())
    return llvm::createStringError("'" + path + "': expected " + llvm::Twine(slot.getBytes()) +
                                   " bytes, found " + llvm::Twine(array->getBytes().size()));
  std::memcpy(bytes, array->getBytes().data(), slot.getBytes());
  return Error::success();
}

Error EmulatedModel::run(llvm::ArrayRef<const void *> inputBuffers,
                         llvm::ArrayRef<void *> outputBuffers) const {
  auto place = folder.get();
  if (!place)
    return place.takeError();
  std::string base = *place + "/";
  std::vector<std::string> arguments = {"--output-dir=" + base + "out"};
  for (auto [number, slot] : llvm::enumerate(inputs)) {
    std::string name = "input." + std::to_string(number), path = base + name + ".npy";
    if (Error error = writeInput(path, slot, inputBuffers[number]))
      return error;
    arguments.push_back(llvm::formatv("--input={0}={1}", name, path));
  }
  std::string messages = base + "messages";
  auto status = launchProgram(base + "program", arguments, messages);
  if (!status)
    return status.takeError();
  if (*status) {
    auto said = llvm::MemoryBuffer::getFile(messages);
    return llvm::createStringError("the compiled program returned %d: %s", *status,
                                   said ? (*said)->getBuffer().trim().str().c_str() : "");
  }
  for (auto [number, slot] : llvm::enumerate(outputs))
    if (Error error = readOutput(base + "out/output." + std::to_string(number) + ".npy", slot,
                                 outputBuffers[number]))
      return error;
  return Error::success();
}

FailureOr<std::unique_ptr<CompiledModel>> EmulatedRunner::compile(ModuleOp module) const {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto model = std::make_unique<EmulatedModel>(copy->lookupSymbol<func::FuncOp>("main"));
  auto path = model->getProgram();
  if (!path)
    return module.emitError() << llvm::toString(path.takeError()), failure();
  if (failed(compileModule(*copy, target, artifact::ArtifactKind::Executable, *path)))
    return failure();
  return std::unique_ptr<CompiledModel>(std::move(model));
}

} // namespace quern
