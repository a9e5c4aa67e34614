// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Numerics/Evaluate.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;

namespace quern::numerics {

/// Float types narrower than f32 go through APFloat.
static ScalarValue loadSmallFloat(uint64_t raw, FloatType type) {
  llvm::APFloat value(type.getFloatSemantics(), llvm::APInt(type.getWidth(), raw, false, true));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return ScalarValue::ofF32(value.convertToFloat());
}

static uint64_t storeSmallFloat(float value, FloatType type) {
  llvm::APFloat rounded(value);
  bool losesInfo;
  rounded.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return rounded.bitcastToAPInt().getZExtValue();
}

ScalarValue loadElement(const char *bytes, int64_t index, Type elementType) {
  int64_t size = getElementBytes(elementType);
  uint64_t raw = 0;
  std::memcpy(&raw, bytes + index * size, size);
  auto floatType = dyn_cast<FloatType>(elementType);
  if (floatType && floatType.getWidth() < 32)
    return loadSmallFloat(raw, floatType);
  if (floatType)
    return {raw};
  if (!cast<IntegerType>(elementType).isSigned() && elementType.getIntOrFloatBitWidth() < 32)
    return {raw};
  // Compute types keep the bits of wide unsigned integers, sign-extended as all integers are.
  unsigned shift = 64 - 8 * size;
  return ScalarValue::ofInt(static_cast<int64_t>(raw << shift) >> shift);
}

void storeElement(char *bytes, int64_t index, Type elementType, ScalarValue value) {
  int64_t size = getElementBytes(elementType);
  uint64_t raw = value.bits;
  if (auto floatType = dyn_cast<FloatType>(elementType); floatType && floatType.getWidth() < 32)
    raw = storeSmallFloat(value.f32(), floatType);
  std::memcpy(bytes + index * size, &raw, size);
}

std::optional<llvm::SmallVector<ScalarValue>>
evaluateMapBody(qir::MapOp map, llvm::ArrayRef<ScalarValue> arguments) {
  Block &body = map.getBody().front();
  std::optional<ScalarProgram> program = ScalarProgram::compile(body);
  if (!program)
    return std::nullopt;
  llvm::SmallVector<ScalarValue> results(body.getTerminator()->getNumOperands());
  program->run(arguments, results);
  return results;
}

namespace {
/// How a map's input is read: its bytes, and how far one step along each dimension goes.
struct Access {
  llvm::ArrayRef<char> bytes;
  std::vector<char> storage;
  Type elementType;
  int64_t start = 0;
  llvm::SmallVector<int64_t> steps;
};
} // namespace

static int64_t linearIndex(llvm::ArrayRef<int64_t> position, llvm::ArrayRef<int64_t> shape) {
  int64_t index = 0;
  for (auto [i, size] : llvm::zip_equal(position, shape))
    index = index * size + i;
  return index;
}

static void readAccess(Value input, AffineMap map, Access &access) {
  auto type = cast<RankedTensorType>(input.getType());
  access.bytes = getConstantBytes(getConstant(input), access.storage);
  access.elementType = type.getElementType();
  llvm::SmallVector<int64_t> position(map.getNumDims(), 0);
  access.start = linearIndex(map.compose(position), type.getShape());
  for (int64_t &coordinate : position) {
    coordinate = 1;
    access.steps.push_back(linearIndex(map.compose(position), type.getShape()) - access.start);
    coordinate = 0;
  }
}

/// Moves to the next index of the shape and keeps the accesses' indices in step; false at the end.
static bool advance(llvm::MutableArrayRef<int64_t> position, llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<Access> accesses, llvm::MutableArrayRef<int64_t> indices) {
  for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0; --d) {
    bool fits = position[d] + 1 < shape[d];
    int64_t move = fits ? 1 : -position[d];
    position[d] += move;
    for (auto [access, index] : llvm::zip_equal(accesses, indices))
      index += move * access.steps[d];
    if (fits)
      return true;
  }
  return false;
}

llvm::SmallVector<Value> evaluateMap(OpBuilder &builder, qir::MapOp map) {
  std::optional<ScalarProgram> program = ScalarProgram::compile(map.getBody().front());
  if (!program)
    return {};
  auto type = cast<RankedTensorType>(map.getResult(0).getType());
  std::vector<Access> accesses(map.getInputs().size());
  llvm::SmallVector<int64_t> indices;
  for (auto [i, input] : llvm::enumerate(map.getInputs())) {
    readAccess(input, cast<AffineMapAttr>(map.getMaps()[i]).getValue(), accesses[i]);
    indices.push_back(accesses[i].start);
  }
  std::vector<std::vector<char>> outputs;
  for (Type result : map.getResultTypes())
    outputs.emplace_back(type.getNumElements() *
                         getElementBytes(cast<RankedTensorType>(result).getElementType()));
  llvm::SmallVector<ScalarValue> arguments(accesses.size());
  llvm::SmallVector<ScalarValue> results(outputs.size());
  llvm::SmallVector<int64_t> position(type.getRank(), 0);
  int64_t element = 0;
  bool more = type.getNumElements() > 0;
  for (; more; more = advance(position, type.getShape(), accesses, indices), ++element) {
    for (auto [i, access] : llvm::enumerate(accesses))
      arguments[i] = loadElement(access.bytes.data(), indices[i], access.elementType);
    program->run(arguments, results);
    for (auto [i, result] : llvm::enumerate(results)) {
      Type elementType = cast<RankedTensorType>(map.getResult(i).getType()).getElementType();
      storeElement(outputs[i].data(), element, elementType, result);
    }
  }
  llvm::SmallVector<Value> constants;
  for (auto [i, bytes] : llvm::enumerate(outputs)) {
    auto resultType = cast<RankedTensorType>(map.getResult(i).getType());
    auto constant = makeConstantFromBytes(builder, map.getLoc(), resultType, std::move(bytes));
    if (auto site = map.getSiteAttr())
      constant.setSiteAttr(site);
    constants.push_back(constant);
  }
  return constants;
}

} // namespace quern::numerics
