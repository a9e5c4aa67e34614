// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"
#include "compiler/frontend/onnx/TensorData.h"

#include "llvm/ADT/STLExtras.h"

namespace quern::onnxfile {
namespace {

using mlir::failure;
using mlir::LogicalResult;
using mlir::success;
using Dimension = onnx::TensorShapeProto_Dimension;

/// The file's shape, for example "[N, 3, 224, ?]".
std::string describe(const onnx::TensorShapeProto &shape) {
  std::string text = "[";
  for (const Dimension &dim : shape.dim()) {
    if (text.size() > 1)
      text += ", ";
    if (dim.has_dim_value())
      text += std::to_string(dim.dim_value());
    else
      text += dim.dim_param().empty() ? "?" : dim.dim_param();
  }
  return text + "]";
}

class Binder {
public:
  explicit Binder(ImportSession &session)
      : session(session), graph(*session.model.mutable_graph()) {}

  LogicalResult run() {
    if (failed(checkOptionNames()))
      return failure();
    for (onnx::ValueInfoProto &input : *graph.mutable_input())
      if (!session.stored.contains(input.name()) && failed(bindInput(input)))
        return failure();
    // Sizes that one input binds may be another's symbol: apply them before asking for more.
    for (auto *list : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()})
      for (onnx::ValueInfoProto &value : *list)
        substitute(value);
    for (const onnx::ValueInfoProto &input : graph.input())
      if (failed(checkStatic(input)))
        return failure();
    return success();
  }

private:
  LogicalResult checkOptionNames() {
    for (const auto &option : session.options.shapes) {
      std::string names;
      bool known = false;
      for (const onnx::ValueInfoProto &input : graph.input()) {
        if (session.stored.contains(input.name()))
          continue;
        known |= input.name() == option.getKey();
        names += (names.empty() ? "'" : ", '") + input.name() + "'";
      }
      if (!known)
        return session.error(session.fileLocation()) << "--shape names '" << option.getKey()
                                                     << "', expected one of the inputs: " << names;
    }
    return success();
  }

  LogicalResult bindInput(onnx::ValueInfoProto &input) {
    mlir::Location location = session.tensorLocation(input.name());
    if (!input.type().has_tensor_type())
      return session.error(location) << "expected a tensor as input '" << input.name()
                                     << "', found a sequence, map or optional, or no type";
    onnx::TypeProto_Tensor &type = *input.mutable_type()->mutable_tensor_type();
    if (getElementBits(type.elem_type()) == 0)
      return session.error(location)
             << "expected numbers or booleans as input '" << input.name() << "', found "
             << getDataTypeName(type.elem_type()) << ", which is not supported";
    auto option = session.options.shapes.find(input.name());
    if (option == session.options.shapes.end())
      return success();
    llvm::ArrayRef<int64_t> dims = option->second;
    bool ranked = type.has_shape();
    onnx::TensorShapeProto &shape = *type.mutable_shape();
    if (!ranked)
      for (size_t i = 0; i < dims.size(); ++i)
        shape.add_dim();
    if (static_cast<size_t>(shape.dim_size()) != dims.size())
      return session.error(location)
             << "--shape gives input '" << input.name() << "' " << dims.size()
             << " dimensions, expected " << shape.dim_size() << ": " << describe(shape);
    for (auto [index, dim] : llvm::enumerate(*shape.mutable_dim()))
      if (failed(bindDimension(input.name(), index, dim, dims[index])))
        return failure();
    return success();
  }

  LogicalResult bindDimension(const std::string &name, size_t index, Dimension &dim, int64_t size) {
    mlir::Location location = session.tensorLocation(name);
    if (size < 1)
      return session.error(location) << "--shape gives input '" << name << "' size " << size
                                     << " in dimension " << index << ", expected 1 or more";
    if (dim.has_dim_value() && dim.dim_value() > 0 && dim.dim_value() != size)
      return session.error(location)
             << "--shape gives input '" << name << "' size " << size << " in dimension " << index
             << ", where the file fixes " << dim.dim_value();
    if (dim.has_dim_param() && !dim.dim_param().empty()) {
      auto [bound, fresh] = symbols.try_emplace(dim.dim_param(), size);
      if (!fresh && bound->second != size)
        return session.error(location)
               << "--shape gives '" << dim.dim_param() << "' size " << size << " in input '" << name
               << "' and " << bound->second << " elsewhere, expected one size";
    }
    dim.set_dim_value(size);
    return success();
  }

  void substitute(onnx::ValueInfoProto &value) {
    if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape())
      return;
    for (Dimension &dim :
         *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim())
      if (auto bound = symbols.find(dim.dim_param()); bound != symbols.end())
        dim.set_dim_value(bound->second);
  }

  LogicalResult checkStatic(const onnx::ValueInfoProto &input) {
    mlir::Location location = session.tensorLocation(input.name());
    const onnx::TypeProto_Tensor &type = input.type().tensor_type();
    if (!type.has_shape())
      return session.error(location)
             << "input '" << input.name() << "' has no shape: give it with --shape=" << input.name()
             << "=SIZExSIZEx...";
    std::vector<int64_t> dims;
    for (auto [index, dim] : llvm::enumerate(type.shape().dim())) {
      // Some exporters write an unknown size as -1; 0 is an empty tensor.
      bool unknown = !dim.has_dim_value() || dim.dim_value() < 0;
      if (unknown && !session.stored.contains(input.name())) {
        auto diagnostic = session.error(location)
                          << "input '" << input.name() << "' has no size in dimension " << index;
        if (!dim.dim_param().empty())
          diagnostic << " ('" << dim.dim_param() << "')";
        return diagnostic << ", found " << describe(type.shape())
                          << ": give one with --shape=" << input.name() << "="
                          << describeWanted(type.shape());
      }
      dims.push_back(dim.dim_value());
    }
    if (auto elements = countElements(dims); !elements)
      return session.fail(location, elements.takeError(), "input '" + input.name() + "': ");
    return success();
  }

  /// The shape to give, 1 for each unknown size.
  static std::string describeWanted(const onnx::TensorShapeProto &shape) {
    std::string text;
    for (const Dimension &dim : shape.dim()) {
      int64_t size = dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : 1;
      text += (text.empty() ? "" : "x") + std::to_string(size);
    }
    return text;
  }

  ImportSession &session;
  onnx::GraphProto &graph;
  llvm::StringMap<int64_t> symbols;
};

} // namespace

LogicalResult bindShapes(ImportSession &session) { return Binder(session).run(); }

} // namespace quern::onnxfile
