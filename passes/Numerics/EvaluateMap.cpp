// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Numerics/Evaluate.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;

namespace quern::numerics {

ElementFormat::ElementFormat(Type elementType)
    : size(getElementBytes(elementType)), width(elementType.getIntOrFloatBitWidth()) {
  if (auto floatType = dyn_cast<FloatType>(elementType)) {
    if (width < 32)
      small = &floatType.getFloatSemantics();
    return;
  }
  // Compute types keep the bits of wide unsigned integers, sign-extended as all integers are.
  extendsSign = cast<IntegerType>(elementType).isSigned() || width >= 32;
}

ScalarValue ElementFormat::load(const char *bytes, int64_t index) const {
  uint64_t raw = 0;
  std::memcpy(&raw, bytes + index * size, size);
  if (small) {
    llvm::APFloat value(*small, llvm::APInt(width, raw, false, /*implicitTrunc=*/true));
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return ScalarValue::ofF32(value.convertToFloat());
  }
  if (!extendsSign)
    return {raw};
  unsigned shift = 64 - 8 * size;
  return ScalarValue::ofInt(static_cast<int64_t>(raw << shift) >> shift);
}

void ElementFormat::store(char *bytes, int64_t index, ScalarValue value) const {
  uint64_t raw = value.bits;
  if (small) {
    llvm::APFloat rounded(value.f32());
    bool losesInfo;
    rounded.convert(*small, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    raw = rounded.bitcastToAPInt().getZExtValue();
  }
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
  ElementFormat format;
  int64_t start = 0;
  llvm::SmallVector<int64_t> steps;
};
} // namespace

static ElementFormat formatOf(Value tensor) {
  return ElementFormat(cast<RankedTensorType>(tensor.getType()).getElementType());
}

static int64_t linearIndex(llvm::ArrayRef<int64_t> position, llvm::ArrayRef<int64_t> shape) {
  int64_t index = 0;
  for (auto [i, size] : llvm::zip_equal(position, shape))
    index = index * size + i;
  return index;
}

static void readAccess(Value input, AffineMap map, Access &access) {
  auto type = cast<RankedTensorType>(input.getType());
  access.bytes = getConstantBytes(getConstant(input), access.storage);
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
  std::vector<Access> accesses;
  for (Value input : map.getInputs())
    accesses.push_back({{}, {}, formatOf(input), 0, {}});
  llvm::SmallVector<int64_t> indices;
  for (auto [i, input] : llvm::enumerate(map.getInputs())) {
    readAccess(input, cast<AffineMapAttr>(map.getMaps()[i]).getValue(), accesses[i]);
    indices.push_back(accesses[i].start);
  }
  std::vector<std::vector<char>> outputs;
  std::vector<ElementFormat> formats;
  for (Value result : map.getResults()) {
    formats.push_back(formatOf(result));
    outputs.emplace_back(type.getNumElements() * formats.back().getBytes());
  }
  llvm::SmallVector<ScalarValue> arguments(accesses.size());
  llvm::SmallVector<ScalarValue> results(outputs.size());
  llvm::SmallVector<int64_t> position(type.getRank(), 0);
  int64_t element = 0;
  bool more = type.getNumElements() > 0;
  for (; more; more = advance(position, type.getShape(), accesses, indices), ++element) {
    for (auto [i, access] : llvm::enumerate(accesses))
      arguments[i] = access.format.load(access.bytes.data(), indices[i]);
    program->run(arguments, results);
    for (auto [i, result] : llvm::enumerate(results))
      formats[i].store(outputs[i].data(), element, result);
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
