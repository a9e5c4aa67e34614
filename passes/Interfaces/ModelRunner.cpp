// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Interfaces/ModelRunner.h"

namespace quern {

size_t TensorSlot::getBytes() const {
  unsigned bits = type.getElementTypeBitWidth();
  return static_cast<size_t>(type.getNumElements()) * (bits < 8 ? 1 : bits / 8);
}

llvm::Expected<std::unique_ptr<CompiledModel>> compileModel(const ModelRunner &runner,
                                                            mlir::ModuleOp module) {
  auto model = runner.compile(module);
  if (mlir::failed(model))
    return llvm::createStringError("");
  return std::move(*model);
}

} // namespace quern
