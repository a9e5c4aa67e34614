// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace quern {

#define GEN_PASS_DEF_EXCHANGECODES
#include "passes/Legalize/Passes.h.inc"

using namespace mlir;

namespace {

/// What codes at the interface stand for.
struct Codes {
  RankedTensorType type;
  float scale = 1;
  int64_t zeroPoint = 0, low = 0, high = 0; ///< low..high are the codes that the model takes
  bool operator==(const Codes &) const = default;
};

struct ExchangeCodes : impl::ExchangeCodesBase<ExchangeCodes> {
  void runOnOperation() override;

private:
  void exchangeArgument(func::FuncOp function, unsigned index);
  void exchangeResult(func::FuncOp function, OpOperand &result);
};

} // namespace

/// The codes of a quantize or dequantize with one constant scale; none if the caller could not be
/// told what they mean, or could not hold them.
template <typename Op> static std::optional<Codes> getCodes(Op op, Value codes) {
  if (op.getAxis() || op.getBlockSize())
    return std::nullopt;
  Codes result;
  result.type = cast<RankedTensorType>(codes.getType());
  std::optional<StorageScheme> scheme = getStorageScheme(result.type.getElementType());
  if (!scheme || scheme->isFloat || scheme->bits < 4)
    return std::nullopt;
  std::optional<float> scale = readScalarConstant<float>(op.getScale());
  std::optional<int64_t> zeroPoint =
      op.getZeroPoint() ? readScalarConstant<int64_t>(op.getZeroPoint()) : 0;
  if (!scale || !zeroPoint)
    return std::nullopt;
  result.scale = *scale;
  result.zeroPoint = *zeroPoint;
  result.low = scheme->min;
  result.high = scheme->max;
  return result;
}

static std::optional<Codes> getCodes(qir::QuantizeOp op) {
  std::optional<Codes> codes = getCodes(op, op.getResult());
  if (!codes)
    return std::nullopt;
  if (op.getLo())
    codes->low = static_cast<int64_t>(*op.getLo());
  if (op.getHi())
    codes->high = static_cast<int64_t>(*op.getHi());
  return codes;
}

/// The codes that every use of a value asks for.
static std::optional<Codes> getWantedCodes(Value value) {
  std::optional<Codes> wanted;
  for (Operation *user : value.getUsers()) {
    auto quantize = dyn_cast<qir::QuantizeOp>(user);
    std::optional<Codes> codes = quantize ? getCodes(quantize) : std::nullopt;
    if (!codes || (wanted && !(*wanted == *codes)))
      return std::nullopt;
    wanted = codes;
  }
  return wanted;
}

/// Whether fewer codes are taken than the bytes that hold them can say.
static bool isNarrow(const Codes &codes) {
  unsigned bits = llvm::alignTo(codes.type.getElementTypeBitWidth(), 8);
  int64_t count = codes.high - codes.low + 1;
  return count < (int64_t{1} << bits);
}

void ExchangeCodes::exchangeArgument(func::FuncOp function, unsigned index) {
  BlockArgument argument = function.getArgument(index);
  std::optional<Codes> codes = getWantedCodes(argument);
  if (!codes)
    return;
  Builder builder(&getContext());
  function.setArgAttr(index, "quern.scale", builder.getF32FloatAttr(codes->scale));
  function.setArgAttr(index, "quern.zero_point", builder.getI64IntegerAttr(codes->zeroPoint));
  if (isNarrow(*codes)) {
    function.setArgAttr(index, "quern.low", builder.getI64IntegerAttr(codes->low));
    function.setArgAttr(index, "quern.high", builder.getI64IntegerAttr(codes->high));
  }
  for (Operation *user : llvm::make_early_inc_range(argument.getUsers())) {
    user->getResult(0).replaceAllUsesWith(argument);
    user->erase();
  }
  argument.setType(codes->type);
}

void ExchangeCodes::exchangeResult(func::FuncOp function, OpOperand &result) {
  auto dequantize = result.get().getDefiningOp<qir::DequantizeOp>();
  if (!dequantize || dequantize.getCodebook())
    return;
  std::optional<Codes> codes = getCodes(dequantize, dequantize.getInput());
  if (!codes)
    return;
  Builder builder(&getContext());
  unsigned index = result.getOperandNumber();
  function.setResultAttr(index, "quern.scale", builder.getF32FloatAttr(codes->scale));
  function.setResultAttr(index, "quern.zero_point", builder.getI64IntegerAttr(codes->zeroPoint));
  result.set(dequantize.getInput());
  if (dequantize->use_empty())
    dequantize.erase();
}

void ExchangeCodes::runOnOperation() {
  func::FuncOp function = getOperation();
  if (function.isDeclaration())
    return;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    exchangeArgument(function, i);
  auto results = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (OpOperand &result : results->getOpOperands())
    exchangeResult(function, result);
  function.setFunctionType(FunctionType::get(
      &getContext(), function.getBody().front().getArgumentTypes(), results.getOperandTypes()));
}

} // namespace quern
