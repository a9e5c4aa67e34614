// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"
#include "compiler/frontend/onnx/TensorData.h"

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/ConstantData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/GlobPattern.h"

#include <onnx/defs/schema.h>

namespace quern::onnxfile {
namespace {

using mlir::failure;
using mlir::FailureOr;
using mlir::LogicalResult;
using mlir::success;

/// Writes the normalized graph as `func.func @main`.
class ModuleBuilder {
public:
  explicit ModuleBuilder(ImportSession &session)
      : session(session), graph(session.model.graph()), builder(&session.context) {}

  mlir::OwningOpRef<mlir::ModuleOp> run() {
    collectTypes();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(session.fileLocation());
    builder.setInsertionPointToEnd(module->getBody());
    auto function = mlir::func::FuncOp::create(builder, session.fileLocation(), "main",
                                               builder.getFunctionType({}, {}));
    mlir::Block *body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    if (failed(addArguments(function)))
      return nullptr;
    for (auto [index, node] : llvm::enumerate(graph.node()))
      if (failed(importNode(node, session.nodeLocation(node, index))))
        return nullptr;
    if (failed(addResults(function)))
      return nullptr;
    return module;
  }

private:
  void collectTypes() {
    for (const auto *list : {&graph.value_info(), &graph.output()})
      for (const onnx::ValueInfoProto &value : *list)
        types[value.name()] = &value.type();
    for (const onnx::TensorProto &tensor : graph.initializer())
      initializers[tensor.name()] = &tensor;
    for (const onnx::OperatorSetIdProto &import : session.model.opset_import())
      versions[import.domain()] = import.version();
  }

  /// Unknown parts of a type are for Legalize to find out.
  FailureOr<mlir::Type> convertType(const onnx::TypeProto &type, llvm::StringRef name,
                                    mlir::Location location) {
    if (type.value_case() == onnx::TypeProto::VALUE_NOT_SET)
      return mlir::Type(onnxir::UnknownType::get(&session.context));
    if (!type.has_tensor_type())
      return session.error(location) << "expected the tensor '" << name
                                     << "', found a sequence, map, optional or sparse tensor, "
                                        "which is not supported";
    const onnx::TypeProto_Tensor &tensor = type.tensor_type();
    if (tensor.elem_type() == onnx::TensorProto::UNDEFINED)
      return mlir::Type(onnxir::UnknownType::get(&session.context));
    mlir::Type element = getElementType(session.context, tensor.elem_type());
    if (!element)
      return session.error(location)
             << "expected numbers or booleans in '" << name << "', found "
             << getDataTypeName(tensor.elem_type()) << ", which is not supported";
    if (!tensor.has_shape())
      return mlir::Type(mlir::UnrankedTensorType::get(element));
    llvm::SmallVector<int64_t> dims, known;
    for (const onnx::TensorShapeProto_Dimension &dim : tensor.shape().dim()) {
      dims.push_back(dim.has_dim_value() ? dim.dim_value() : mlir::ShapedType::kDynamic);
      if (dim.has_dim_value())
        known.push_back(dim.dim_value());
    }
    if (auto elements = countElements(known); !elements)
      return session.fail(location, elements.takeError(), "tensor '" + name + "': ");
    return mlir::Type(mlir::RankedTensorType::get(dims, element));
  }

  LogicalResult addArguments(mlir::func::FuncOp function) {
    for (const onnx::ValueInfoProto &input : graph.input()) {
      if (session.stored.contains(input.name()))
        continue;
      mlir::Location location = session.tensorLocation(input.name());
      FailureOr<mlir::Type> type = convertType(input.type(), input.name(), location);
      if (failed(type))
        return failure();
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(index, *type, nameAttr(input.name()), location)))
        return failure();
      values[input.name()] = function.getArgument(index);
    }
    return success();
  }

  mlir::DictionaryAttr nameAttr(llvm::StringRef name) {
    return builder.getDictionaryAttr(
        builder.getNamedAttr("quern.name", builder.getStringAttr(name)));
  }

  /// The value of a tensor; constants come into being where they are first used.
  mlir::Value getValue(const std::string &name) {
    if (mlir::Value value = values.lookup(name))
      return value;
    mlir::Value constant;
    if (auto found = session.stored.find(name); found != session.stored.end())
      constant = makeStored(name, found->second);
    else if (const onnx::TensorProto *tensor = initializers.lookup(name))
      constant = makeConstant(name, *tensor, session.tensorLocation(name));
    values[name] = constant;
    return constant;
  }

  mlir::Value makeConstant(llvm::StringRef name, const onnx::TensorProto &tensor,
                           mlir::Location location) {
    llvm::ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
    auto type =
        mlir::RankedTensorType::get(dims, getElementType(session.context, tensor.data_type()));
    return makeNamed(name, type, decodeTensor(tensor), location);
  }

  mlir::Value makeNamed(llvm::StringRef name, mlir::RankedTensorType type, std::vector<char> bytes,
                        mlir::Location location) {
    qir::ConstantOp constant = makeConstantFromBytes(builder, location, type, std::move(bytes));
    constant.setSiteAttr(builder.getStringAttr(name));
    return constant.getResult();
  }

  mlir::Value makeStored(llvm::StringRef name, const StoredTensor &stored) {
    mlir::Location location = session.tensorLocation(name);
    auto type =
        mlir::RankedTensorType::get(stored.dims, getElementType(session.context, stored.dataType));
    const MappedRange &payload = stored.payload;
    if (!isRawForm(stored.dataType))
      return makeNamed(
          name, type, decodeRaw(stored.dataType, type.getNumElements(), payload.bytes()), location);
    auto *dialect = session.context.getLoadedDialect<qir::QuernDialect>();
    std::string hash = dialect->getContentStore().add(payload.file, payload.offset, payload.length);
    auto blob = qir::BlobAttr::get(&session.context, hash, payload.length);
    return qir::ConstantOp::create(builder, location, type, blob, builder.getStringAttr(name))
        .getResult();
  }

  LogicalResult importNode(const onnx::NodeProto &node, mlir::Location location) {
    if (node.op_type() == "Constant" && node.domain().empty())
      return importConstant(node, location);
    mlir::OperationState state(location, onnxir::NodeOp::getOperationName());
    llvm::SmallVector<mlir::Value> operands;
    for (const std::string &input : node.input()) {
      operands.push_back(input.empty() ? getAbsent() : getValue(input));
      if (!operands.back())
        return session.error(location)
               << "expected the input '" << input << "' to be defined before, found no such tensor";
    }
    // Absent inputs at the end mean nothing.
    while (!operands.empty() && llvm::isa<mlir::NoneType>(operands.back().getType()))
      operands.pop_back();
    llvm::SmallVector<mlir::Type> resultTypes;
    llvm::SmallVector<mlir::Attribute> names;
    for (const std::string &output : node.output()) {
      FailureOr<mlir::Type> type = getResultType(output, location);
      if (failed(type))
        return failure();
      resultTypes.push_back(*type);
      names.push_back(builder.getStringAttr(output));
    }
    FailureOr<mlir::DictionaryAttr> attributes = convertAttributes(node, location);
    if (failed(attributes))
      return failure();
    auto imported = onnxir::NodeOp::create(
        builder, location, resultTypes, builder.getStringAttr(node.op_type()), operands,
        builder.getStringAttr(node.domain()), builder.getI64IntegerAttr(getSinceVersion(node)),
        builder.getArrayAttr(names), *attributes);
    for (auto [name, value] : llvm::zip(node.output(), imported.getResults()))
      if (!name.empty())
        values[name] = value;
    return success();
  }

  mlir::Value getAbsent() {
    if (!absent) {
      mlir::OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(builder.getInsertionBlock());
      absent = onnxir::AbsentOp::create(builder, session.fileLocation(), builder.getNoneType())
                   .getResult();
    }
    return absent;
  }

  FailureOr<mlir::Type> getResultType(const std::string &name, mlir::Location location) {
    if (name.empty())
      return mlir::Type(builder.getNoneType());
    const onnx::TypeProto *type = types.lookup(name);
    if (!type)
      return mlir::Type(onnxir::UnknownType::get(&session.context));
    return convertType(*type, name, location);
  }

  int64_t getSinceVersion(const onnx::NodeProto &node) {
    int64_t version = versions.lookup(node.domain());
    const onnx::OpSchema *schema =
        onnx::OpSchemaRegistry::Schema(node.op_type(), static_cast<int>(version), node.domain());
    return schema ? schema->since_version() : version;
  }

  FailureOr<mlir::DictionaryAttr> convertAttributes(const onnx::NodeProto &node,
                                                    mlir::Location location) {
    mlir::NamedAttrList list;
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      mlir::Attribute value = convertAttribute(attribute);
      if (!value)
        return session.error(location) << "attribute '" << attribute.name()
                                       << "': expected a number, string, list of these or tensor, "
                                          "found another kind, which "
                                          "is not supported";
      if (attribute.name().empty() || list.get(attribute.name()))
        return session.error(location) << "expected attributes with different names, found '"
                                       << attribute.name() << "' twice or without a name";
      list.append(attribute.name(), value);
    }
    return list.empty() ? mlir::DictionaryAttr() : list.getDictionary(&session.context);
  }

  mlir::Attribute convertAttribute(const onnx::AttributeProto &attribute) {
    switch (attribute.type()) {
    case onnx::AttributeProto::INT:
      return builder.getI64IntegerAttr(attribute.i());
    case onnx::AttributeProto::FLOAT:
      return builder.getF32FloatAttr(attribute.f());
    case onnx::AttributeProto::STRING:
      return builder.getStringAttr(attribute.s());
    case onnx::AttributeProto::INTS:
      return builder.getDenseI64ArrayAttr({attribute.ints().data(), size_t(attribute.ints_size())});
    case onnx::AttributeProto::FLOATS:
      return builder.getDenseF32ArrayAttr(
          {attribute.floats().data(), size_t(attribute.floats_size())});
    case onnx::AttributeProto::STRINGS: {
      llvm::SmallVector<mlir::Attribute> strings;
      for (const std::string &text : attribute.strings())
        strings.push_back(builder.getStringAttr(text));
      return builder.getArrayAttr(strings);
    }
    case onnx::AttributeProto::TENSOR:
      return convertTensor(attribute.t());
    default:
      return {};
    }
  }

  mlir::Attribute convertTensor(const onnx::TensorProto &tensor) {
    mlir::Type element = getElementType(session.context, tensor.data_type());
    llvm::ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
    auto type = mlir::RankedTensorType::get(dims, element);
    std::vector<char> bytes = decodeTensor(tensor);
    if (element.isInteger(1))
      return mlir::DenseElementsAttr::get(
          type, llvm::ArrayRef(reinterpret_cast<const bool *>(bytes.data()), bytes.size()));
    return mlir::DenseElementsAttr::getFromRawBuffer(type, bytes);
  }

  /// `Constant` in its forms: a tensor, or numbers given as attributes.
  LogicalResult importConstant(const onnx::NodeProto &node, mlir::Location location) {
    if (node.attribute_size() != 1 || node.output_size() != 1 || node.output(0).empty())
      return session.error(location) << "expected one attribute and one output of Constant, found "
                                     << node.attribute_size() << " and " << node.output_size();
    const onnx::AttributeProto &attribute = node.attribute(0);
    onnx::TensorProto tensor;
    if (attribute.name() == "value" && attribute.has_t()) {
      values[node.output(0)] = makeConstant(node.output(0), attribute.t(), location);
      return success();
    }
    if (attribute.name() == "value_float" || attribute.name() == "value_floats") {
      tensor.set_data_type(onnx::TensorProto::FLOAT);
      *tensor.mutable_float_data() = attribute.floats();
      if (attribute.name() == "value_float")
        tensor.add_float_data(attribute.f());
    } else if (attribute.name() == "value_int" || attribute.name() == "value_ints") {
      tensor.set_data_type(onnx::TensorProto::INT64);
      *tensor.mutable_int64_data() = attribute.ints();
      if (attribute.name() == "value_int")
        tensor.add_int64_data(attribute.i());
    } else {
      return session.error(location) << "expected a Constant of numbers, found attribute '"
                                     << attribute.name() << "', which is not supported";
    }
    if (llvm::StringRef(attribute.name()).ends_with("s"))
      tensor.add_dims(tensor.float_data_size() + tensor.int64_data_size());
    if (llvm::Error problem = checkTensor(tensor, std::nullopt))
      return session.fail(location, std::move(problem));
    values[node.output(0)] = makeConstant(node.output(0), tensor, location);
    return success();
  }

  LogicalResult addResults(mlir::func::FuncOp function) {
    llvm::SmallVector<std::string> names;
    for (const onnx::ValueInfoProto &output : graph.output())
      names.push_back(output.name());
    if (failed(addKept(names)))
      return failure();
    llvm::SmallVector<mlir::Value> results;
    for (auto [index, name] : llvm::enumerate(names)) {
      mlir::Value value = getValue(name);
      if (!value)
        return session.error(session.tensorLocation(name))
               << "expected the graph output '" << name << "' to be defined, found no such tensor";
      results.push_back(value);
      if (failed(function.insertResult(index, value.getType(), nameAttr(name))))
        return failure();
    }
    mlir::func::ReturnOp::create(builder, session.fileLocation(), results);
    return success();
  }

  /// Names of node outputs that `--keep` asks for, in graph order.
  LogicalResult addKept(llvm::SmallVectorImpl<std::string> &names) {
    for (const std::string &text : session.options.keep) {
      auto glob = llvm::GlobPattern::create(text, /*MaxSubPatterns=*/1024);
      if (!glob)
        return session.fail(session.fileLocation(), glob.takeError(), "--keep=" + text + ": ");
      bool matched = false;
      for (const onnx::NodeProto &node : graph.node())
        for (const std::string &output : node.output()) {
          if (output.empty() || !glob->match(output))
            continue;
          matched = true;
          if (!llvm::is_contained(names, output))
            names.push_back(output);
        }
      if (!matched)
        return session.error(session.fileLocation())
               << "--keep=" << text << " matches no tensor of the graph, expected one at least";
    }
    return success();
  }

  ImportSession &session;
  const onnx::GraphProto &graph;
  mlir::OpBuilder builder;
  llvm::StringMap<const onnx::TypeProto *> types;
  llvm::StringMap<const onnx::TensorProto *> initializers;
  llvm::StringMap<int64_t> versions;
  llvm::StringMap<mlir::Value> values;
  mlir::Value absent;
};

} // namespace

mlir::OwningOpRef<mlir::ModuleOp> buildModule(ImportSession &session) {
  return ModuleBuilder(session).run();
}

} // namespace quern::onnxfile
