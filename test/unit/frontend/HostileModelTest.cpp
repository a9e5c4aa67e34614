// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ModelMaker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quern::test {
namespace {

using onnx::GraphProto;
using onnx::ModelProto;
using onnx::TensorProto;
using testing::HasSubstr;

/// Each test damages a good model and expects one error that names the place.
class HostileModel : public testing::Test {
protected:
  HostileModel() : model(makeModel()), graph(*model.mutable_graph()) {}

  void expectError(const std::string &text) {
    Imported imported = importModel(context, model);
    EXPECT_FALSE(imported.module);
    EXPECT_THAT(imported.diagnostics, HasSubstr(text));
    EXPECT_THAT(imported.diagnostics, testing::Not(HasSubstr("NO FILE")));
  }

  mlir::MLIRContext context;
  ModelProto model;
  GraphProto &graph;
};

TEST_F(HostileModel, TruncatedAtEveryByte) {
  // A small weight, so that the file is short.
  graph.clear_initializer();
  setTensor(*graph.add_initializer(), "w", TensorProto::FLOAT, {4, 2}, std::string(32, 'w'));
  graph.mutable_output(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(2);
  std::string bytes = model.SerializeAsString();
  TemporaryFolder folder;
  ASSERT_TRUE(importFile(context, folder.write("whole.onnx", bytes)).module);
  for (size_t length = 0; length < bytes.size(); ++length) {
    Imported imported = importFile(context, folder.write("part.onnx", bytes.substr(0, length)));
    EXPECT_FALSE(imported.module) << length;
    EXPECT_FALSE(imported.diagnostics.empty()) << length;
  }
}

TEST_F(HostileModel, ChangedBytes) {
  graph.clear_initializer();
  setTensor(*graph.add_initializer(), "w", TensorProto::FLOAT, {4, 2}, std::string(32, 'w'));
  std::string bytes = model.SerializeAsString();
  TemporaryFolder folder;
  for (size_t position = 0; position < bytes.size(); ++position)
    for (int value : {0, 0x7f, 0xff}) {
      std::string changed = bytes;
      changed[position] = static_cast<char>(value);
      Imported imported = importFile(context, folder.write("changed.onnx", changed));
      EXPECT_TRUE(imported.module || !imported.diagnostics.empty()) << position;
    }
}

TEST_F(HostileModel, NotAFile) {
  TemporaryFolder folder;
  EXPECT_THAT(importFile(context, folder.path.string()).diagnostics,
              HasSubstr("expected a regular file"));
  EXPECT_THAT(importFile(context, (folder.path / "none").string()).diagnostics,
              HasSubstr("cannot open"));
  EXPECT_THAT(importFile(context, folder.write("text", "hello world\n")).diagnostics,
              HasSubstr("not a readable onnx model"));
}

TEST_F(HostileModel, Versions) {
  model.set_ir_version(99);
  expectError("expected onnx ir version 3 to 13, found 99");
  model.set_ir_version(9);
  model.mutable_opset_import(0)->set_version(99);
  expectError("of 'ai.onnx', found 99");
  model.mutable_opset_import(0)->set_version(6);
  expectError("expected operator set version 7 to");
  model.mutable_opset_import(0)->set_version(17);
  model.add_opset_import()->set_domain("ai.onnx");
  expectError("expected one operator set version for each domain, found two for 'ai.onnx'");
  model.clear_opset_import();
  expectError("expected the file to import an operator set of domain 'ai.onnx', found none");
}

TEST_F(HostileModel, OperatorsAndDomains) {
  graph.mutable_node(1)->set_op_type("Frobnicate");
  expectError("Frobnicate_1: unknown operator 'Frobnicate' in operator set 17 of ai.onnx");
  graph.mutable_node(1)->set_domain("org.example");
  expectError("unknown domain 'org.example' of operator 'Frobnicate'");
  graph.mutable_node(1)->clear_op_type();
  expectError("expected an operator name");
}

TEST_F(HostileModel, MissingGraphAndOutputs) {
  graph.clear_output();
  expectError("expected at least one graph output");
  addValue(*graph.add_output(), "nowhere", TensorProto::FLOAT, {1});
  expectError("nowhere: expected the graph output 'nowhere'");
  model.clear_graph();
  expectError("expected a graph, found none");
}

TEST_F(HostileModel, NamesAndReferences) {
  graph.mutable_node(0)->set_input(1, "lost");
  expectError("first: expected the input 'lost' to be a graph input");
  graph.mutable_node(0)->set_input(1, "w");
  graph.mutable_node(1)->set_output(0, "m");
  expectError("Relu_1: expected each tensor to be defined once, found 'm' twice");
  graph.mutable_node(1)->set_output(0, "y");
  graph.mutable_initializer(0)->clear_name();
  expectError("expected a name of the initializer");
  graph.mutable_initializer(0)->set_name("w");
  *graph.add_initializer() = graph.initializer(0);
  expectError("expected different names for initializers, found 'w' twice");
  graph.mutable_initializer()->RemoveLast();
  graph.mutable_node(0)->set_name(std::string(1 << 20, 'n'));
  expectError("expected names of at most 4096 bytes");
}

TEST_F(HostileModel, Cycles) {
  graph.mutable_node(0)->set_input(0, "y");
  expectError("first: expected a graph without cycles");
  graph.mutable_node(0)->set_input(0, "m");
  expectError("expected a graph without cycles");
}

TEST_F(HostileModel, Subgraphs) {
  onnx::NodeProto &node = addNode(graph, "If", {"x"}, {"r"}, "choice");
  GraphProto *inner = node.add_attribute()->mutable_g();
  expectError("choice: control flow is not supported: 'If' has a subgraph");
  for (int depth = 0; depth < 10000; ++depth)
    inner = addNode(*inner, "If", {"c"}, {"r"}).add_attribute()->mutable_g();
  expectError("nested at most 8 deep");
}

TEST_F(HostileModel, TensorSizes) {
  TensorProto &tensor = *graph.mutable_initializer(0);
  tensor.mutable_raw_data()->pop_back();
  expectError("w: initializer 'w': expected 8192 bytes of FLOAT by the shape, found 8191");
  tensor.set_dims(0, -4);
  expectError("expected dimensions of 0 or more, found -4");
  tensor.set_dims(0, int64_t(1) << 62);
  expectError("expected at most 2^40 elements");
  tensor.set_dims(0, 4);
  tensor.set_data_type(TensorProto::STRING);
  expectError("found a tensor of STRING, which is not supported");
  tensor.set_data_type(77);
  expectError("found a tensor of data type 77");
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.clear_raw_data();
  expectError("expected 2048 values of FLOAT by the shape, found 0");
  for (int64_t i = 0; i < 64; ++i)
    tensor.add_dims(1);
  expectError("expected at most 32 dimensions");
}

TEST_F(HostileModel, ConstantsAndAttributes) {
  onnx::NodeProto &node = addNode(graph, "Constant", {}, {"c"}, "fixed");
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.set_type(onnx::AttributeProto::TENSOR);
  setTensor(*attribute.mutable_t(), "", TensorProto::FLOAT, {300}, std::string(1199, 'c'));
  expectError("fixed: attribute 'value': expected 1200 bytes of FLOAT by the shape, found 1199");
  *node.add_attribute() = node.attribute(0);
  expectError("expected one tensor 'value' and one output of Constant");
  node.clear_attribute();
  expectError("fixed: ");
}

TEST_F(HostileModel, InputsWithoutSizes) {
  onnx::TypeProto &type = *graph.mutable_input(0)->mutable_type();
  type.mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(-1);
  expectError("x: input 'x' has no size in dimension 0, found [-1, 4]");
  type.mutable_tensor_type()->clear_shape();
  expectError("input 'x' has no shape: give it with --shape=x=");
  type.mutable_tensor_type()->set_elem_type(TensorProto::STRING);
  expectError("expected numbers or booleans as input 'x', found STRING");
  type.mutable_sequence_type();
  expectError("expected a tensor as input 'x'");
  graph.mutable_input(0)->clear_type();
  expectError("expected a tensor as input 'x'");
}

TEST_F(HostileModel, HugeShapes) {
  onnx::TensorShapeProto &shape =
      *graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(0)->set_dim_value(INT64_MAX);
  expectError("input 'x': expected at most 2^40 elements");
  shape.mutable_dim(0)->set_dim_value(1);
  // An attribute that asks for an allocation: 2^60 elements.
  setTensor(*graph.add_initializer(), "size", TensorProto::INT64, {1},
            std::string("\0\0\0\0\0\0\0\x10", 8));
  addNode(graph, "ConstantOfShape", {"size"}, {"big"}, "bomb");
  expectError("bomb: tensor 'big': expected at most 2^40 elements");
}

TEST_F(HostileModel, ShapesThatDoNotFit) {
  graph.mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(5);
  expectError("first: types and shapes do not fit");
}

TEST_F(HostileModel, FunctionBombs) {
  // f0 calls f1 twice, f1 calls f2 twice, …: 2^40 nodes.
  auto name = [](int level) { return "f" + std::to_string(level); };
  for (int level = 0; level < 40; ++level) {
    onnx::FunctionProto &function = *model.add_functions();
    function.set_domain("local");
    function.set_name(name(level));
    function.add_input("a");
    function.add_output("c");
    onnx::OperatorSetIdProto &import = *function.add_opset_import();
    import.set_domain("local");
    import.set_version(1);
    for (auto [from, to] : {std::pair("a", "b"), std::pair("b", "c")}) {
      onnx::NodeProto &node = *function.add_node();
      node.set_domain("local");
      node.set_op_type(name(level + 1));
      node.add_input(from);
      node.add_output(to);
    }
  }
  onnx::OperatorSetIdProto &import = *model.add_opset_import();
  import.set_domain("local");
  import.set_version(1);
  onnx::FunctionProto last = model.functions(39);
  last.set_name(name(40));
  last.clear_node();
  *model.add_functions() = last;
  graph.mutable_node(1)->set_domain("local");
  graph.mutable_node(1)->set_op_type("f0");
  expectError("expected at most 1048576 nodes with functions expanded");
  for (onnx::NodeProto &node : *model.mutable_functions(39)->mutable_node())
    node.set_op_type("f0");
  expectError("expected functions that do not call themselves");
}

} // namespace
} // namespace quern::test
