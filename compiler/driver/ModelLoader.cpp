// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/ModelLoader.h"

#include "compiler/driver/Registration.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/runner/InProcessRunner.h"
#include "compiler/runner/LoadedModel.h"
#include "compiler/target/LLVM/LowerKernels.h"

#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/raw_ostream.h"

namespace quern::driver {

static mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerLoweringDialects(registry);
  return registry;
}

ModelLoader::ModelLoader()
    : context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED), printer(context) {
  context.printOpOnDiagnostic(false);
}

void ModelLoader::report(llvm::Error error) {
  // Where the text is empty, a diagnostic has said it.
  if (std::string message = llvm::toString(std::move(error)); !message.empty())
    llvm::errs() << "error: " << message << '\n';
}

mlir::OwningOpRef<mlir::ModuleOp> ModelLoader::import(const CompileOptions &options,
                                                      Quantization *quantization) {
  PipelineOptions pipeline;
  pipeline.input = options.model;
  pipeline.target = lookupTargetBackend(options.target);
  pipeline.shapes = options.shapes;
  pipeline.keep = options.keep;
  pipeline.stopAfter = "import";
  pipeline.quantize = [&](mlir::ModuleOp module) {
    printer.learnNodes(module);
    return quantization ? quantization->run(module) : mlir::success();
  };
  auto compilation = runPipeline(context, pipeline);
  if (succeeded(compilation))
    return std::move(compilation->module);
  if (!printer.hasErrors())
    llvm::errs() << "error: '" << options.model << "' cannot be read\n";
  return nullptr;
}

/// The prefix of a library's functions: every one has its PREFIX_check_cpu.
static llvm::Expected<std::string> findPrefix(const std::string &path) {
  auto object = llvm::object::ObjectFile::createObjectFile(path);
  if (!object)
    return object.takeError();
  auto *elf = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(object->getBinary());
  if (elf)
    for (const llvm::object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators()) {
      auto name = symbol.getName();
      if (!name)
        return name.takeError();
      if (name->consume_back("_check_cpu"))
        return name->str();
    }
  return llvm::createStringError("'" + path + "': expected a library of quern, found another one");
}

std::unique_ptr<CompiledModel> ModelLoader::loadLibrary(const std::string &path) {
  auto prefix = findPrefix(path);
  if (!prefix)
    return report(prefix.takeError()), nullptr;
  auto model =
      LoadedModel::load(path.find('/') == std::string::npos ? "./" + path : path, *prefix, context);
  if (!model)
    return report(model.takeError()), nullptr;
  return std::move(*model);
}

std::unique_ptr<CompiledModel> ModelLoader::load(const CompileOptions &options) {
  llvm::file_magic magic;
  if (std::error_code code = llvm::identify_magic(options.model, magic))
    return report(llvm::createStringError("'" + options.model + "': " + code.message())), nullptr;
  if (magic == llvm::file_magic::elf_shared_object)
    return loadLibrary(options.model);
  if (magic == llvm::file_magic::elf_executable)
    return report(llvm::createStringError(
               "'" + options.model +
               "': expected a model or a shared library artifact, found an executable; compile "
               "with --emit=so")),
           nullptr;
  Quantization quantization(options.quantize, options.model);
  bool quantizes = !options.quantize.data.empty();
  auto module = import(options, quantizes ? &quantization : nullptr);
  if (!module)
    return nullptr;
  auto model = InProcessRunner(*lookupTargetBackend(options.target)).compile(*module);
  return succeeded(model) ? std::move(*model) : nullptr;
}

} // namespace quern::driver
