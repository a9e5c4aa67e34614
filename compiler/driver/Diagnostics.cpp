// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Diagnostics.h"

#include "dialects/Onnx/OnnxOps.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quern::driver {

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        switch (diagnostic.getSeverity()) {
        case DiagnosticSeverity::Error:
          errors = true;
          print(diagnostic, "error");
          break;
        case DiagnosticSeverity::Warning:
          print(diagnostic, "warning");
          break;
        case DiagnosticSeverity::Note:
          print(diagnostic, "note");
          break;
        case DiagnosticSeverity::Remark: // what --explain tells
          break;
        }
        return success();
      }) {}

void DiagnosticPrinter::learnNodes(ModuleOp module) {
  module.walk([&](onnxir::NodeOp node) {
    if (auto name = llvm::dyn_cast<NameLoc>(node.getLoc()))
      operators.try_emplace(name.getName().getValue(), node.getOpType().str());
  });
}

/// The first part of a location that names something of the model.
static NameLoc findName(Location location) {
  if (auto name = llvm::dyn_cast<NameLoc>(location))
    return name;
  if (auto fused = llvm::dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (NameLoc name = findName(part))
        return name;
  if (auto call = llvm::dyn_cast<CallSiteLoc>(location))
    return findName(call.getCallee());
  return {};
}

static FileLineColLoc findFile(Location location) {
  if (auto file = llvm::dyn_cast<FileLineColLoc>(location))
    return file;
  if (auto name = llvm::dyn_cast<NameLoc>(location))
    return findFile(name.getChildLoc());
  if (auto fused = llvm::dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (FileLineColLoc file = findFile(part))
        return file;
  return {};
}

std::string DiagnosticPrinter::describe(Location location) const {
  std::string text;
  NameLoc name = findName(location);
  FileLineColLoc file = findFile(name ? Location(name) : location);
  if (file) {
    text = file.getFilename().str();
    // Lines of an ONNX file are node numbers; the name tells more.
    if (!name && file.getLine())
      text += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
    text += ": ";
  }
  if (!name)
    return text;
  llvm::StringRef what = name.getName().getValue();
  auto known = operators.find(what);
  bool isNode = known != operators.end() || (file && file.getLine());
  text += (isNode ? "node '" : "'") + what.str() + "'";
  if (known != operators.end())
    text += " (" + known->second + ")";
  return text + ": ";
}

void DiagnosticPrinter::print(Diagnostic &diagnostic, llvm::StringRef severity) {
  llvm::errs() << severity << ": " << describe(diagnostic.getLocation()) << diagnostic.str()
               << '\n';
  for (Diagnostic &note : diagnostic.getNotes())
    print(note, "note");
}

} // namespace quern::driver
