// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Sites.h"

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace quern {

static constexpr llvm::StringLiteral nameAttr = "quern.name";

func::FuncOp getMain(ModuleOp module) { return module.lookupSymbol<func::FuncOp>("main"); }

llvm::StringRef getSite(Value value) {
  if (auto argument = llvm::dyn_cast<BlockArgument>(value)) {
    auto function = llvm::dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    auto name = function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), nameAttr)
                         : StringAttr();
    return name ? name.getValue() : llvm::StringRef();
  }
  auto result = llvm::cast<OpResult>(value);
  if (auto node = llvm::dyn_cast<onnxir::NodeOp>(result.getOwner()))
    return node.getOutputName(result.getResultNumber()).getValue();
  if (auto constant = llvm::dyn_cast<qir::ConstantOp>(result.getOwner()))
    return constant.getSite().value_or("");
  return {};
}

Value findSite(func::FuncOp main, llvm::StringRef site) {
  for (BlockArgument argument : main.getArguments())
    if (getSite(argument) == site)
      return argument;
  for (auto node : main.getOps<onnxir::NodeOp>())
    for (OpResult result : node.getResults())
      if (getSite(result) == site)
        return result;
  return {};
}

LogicalResult tapSites(func::FuncOp main, llvm::ArrayRef<std::string> sites) {
  auto results = llvm::cast<func::ReturnOp>(main.getBody().front().getTerminator());
  for (const std::string &site : sites) {
    Value value = findSite(main, site);
    if (!value)
      return main.emitError("there is no tensor '") << site << "' in the graph";
    if (llvm::isa<BlockArgument>(value) || llvm::is_contained(results.getOperands(), value))
      continue;
    OpBuilder builder(main);
    auto name = builder.getNamedAttr(nameAttr, builder.getStringAttr(site));
    if (failed(main.insertResult(main.getNumResults(), value.getType(),
                                 builder.getDictionaryAttr(name))))
      return failure();
    results.getOperandsMutable().append(value);
  }
  return success();
}

} // namespace quern
