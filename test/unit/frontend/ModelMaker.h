// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_FRONTEND_MODELMAKER_H
#define QUERN_TEST_UNIT_FRONTEND_MODELMAKER_H

#include "compiler/frontend/onnx/OnnxImport.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>
#include <vector>

namespace quern::test {

/// A folder of its own for each test, removed afterwards.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  std::string write(const std::string &name, const std::string &bytes) const;
  std::filesystem::path path;
};

/// x: float[1, 4] → MatMul with w: float[4, 512] (8 KiB of raw data) → Relu → y: float[1, 512].
onnx::ModelProto makeModel();
onnx::NodeProto &addNode(onnx::GraphProto &graph, const std::string &type,
                         const std::vector<std::string> &inputs,
                         const std::vector<std::string> &outputs, const std::string &name = "");
void setTensor(onnx::TensorProto &tensor, const std::string &name, int type,
               const std::vector<int64_t> &dims, const std::string &raw);
void addValue(onnx::ValueInfoProto &value, const std::string &name, int type,
              const std::vector<int64_t> &dims);

/// The outcome of an import: a module, or what was said and where ("node: message").
struct Imported {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string diagnostics;
  /// The module as text, without locations.
  std::string text();
};

Imported importFile(mlir::MLIRContext &context, const std::string &path,
                    const OnnxImportOptions &options = {});
Imported importModel(mlir::MLIRContext &context, const onnx::ModelProto &model,
                     const OnnxImportOptions &options = {});

} // namespace quern::test

#endif // QUERN_TEST_UNIT_FRONTEND_MODELMAKER_H
