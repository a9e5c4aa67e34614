// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/TensorData.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

namespace quern::onnxfile {
namespace {

using llvm::Error;
using llvm::Expected;
using llvm::Twine;
using onnx::TensorProto;

Error problem(const Twine &text) { return llvm::createStringError(text); }

/// How many values the typed fields hold, by the field that the data type uses. Types of less
/// than 8 bits have one byte of packed elements for each int32.
int64_t countTypedValues(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return tensor.float_data_size();
  case TensorProto::DOUBLE:
    return tensor.double_data_size();
  case TensorProto::INT64:
    return tensor.int64_data_size();
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return tensor.uint64_data_size();
  default:
    return tensor.int32_data_size();
  }
}

template <typename Stored, typename Values>
void appendValues(std::vector<char> &out, const Values &values) {
  out.reserve(values.size() * sizeof(Stored));
  for (auto value : values) {
    auto stored = static_cast<Stored>(value);
    const char *bytes = reinterpret_cast<const char *>(&stored);
    out.insert(out.end(), bytes, bytes + sizeof(Stored));
  }
}

/// The typed fields as raw_data would hold them.
std::vector<char> typedToRaw(const TensorProto &tensor) {
  std::vector<char> raw;
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    appendValues<float>(raw, tensor.float_data());
    break;
  case TensorProto::DOUBLE:
    appendValues<double>(raw, tensor.double_data());
    break;
  case TensorProto::INT64:
    appendValues<int64_t>(raw, tensor.int64_data());
    break;
  case TensorProto::UINT32:
    appendValues<uint32_t>(raw, tensor.uint64_data());
    break;
  case TensorProto::UINT64:
    appendValues<uint64_t>(raw, tensor.uint64_data());
    break;
  case TensorProto::INT32:
    appendValues<int32_t>(raw, tensor.int32_data());
    break;
  default:
    if (getElementBits(tensor.data_type()) == 16)
      appendValues<uint16_t>(raw, tensor.int32_data());
    else
      appendValues<uint8_t>(raw, tensor.int32_data());
  }
  return raw;
}

} // namespace

mlir::Type getElementType(mlir::MLIRContext &context, int32_t dataType) {
  mlir::Builder builder(&context);
  auto integer = [&](unsigned bits, bool isSigned) {
    return builder.getIntegerType(bits, isSigned);
  };
  switch (dataType) {
  case TensorProto::FLOAT:
    return builder.getF32Type();
  case TensorProto::FLOAT16:
    return builder.getF16Type();
  case TensorProto::BFLOAT16:
    return builder.getBF16Type();
  case TensorProto::DOUBLE:
    return builder.getF64Type();
  case TensorProto::BOOL:
    return builder.getI1Type();
  case TensorProto::INT8:
    return integer(8, true);
  case TensorProto::UINT8:
    return integer(8, false);
  case TensorProto::INT16:
    return integer(16, true);
  case TensorProto::UINT16:
    return integer(16, false);
  case TensorProto::INT32:
    return integer(32, true);
  case TensorProto::UINT32:
    return integer(32, false);
  case TensorProto::INT64:
    return integer(64, true);
  case TensorProto::UINT64:
    return integer(64, false);
  case TensorProto::INT4:
    return integer(4, true);
  case TensorProto::UINT4:
    return integer(4, false);
  case TensorProto::INT2:
    return integer(2, true);
  case TensorProto::UINT2:
    return integer(2, false);
  case TensorProto::FLOAT8E4M3FN:
    return mlir::Float8E4M3FNType::get(&context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return mlir::Float8E4M3FNUZType::get(&context);
  case TensorProto::FLOAT8E5M2:
    return mlir::Float8E5M2Type::get(&context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return mlir::Float8E5M2FNUZType::get(&context);
  case TensorProto::FLOAT8E8M0:
    return mlir::Float8E8M0FNUType::get(&context);
  case TensorProto::FLOAT4E2M1:
    return mlir::Float4E2M1FNType::get(&context);
  default:
    return {};
  }
}

std::string getDataTypeName(int32_t dataType) {
  if (TensorProto::DataType_IsValid(dataType))
    return TensorProto::DataType_Name(static_cast<TensorProto::DataType>(dataType));
  return "data type " + std::to_string(dataType);
}

unsigned getElementBits(int32_t dataType) {
  switch (dataType) {
  case TensorProto::INT2:
  case TensorProto::UINT2:
    return 2;
  case TensorProto::INT4:
  case TensorProto::UINT4:
  case TensorProto::FLOAT4E2M1:
    return 4;
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
  case TensorProto::FLOAT8E8M0:
    return 8;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 16;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 32;
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return 64;
  default:
    return 0;
  }
}

Expected<int64_t> countElements(llvm::ArrayRef<int64_t> dims) {
  if (dims.size() > 32)
    return problem("expected at most 32 dimensions, found " + Twine(dims.size()));
  for (int64_t dim : dims)
    if (dim < 0)
      return problem("expected dimensions of 0 or more, found " + Twine(dim));
  if (llvm::is_contained(dims, 0))
    return 0;
  int64_t elements = 1;
  for (int64_t dim : dims)
    if (llvm::MulOverflow(elements, dim, elements) || elements > maxElements)
      return problem("expected at most 2^40 elements, found dimensions whose product is larger");
  return elements;
}

Expected<uint64_t> getRawBytes(int32_t dataType, llvm::ArrayRef<int64_t> dims) {
  unsigned bits = getElementBits(dataType);
  if (bits == 0)
    return problem("expected numbers or booleans, found a tensor of " + getDataTypeName(dataType) +
                   ", which is not supported");
  Expected<int64_t> elements = countElements(dims);
  if (!elements)
    return elements.takeError();
  return llvm::divideCeil(static_cast<uint64_t>(*elements) * bits, 8);
}

bool isExternal(const TensorProto &tensor) {
  return tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0;
}

Expected<MappedRange> mapExternal(const TensorProto &tensor, ExternalFiles &files) {
  ExternalReference reference;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      reference.location = entry.value();
    else if (entry.key() == "offset")
      reference.offset = entry.value();
    else if (entry.key() == "length")
      reference.length = entry.value();
  }
  auto bytes = getRawBytes(tensor.data_type(), {tensor.dims().data(), size_t(tensor.dims_size())});
  if (!bytes)
    return bytes.takeError();
  return files.find(reference, *bytes);
}

void embedBytes(TensorProto &tensor, llvm::ArrayRef<char> bytes) {
  tensor.clear_external_data();
  tensor.clear_data_location();
  tensor.set_raw_data(bytes.data(), bytes.size());
}

Error checkTensor(const TensorProto &tensor, std::optional<uint64_t> payload) {
  if (tensor.has_segment())
    return problem("expected a tensor in one piece, found a segment, which is not supported");
  llvm::ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
  Expected<uint64_t> bytes = getRawBytes(tensor.data_type(), dims);
  if (!bytes)
    return bytes.takeError();
  if (!payload && tensor.has_raw_data())
    payload = tensor.raw_data().size();
  unsigned bits = getElementBits(tensor.data_type());
  int64_t typed = countTypedValues(tensor);
  if (payload && typed > 0 && *bytes > 0)
    return problem("expected values in raw data or in a typed field, found both");
  if (payload) {
    if (*payload != *bytes)
      return problem("expected " + Twine(*bytes) + " bytes of " +
                     getDataTypeName(tensor.data_type()) + " by the shape, found " +
                     Twine(*payload));
    return Error::success();
  }
  uint64_t values = *bytes / std::max(1u, bits / 8);
  if (static_cast<uint64_t>(typed) != values)
    return problem("expected " + Twine(values) + " values of " +
                   getDataTypeName(tensor.data_type()) + " by the shape, found " + Twine(typed));
  return Error::success();
}

std::vector<char> decodeTensor(const TensorProto &tensor) {
  llvm::ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
  int64_t elements = llvm::cantFail(countElements(dims));
  if (tensor.has_raw_data())
    return decodeRaw(tensor.data_type(), elements,
                     {tensor.raw_data().data(), tensor.raw_data().size()});
  return decodeRaw(tensor.data_type(), elements, typedToRaw(tensor));
}

bool isRawForm(int32_t dataType) {
  return getElementBits(dataType) >= 8 && dataType != TensorProto::BOOL;
}

std::vector<char> decodeRaw(int32_t dataType, int64_t elements, llvm::ArrayRef<char> raw) {
  if (isRawForm(dataType))
    return raw.vec();
  std::vector<char> result(static_cast<size_t>(elements));
  unsigned bits = getElementBits(dataType);
  bool isSigned = dataType == TensorProto::INT4 || dataType == TensorProto::INT2;
  for (size_t index = 0; index < result.size(); ++index) {
    if (bits == 8) {
      result[index] = raw[index] != 0;
      continue;
    }
    // The first element is in the lowest bits.
    auto byte = static_cast<unsigned char>(raw[index * bits / 8]);
    unsigned code = byte >> (index * bits % 8) & ((1u << bits) - 1);
    result[index] = static_cast<char>(isSigned ? llvm::SignExtend32(code, bits) : code);
  }
  return result;
}

} // namespace quern::onnxfile
