// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ModelMaker.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <fstream>

namespace quern::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "quern-import-XXXXXX").string();
  path = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::string TemporaryFolder::write(const std::string &name, const std::string &bytes) const {
  std::filesystem::path file = path / name;
  std::ofstream(file, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
  return file.string();
}

onnx::NodeProto &addNode(onnx::GraphProto &graph, const std::string &type,
                         const std::vector<std::string> &inputs,
                         const std::vector<std::string> &outputs, const std::string &name) {
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type(type);
  node.set_name(name);
  for (const std::string &input : inputs)
    node.add_input(input);
  for (const std::string &output : outputs)
    node.add_output(output);
  return node;
}

void setTensor(onnx::TensorProto &tensor, const std::string &name, int type,
               const std::vector<int64_t> &dims, const std::string &raw) {
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (int64_t dim : dims)
    tensor.add_dims(dim);
  tensor.set_raw_data(raw);
}

void addValue(onnx::ValueInfoProto &value, const std::string &name, int type,
              const std::vector<int64_t> &dims) {
  value.set_name(name);
  onnx::TypeProto_Tensor &tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  for (int64_t dim : dims)
    tensor.mutable_shape()->add_dim()->set_dim_value(dim);
}

onnx::ModelProto makeModel() {
  onnx::ModelProto model;
  model.set_ir_version(9);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto &graph = *model.mutable_graph();
  graph.set_name("g");
  addValue(*graph.add_input(), "x", onnx::TensorProto::FLOAT, {1, 4});
  addValue(*graph.add_output(), "y", onnx::TensorProto::FLOAT, {1, 512});
  std::string raw(4 * 512 * 4, '\0');
  for (size_t i = 0; i < raw.size(); ++i)
    raw[i] = static_cast<char>(i % 61);
  setTensor(*graph.add_initializer(), "w", onnx::TensorProto::FLOAT, {4, 512}, raw);
  addNode(graph, "MatMul", {"x", "w"}, {"m"}, "first");
  addNode(graph, "Relu", {"m"}, {"y"});
  return model;
}

std::string Imported::text() {
  std::string result;
  llvm::raw_string_ostream stream(result);
  if (module)
    module->print(stream);
  return result;
}

Imported importFile(mlir::MLIRContext &context, const std::string &path,
                    const OnnxImportOptions &options) {
  Imported result;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    mlir::Location location = diagnostic.getLocation();
    if (auto named = llvm::dyn_cast<mlir::NameLoc>(location)) {
      result.diagnostics += named.getName().str() + ": ";
      location = named.getChildLoc();
    }
    // Every diagnostic names the file.
    if (!llvm::isa<mlir::FileLineColLoc>(location))
      result.diagnostics += "NO FILE: ";
    result.diagnostics += diagnostic.str() + "\n";
  });
  result.module = importOnnx(context, path, options);
  return result;
}

Imported importModel(mlir::MLIRContext &context, const onnx::ModelProto &model,
                     const OnnxImportOptions &options) {
  TemporaryFolder folder;
  return importFile(context, folder.write("model.onnx", model.SerializeAsString()), options);
}

} // namespace quern::test
