// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/LLVM/LowerKernels.h"

#include "compiler/target/LLVM/CodeGen.h"
#include "dialects/Quern/QuernOps.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace quern {

static constexpr llvm::StringLiteral heavyAttr = "quern.heavy";

void registerLoweringDialects(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

static void buildLowering(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createConvertVectorToSCFPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(functions));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCSEPass());
}

/// Kernels that some dispatch runs with a result in the memory of an input: there the promise that
/// arguments do not overlap would be false.
static llvm::StringSet<> findInPlaceKernels(ModuleOp module) {
  llvm::StringSet<> kernels;
  module.walk([&](qir::DispatchOp dispatch) {
    auto inPlace = dispatch->getAttrOfType<DenseI64ArrayAttr>("quern.in_place");
    auto kernel = dispatch->getAttrOfType<FlatSymbolRefAttr>("kernel");
    if (inPlace && kernel && llvm::any_of(inPlace.asArrayRef(), [](int64_t i) { return i >= 0; }))
      kernels.insert(kernel.getValue());
  });
  return kernels;
}

static LogicalResult copyKernels(ModuleOp module, ModuleOp kernels) {
  llvm::StringSet<> inPlace = findInPlaceKernels(module);
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  for (auto global : module.getOps<LLVM::GlobalOp>()) // shared memory of a GPU's kernels
    builder.clone(*global);
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    if (function.getName() == "main")
      continue;
    for (Type type : function.getArgumentTypes())
      if (auto memref = llvm::dyn_cast<MemRefType>(type); memref && !memref.hasStaticShape())
        return function.emitError("kernel '")
               << function.getName() << "': expected buffers of static shape, found " << memref;
    auto copy = llvm::cast<func::FuncOp>(builder.clone(*function));
    if (inPlace.contains(copy.getName()))
      for (unsigned i = 0; i < copy.getNumArguments(); ++i)
        copy.removeArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName());
  }
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> lowerKernelsToDialect(ModuleOp module) {
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(module.getLoc());
  if (failed(copyKernels(module, *kernels)))
    return failure();
  PassManager manager(module.getContext());
  buildLowering(manager);
  if (failed(manager.run(*kernels)))
    return failure();
  return kernels;
}

/// Options that the back end takes function by function, so that the runtime keeps its own.
static void setAttributes(llvm::Function &function, const TargetInfo &target) {
  function.setLinkage(llvm::GlobalValue::InternalLinkage);
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.tune.empty())
    function.addFnAttr("tune-cpu", target.tune);
  if (!target.features.empty())
    function.addFnAttr("target-features", target.features);
  // Spill slots of 64-byte vectors are aligned only if the frame pointer was reserved before
  // register allocation.
  function.addFnAttr("frame-pointer", "all");
  if (llvm::StringRef(target.features).contains("+avx512"))
    function.addFnAttr("prefer-vector-width", "512");
}

FailureOr<std::unique_ptr<llvm::Module>>
translateKernels(ModuleOp lowered, llvm::LLVMContext &context, const TargetInfo &target) {
  llvm::StringSet<> heavy;
  for (auto function : lowered.getOps<LLVM::LLVMFuncOp>())
    if (function->removeAttr(heavyAttr))
      heavy.insert(function.getName());
  auto machine = createTargetMachine(target, /*shared=*/true);
  if (!machine)
    return lowered.emitError(llvm::toString(machine.takeError())), failure();
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(lowered, context, "quern");
  if (!module)
    return failure();
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  for (llvm::Function &function : *module) {
    if (function.isDeclaration())
      continue;
    setAttributes(function, target);
    if (heavy.contains(function.getName()))
      function.addFnAttr(heavyKernelAttr);
  }
  return module;
}

FailureOr<std::unique_ptr<llvm::Module>> lowerKernels(ModuleOp module, llvm::LLVMContext &context,
                                                      const TargetInfo &target) {
  auto lowered = lowerKernelsToDialect(module);
  if (failed(lowered))
    return failure();
  return translateKernels(**lowered, context, target);
}

} // namespace quern
