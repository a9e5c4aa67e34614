// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_FRONTEND_ONNX_TENSORDATA_H
#define QUERN_COMPILER_FRONTEND_ONNX_TENSORDATA_H

#include "compiler/frontend/onnx/ExternalData.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>
#include <vector>

namespace quern::onnxfile {

/// The element type of an ONNX data type: integers with their sign, bool as i1; null for those
/// that have none (string, complex, undefined).
mlir::Type getElementType(mlir::MLIRContext &context, int32_t dataType);
/// The ONNX name of a data type, or its number.
std::string getDataTypeName(int32_t dataType);
/// Bits that one element takes in raw_data (4-bit types are packed, bool takes 8); 0 if none.
unsigned getElementBits(int32_t dataType);

/// The most elements a tensor of a model may have (2^40).
inline constexpr int64_t maxElements = int64_t(1) << 40;

/// The number of elements: dims must not be negative nor their product exceed `maxElements`.
llvm::Expected<int64_t> countElements(llvm::ArrayRef<int64_t> dims);
/// The bytes that raw_data of this type and shape has.
llvm::Expected<uint64_t> getRawBytes(int32_t dataType, llvm::ArrayRef<int64_t> dims);

/// Whether a tensor says that its bytes are in a file beside the model.
bool isExternal(const onnx::TensorProto &tensor);
/// Those bytes, as many as its type and shape have.
llvm::Expected<MappedRange> mapExternal(const onnx::TensorProto &tensor, ExternalFiles &files);

/// Puts the bytes into the tensor itself.
void embedBytes(onnx::TensorProto &tensor, llvm::ArrayRef<char> bytes);

/// Checks a tensor: type, dimensions, and that its values are as many as its shape says.
/// `payload` is the number of bytes of its raw data if those are not in the message.
llvm::Error checkTensor(const onnx::TensorProto &tensor, std::optional<uint64_t> payload);

/// The elements of a checked tensor, row-major and little endian; elements of less than 8 bits
/// take a byte each (sign- or zero-extended), booleans are 0 or 1.
std::vector<char> decodeTensor(const onnx::TensorProto &tensor);
/// The same for raw bytes.
std::vector<char> decodeRaw(int32_t dataType, int64_t elements, llvm::ArrayRef<char> raw);
/// Whether raw bytes already have the decoded form.
bool isRawForm(int32_t dataType);

} // namespace quern::onnxfile

#endif // QUERN_COMPILER_FRONTEND_ONNX_TENSORDATA_H
