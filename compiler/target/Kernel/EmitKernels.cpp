// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/EmitKernels.h"

#include "compiler/target/Kernel/CpuBackend.h"

#include "passes/Codegen/DispatchParts.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quern {

/// Attributes of a dispatch that say where or when it runs, not what its kernel computes.
static bool isPlanAttribute(StringRef name) {
  return name.starts_with("quern.") || name == "kernel" || name == "site";
}

/// Equal text means equal kernels: operands are only types, names and plans are left out.
static std::string kernelKey(qir::DispatchOp dispatch) {
  std::string key;
  llvm::raw_string_ostream text(key);
  for (NamedAttribute attribute : dispatch->getAttrs())
    if (!isPlanAttribute(attribute.getName()))
      text << attribute.getName() << '=' << attribute.getValue() << ';';
  text << dispatch->getOperandTypes() << "->" << dispatch->getResultTypes() << '\n';
  IRMapping mapping;
  Region body;
  dispatch.getBody().cloneInto(&body, mapping);
  body.walk([](Operation *op) { op->removeAttr("site"); });
  for (Operation &op : body.front()) {
    OpPrintingFlags flags;
    flags.useLocalScope().assumeVerified();
    op.print(text, flags);
    // Results and arguments print as local numbers that depend on the op alone: name the operands.
    for (Value operand : op.getOperands()) {
      if (auto argument = llvm::dyn_cast<BlockArgument>(operand))
        text << " a" << argument.getArgNumber();
      else
        text << " r" << std::distance(body.front().begin(), operand.getDefiningOp()->getIterator())
             << '#' << llvm::cast<OpResult>(operand).getResultNumber();
    }
    text << '\n';
  }
  return key;
}

static std::string describe(const DispatchView &view) {
  auto conv = llvm::dyn_cast<qir::ConvOp>(view.anchor);
  bool isDepthwise = conv && conv.isDepthwise();
  std::string name = isDepthwise ? "depthwise" : view.anchor->getName().stripDialect().str();
  return view.follower ? name + "_" + view.follower->getName().stripDialect().str() : name;
}

static func::FuncOp makeFunction(ModuleOp module, qir::DispatchOp dispatch, StringRef name,
                                 unsigned space) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> types;
  Attribute memorySpace = space ? Attribute(builder.getI64IntegerAttr(space)) : Attribute();
  auto bufferOf = [&](int64_t size, Type element) {
    return MemRefType::get({size}, element, MemRefLayoutAttrInterface(), memorySpace);
  };
  auto addBuffer = [&](Type type) {
    auto tensor = llvm::cast<RankedTensorType>(type);
    auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(tensor.getEncoding());
    if (RankedTensorType parts = getPartsType(tensor))
      types.push_back(bufferOf(parts.getNumElements(), parts.getElementType()));
    else if (packed)
      types.push_back(bufferOf(packed.getBytes(), builder.getI8Type()));
    else
      types.push_back(bufferOf(Layout::of(tensor).size, getMemoryType(tensor.getElementType())));
  };
  llvm::for_each(dispatch.getOperandTypes(), addBuffer);
  llvm::for_each(dispatch.getResultTypes(), addBuffer);
  types.append(2, builder.getIndexType());
  auto function =
      func::FuncOp::create(builder, dispatch.getLoc(), name, builder.getFunctionType(types, {}));
  function.addEntryBlock();
  OpBuilder body = OpBuilder::atBlockEnd(&function.getBody().front());
  func::ReturnOp::create(body, dispatch.getLoc());
  for (unsigned i = 0; i + 2 < types.size(); ++i)
    function.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
  return function;
}

LogicalResult
emitEachKernel(ModuleOp module, unsigned space,
               llvm::function_ref<LogicalResult(KernelBuilder &, DispatchView &)> emit) {
  llvm::StringMap<FlatSymbolRefAttr> known;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return module.emitError("expected a function @main");
  SmallVector<qir::DispatchOp> dispatches(main.getOps<qir::DispatchOp>());
  for (qir::DispatchOp dispatch : dispatches) {
    FlatSymbolRefAttr &kernel = known[kernelKey(dispatch)];
    if (!kernel) {
      auto view = DispatchView::parse(dispatch);
      if (failed(view))
        return failure();
      std::string name = (describe(*view) + "_" + llvm::Twine(known.size() - 1)).str();
      func::FuncOp function = makeFunction(module, dispatch, name, space);
      view->bind(function);
      KernelBuilder b(function, view->anchor->getLoc());
      if (failed(emit(b, *view)))
        return failure();
      kernel = FlatSymbolRefAttr::get(function);
    }
    dispatch->setAttr("kernel", kernel);
  }
  return success();
}

LogicalResult CpuBackend::emitKernels(ModuleOp module) const {
  return emitEachKernel(module, /*space=*/0, [&](KernelBuilder &b, DispatchView &view) {
    isa.prepare(b);
    return emitKernel({b, view, isa});
  });
}

} // namespace quern
