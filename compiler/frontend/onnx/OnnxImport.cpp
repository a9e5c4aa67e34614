// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Verifier.h"

#include <google/protobuf/stubs/logging.h>

#include <exception>

namespace quern::onnxfile {

mlir::Location ImportSession::fileLocation() const {
  return mlir::FileLineColLoc::get(&context, path, 0, 0);
}

mlir::Location ImportSession::tensorLocation(llvm::StringRef name) const {
  if (name.empty())
    return fileLocation();
  return mlir::NameLoc::get(mlir::StringAttr::get(&context, name), fileLocation());
}

mlir::Location ImportSession::nodeLocation(const onnx::NodeProto &node, unsigned index) const {
  for (const std::string &output : node.output()) {
    auto known = fileIndex.find(output);
    if (output.empty() || known == fileIndex.end())
      continue;
    index = known->second;
    break;
  }
  std::string name = node.name();
  if (name.empty())
    name = node.op_type() + "_" + std::to_string(index);
  return mlir::NameLoc::get(mlir::StringAttr::get(&context, name),
                            mlir::FileLineColLoc::get(&context, path, index, 0));
}

mlir::InFlightDiagnostic ImportSession::error(mlir::Location location) const {
  return mlir::emitError(location);
}

mlir::LogicalResult ImportSession::fail(mlir::Location location, llvm::Error problem,
                                        const llvm::Twine &prefix) const {
  return error(location) << prefix << llvm::toString(std::move(problem));
}

mlir::LogicalResult readModel(ImportSession &session) {
  auto file = mapRegularFile(session.path);
  if (!file)
    return session.fail(session.fileLocation(), file.takeError());
  session.file = *file;
  auto scan = scanModel(session.file->bytes());
  if (!scan)
    return session.fail(session.fileLocation(), scan.takeError());
  session.scan = std::move(*scan);
  // protobuf counts sizes in int.
  if (session.scan.slim.size() > 1u << 30)
    return session.error(session.fileLocation())
           << "expected at most 1 GiB beside the raw data of tensors, found "
           << session.scan.slim.size() << " bytes";
  google::protobuf::LogSilencer silence;
  if (!session.model.ParseFromArray(session.scan.slim.data(),
                                    static_cast<int>(session.scan.slim.size())))
    return session.error(session.fileLocation())
           << "not a readable onnx model: its protobuf encoding is damaged or nested too deeply";
  std::string().swap(session.scan.slim);
  return mlir::success();
}

static mlir::OwningOpRef<mlir::ModuleOp> runSteps(ImportSession &session) {
  for (auto *step : {readModel, checkModel, hoistConstants, bindShapes, normalizeModel})
    if (mlir::failed(step(session)))
      return nullptr;
  mlir::OwningOpRef<mlir::ModuleOp> module = buildModule(session);
  if (module && mlir::failed(mlir::verify(*module)))
    return nullptr;
  if (module && session.options.externalFiles)
    *session.options.externalFiles = session.externalFiles.paths();
  return module;
}

} // namespace quern::onnxfile

mlir::OwningOpRef<mlir::ModuleOp> quern::importOnnx(mlir::MLIRContext &context,
                                                    llvm::StringRef path,
                                                    const OnnxImportOptions &options) {
  context.loadDialect<mlir::func::FuncDialect, onnxir::OnnxDialect, qir::QuernDialect>();
  onnxfile::ImportSession session(context, path, options);
  // Each step knows what onnx throws where; this is for what it throws where it should not.
  try {
    return onnxfile::runSteps(session);
  } catch (const std::bad_alloc &) {
    session.error(session.fileLocation()) << "out of memory while reading the model";
  } catch (const std::exception &problem) {
    session.error(session.fileLocation())
        << "the onnx library rejects the model: " << problem.what();
  }
  return nullptr;
}
