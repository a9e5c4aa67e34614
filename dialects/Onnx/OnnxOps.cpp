// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Onnx/OnnxOps.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

#define GET_OP_CLASSES
#include "dialects/Onnx/OnnxOps.cpp.inc"

namespace quern::onnxir {
namespace {

using mlir::Attribute;

bool isNodeAttribute(Attribute value) {
  if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value))
    return integer.getType().isSignlessInteger(64);
  if (auto real = llvm::dyn_cast<mlir::FloatAttr>(value))
    return real.getType().isF32();
  if (auto list = llvm::dyn_cast<mlir::ArrayAttr>(value))
    return llvm::all_of(list, llvm::IsaPred<mlir::StringAttr>);
  return llvm::isa<mlir::StringAttr, mlir::DenseI64ArrayAttr, mlir::DenseF32ArrayAttr,
                   mlir::ElementsAttr>(value);
}

} // namespace

mlir::LogicalResult NodeOp::verify() {
  if (getOpType().empty())
    return emitOpError("(N1) expects an operator name, found an empty one");
  if (getSinceVersion() < 1)
    return emitOpError("(N2) expects a schema version of at least 1, found ")
           << static_cast<int64_t>(getSinceVersion());
  if (getOutputs().size() != getResults().size())
    return emitOpError("(N3) expects one output name for each result: ")
           << getResults().size() << " results, found " << getOutputs().size() << " names";
  llvm::StringSet<> names;
  for (auto [index, result] : llvm::enumerate(getResults())) {
    llvm::StringRef name = getOutputName(index).getValue();
    if (name.empty() != llvm::isa<mlir::NoneType>(result.getType()))
      return emitOpError("(N4) expects type 'none' exactly for an output without a name, found '")
             << name << "' of type " << result.getType();
    if (!name.empty() && !names.insert(name).second)
      return emitOpError("(N5) expects different names for its outputs, found '")
             << name << "' twice";
  }
  if (mlir::DictionaryAttr dictionary = getAttrsAttr())
    for (mlir::NamedAttribute entry : dictionary)
      if (!isNodeAttribute(entry.getValue()))
        return emitOpError("(N6) expects i64, f32, string, array or elements attributes, found '")
               << entry.getName().getValue() << "' = " << entry.getValue();
  return mlir::success();
}

int64_t NodeOp::getInt(llvm::StringRef name, int64_t fallback) {
  auto value = llvm::dyn_cast_or_null<mlir::IntegerAttr>(getNodeAttr(name));
  return value ? value.getInt() : fallback;
}

float NodeOp::getFloat(llvm::StringRef name, float fallback) {
  auto value = llvm::dyn_cast_or_null<mlir::FloatAttr>(getNodeAttr(name));
  return value ? value.getValue().convertToFloat() : fallback;
}

llvm::StringRef NodeOp::getString(llvm::StringRef name, llvm::StringRef fallback) {
  auto value = llvm::dyn_cast_or_null<mlir::StringAttr>(getNodeAttr(name));
  return value ? value.getValue() : fallback;
}

std::optional<llvm::ArrayRef<int64_t>> NodeOp::getInts(llvm::StringRef name) {
  if (auto value = llvm::dyn_cast_or_null<mlir::DenseI64ArrayAttr>(getNodeAttr(name)))
    return value.asArrayRef();
  return std::nullopt;
}

std::optional<llvm::ArrayRef<float>> NodeOp::getFloats(llvm::StringRef name) {
  if (auto value = llvm::dyn_cast_or_null<mlir::DenseF32ArrayAttr>(getNodeAttr(name)))
    return value.asArrayRef();
  return std::nullopt;
}

} // namespace quern::onnxir
