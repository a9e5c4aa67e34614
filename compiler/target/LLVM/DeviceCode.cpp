// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/LLVM/DeviceCode.h"

#include "compiler/target/LLVM/CodeGen.h"
#include "compiler/target/Nvptx/Device.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/CallingConv.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace quern {

bool isDevice(const TargetInfo &target) { return llvm::Triple(target.triple).isNVPTX(); }

/// Takes the launch attributes off the kernels: no translation knows them.
static LogicalResult readLaunches(ModuleOp lowered, llvm::StringMap<DeviceLaunch> &kernels) {
  for (auto function : lowered.getOps<LLVM::LLVMFuncOp>()) {
    auto grid = function->getAttrOfType<DenseI64ArrayAttr>(device::gridAttr);
    auto block = function->getAttrOfType<IntegerAttr>(device::blockAttr);
    if (function.isExternal())
      continue;
    if (!grid || !block)
      return function.emitError("expected the launch of kernel '") << function.getName() << "'";
    kernels[function.getName()] = {grid[0], grid[1], block.getInt()};
    function->removeAttr(device::gridAttr);
    function->removeAttr(device::blockAttr);
  }
  return success();
}

FailureOr<DeviceCode> generateDeviceCode(ModuleOp lowered, const TargetInfo &target) {
  DeviceCode code;
  if (failed(readLaunches(lowered, code.kernels)))
    return failure();
  auto fail = [&](llvm::Error error) {
    return lowered.emitError(llvm::toString(std::move(error))), failure();
  };
  auto machine = createTargetMachine(target, /*shared=*/true);
  if (!machine)
    return fail(machine.takeError());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(lowered, context, "quern");
  if (!module)
    return failure();
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  for (llvm::Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.setCallingConv(llvm::CallingConv::PTX_Kernel);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    int64_t threads = code.kernels.lookup(function.getName()).threads;
    function.addFnAttr("nvvm.maxntid", std::to_string(threads));
  }
  optimizeModule(*module, **machine);
  llvm::SmallVector<char, 0> text;
  if (llvm::Error error =
          generateCode(*module, **machine, llvm::CodeGenFileType::AssemblyFile, text))
    return fail(std::move(error));
  code.assembly.assign(text.begin(), text.end());
  return code;
}

} // namespace quern
