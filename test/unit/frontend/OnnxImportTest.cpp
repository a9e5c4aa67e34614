// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/OnnxImport.h"

#include "ModelMaker.h"
#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/QuernOps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quern::test {
namespace {

using onnx::TensorProto;
using testing::AllOf;
using testing::HasSubstr;

/// The text of the constant `name`: an elements attribute or a blob.
std::string constantText(mlir::ModuleOp module, llvm::StringRef name) {
  std::string text;
  module.walk([&](qir::ConstantOp constant) {
    if (constant.getSite() && *constant.getSite() == name)
      llvm::raw_string_ostream(text) << constant.getValue() << " " << constant.getType();
  });
  return text;
}

TEST(OnnxImport, NodesConstantsNamesAndLocations) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  EXPECT_THAT(imported.text(),
              AllOf(HasSubstr("%arg0: tensor<1x4xf32> {quern.name = \"x\"}"),
                    HasSubstr("-> (tensor<1x512xf32> {quern.name = \"y\"})"),
                    HasSubstr("onnx.node \"MatMul\"(%arg0, %0) since 13 outputs [\"m\"]"),
                    HasSubstr("onnx.node \"Relu\"(%1) since 14 outputs [\"y\"]")));
  std::vector<std::string> names;
  imported.module->walk([&](onnxir::NodeOp node) {
    auto location = llvm::cast<mlir::NameLoc>(node.getLoc());
    auto file = llvm::cast<mlir::FileLineColLoc>(location.getChildLoc());
    names.push_back(location.getName().str() + "@" + std::to_string(file.getLine()));
  });
  EXPECT_THAT(names, testing::ElementsAre("first@0", "Relu_1@1"));
}

TEST(OnnxImport, WeightsAreTheFilesBytes) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  auto &store = context.getLoadedDialect<qir::QuernDialect>()->getContentStore();
  imported.module->walk([&](qir::ConstantOp constant) {
    auto blob = llvm::cast<qir::BlobAttr>(constant.getValue());
    llvm::ArrayRef<char> bytes = store.get(blob.getHash());
    EXPECT_EQ(std::string(bytes.data(), bytes.size()), model.graph().initializer(0).raw_data());
  });
}

TEST(OnnxImport, ElementTypesAndLayouts) {
  mlir::MLIRContext context;
  onnx::ModelProto model;
  model.set_ir_version(13);
  model.add_opset_import()->set_version(25);
  onnx::GraphProto &graph = *model.mutable_graph();
  auto add = [&](const char *name, int type, const std::vector<int64_t> &dims,
                 const std::string &raw) {
    setTensor(*graph.add_initializer(), name, type, dims, raw);
    addNode(graph, "Identity", {name}, {std::string("out_") + name});
    addValue(*graph.add_output(), std::string("out_") + name, type, dims);
  };
  add("s4", TensorProto::INT4, {3}, "\xf1\x08");
  add("u4", TensorProto::UINT4, {3}, "\xf1\x08");
  add("s2", TensorProto::INT2, {4}, "\xe4");
  add("b", TensorProto::BOOL, {2}, std::string("\x00\x07", 2));
  add("h", TensorProto::FLOAT16, {1}, std::string("\x00\x3c", 2));
  add("e4m3", TensorProto::FLOAT8E4M3FN, {1}, "\x38");
  add("e5m2", TensorProto::FLOAT8E5M2, {1}, "\x3c");
  add("u8", TensorProto::UINT8, {2}, "\xff\x01");
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  EXPECT_EQ(constantText(*imported.module, "s4"),
            "dense<[1, -1, -8]> : tensor<3xsi4> tensor<3xsi4>");
  EXPECT_EQ(constantText(*imported.module, "u4"),
            "dense<[1, 15, 8]> : tensor<3xui4> tensor<3xui4>");
  EXPECT_EQ(constantText(*imported.module, "s2"),
            "dense<[0, 1, -2, -1]> : tensor<4xsi2> tensor<4xsi2>");
  EXPECT_EQ(constantText(*imported.module, "b"),
            "dense<[false, true]> : tensor<2xi1> tensor<2xi1>");
  EXPECT_THAT(constantText(*imported.module, "h"),
              HasSubstr("dense<1.000000e+00> : tensor<1xf16>"));
  EXPECT_THAT(constantText(*imported.module, "e4m3"), HasSubstr("dense<1.000000e+00>"));
  EXPECT_THAT(constantText(*imported.module, "e5m2"), HasSubstr("dense<1.000000e+00>"));
  EXPECT_THAT(constantText(*imported.module, "u8"), HasSubstr("dense<[255, 1]> : tensor<2xui8>"));
}

TEST(OnnxImport, TypedDataFields) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  onnx::GraphProto &graph = *model.mutable_graph();
  auto add = [&](const char *name, int type) -> onnx::TensorProto & {
    onnx::TensorProto &tensor = *graph.add_initializer();
    setTensor(tensor, name, type, {2}, "");
    tensor.clear_raw_data();
    addNode(graph, "Identity", {name}, {std::string("out_") + name});
    addValue(*graph.add_output(), std::string("out_") + name, type, {2});
    return tensor;
  };
  onnx::TensorProto &bytes = add("s8", TensorProto::INT8);
  bytes.add_int32_data(-128);
  bytes.add_int32_data(127);
  onnx::TensorProto &halves = add("h", TensorProto::FLOAT16);
  halves.add_int32_data(0x3c00);
  halves.add_int32_data(0xbc00);
  onnx::TensorProto &longs = add("l", TensorProto::INT64);
  longs.add_int64_data(-1);
  longs.add_int64_data(1);
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  EXPECT_THAT(constantText(*imported.module, "s8"), HasSubstr("dense<[-128, 127]>"));
  EXPECT_THAT(constantText(*imported.module, "h"), HasSubstr("[1.000000e+00, -1.000000e+00]"));
  EXPECT_THAT(constantText(*imported.module, "l"), HasSubstr("dense<[-1, 1]>"));
}

TEST(OnnxImport, SymbolicSizesAreBoundByShape) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  auto symbolic = [](onnx::ValueInfoProto &value) {
    onnx::TensorShapeProto *shape = value.mutable_type()->mutable_tensor_type()->mutable_shape();
    shape->mutable_dim(0)->set_dim_param("N");
  };
  symbolic(*model.mutable_graph()->mutable_input(0));
  symbolic(*model.mutable_graph()->mutable_output(0));
  EXPECT_EQ(importModel(context, model).diagnostics,
            "x: input 'x' has no size in dimension 0 ('N'), found [N, 4]: give one with "
            "--shape=x=1x4\n");
  OnnxImportOptions options;
  options.shapes["x"] = {3, 4};
  EXPECT_THAT(importModel(context, model, options).text(), HasSubstr("tensor<3x512xf32>"));
  options.shapes["x"] = {3, 5};
  EXPECT_THAT(importModel(context, model, options).diagnostics,
              HasSubstr("size 5 in dimension 1, where the file fixes 4"));
  options.shapes["x"] = {4};
  EXPECT_THAT(importModel(context, model, options).diagnostics,
              HasSubstr("1 dimensions, expected 2: [N, 4]"));
  options.shapes["x"] = {0, 4};
  EXPECT_THAT(importModel(context, model, options).diagnostics, HasSubstr("expected 1 or more"));
  OnnxImportOptions other;
  other.shapes["z"] = {1};
  EXPECT_THAT(importModel(context, model, other).diagnostics,
              HasSubstr("--shape names 'z', expected one of the inputs: 'x'"));
}

TEST(OnnxImport, EmptyTensors) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(0);
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_THAT(importModel(context, model).text(), HasSubstr("tensor<0x512xf32>"));
}

TEST(OnnxImport, KeepAddsOutputs) {
  mlir::MLIRContext context;
  OnnxImportOptions options;
  options.keep = {"m*"};
  EXPECT_THAT(importModel(context, makeModel(), options).text(),
              HasSubstr("tensor<1x512xf32> {quern.name = \"m\"})"));
  options.keep = {"nothing"};
  EXPECT_THAT(importModel(context, makeModel(), options).diagnostics,
              HasSubstr("--keep=nothing matches no tensor"));
}

TEST(OnnxImport, ForeignDomainsKeepTheirNodes) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  model.mutable_graph()->mutable_node(1)->set_op_type("Gelu");
  model.mutable_graph()->mutable_node(1)->set_domain("com.microsoft");
  Imported imported = importModel(context, model);
  EXPECT_THAT(imported.text(), HasSubstr("onnx.node \"Gelu\"(%1) of \"com.microsoft\" since 1"));
}

TEST(OnnxImport, OldInitializersListedAsInputs) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  model.set_ir_version(3);
  model.mutable_opset_import(0)->set_version(7);
  addValue(*model.mutable_graph()->add_input(), "w", TensorProto::FLOAT, {4, 512});
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  EXPECT_THAT(imported.text(), HasSubstr("@main(%arg0: tensor<1x4xf32> {quern.name = \"x\"}) ->"));
}

TEST(OnnxImport, FunctionsAreExpandedAndNodesSorted) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  onnx::FunctionProto &function = *model.add_functions();
  function.set_domain("local");
  function.set_name("Twice");
  function.add_input("a");
  function.add_output("b");
  function.add_opset_import()->set_version(17);
  onnx::NodeProto &inner = *function.add_node();
  inner.set_op_type("Add");
  inner.add_input("a");
  inner.add_input("a");
  inner.add_output("b");
  onnx::OperatorSetIdProto &import = *model.add_opset_import();
  import.set_domain("local");
  import.set_version(1);
  onnx::NodeProto &call = *model.mutable_graph()->mutable_node(1);
  call.set_op_type("Twice");
  call.set_domain("local");
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  Imported imported = importModel(context, model);
  ASSERT_TRUE(imported.module) << imported.diagnostics;
  EXPECT_THAT(imported.text(), HasSubstr("onnx.node \"Add\"(%1, %1)"));
}

TEST(OnnxImport, OmittedInputsAreAbsent) {
  mlir::MLIRContext context;
  onnx::ModelProto model = makeModel();
  onnx::NodeProto &node = *model.mutable_graph()->mutable_node(1);
  node.set_op_type("Clip");
  node.add_input("");
  node.add_input("six");
  setTensor(*model.mutable_graph()->add_initializer(), "six", TensorProto::FLOAT, {},
            std::string("\0\0\xc0\x40", 4));
  Imported imported = importModel(context, model);
  EXPECT_THAT(imported.text(), HasSubstr("(tensor<1x512xf32>, none, tensor<f32>)"));
}

} // namespace
} // namespace quern::test
