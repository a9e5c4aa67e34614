// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;
using namespace quern;
using namespace quern::qir;

FailureOr<SmallVector<int64_t>> quern::qir::broadcastShapes(ArrayRef<ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (ArrayRef<int64_t> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<int64_t> result(rank, 1);
  for (ArrayRef<int64_t> shape : shapes)
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &size = result[rank - shape.size() + i];
      if (shape[i] == 1 || shape[i] == size)
        continue;
      if (size != 1)
        return failure();
      size = shape[i];
    }
  return result;
}

LogicalResult UnaryOp::verify() {
  if (getInput().getType() != getResult().getType())
    return emitOpError("(U1) expected the input's type, found ") << getResult().getType();
  Type type = tensorType(getInput()).getElementType();
  bool integerKind = getKind() == UnaryKind::Abs || getKind() == UnaryKind::Neg ||
                     getKind() == UnaryKind::Relu || getKind() == UnaryKind::Sign;
  bool legal = type.isF32() || (getKind() == UnaryKind::Not && type.isInteger(1)) ||
               (integerKind && type.isInteger());
  if (!legal)
    return emitOpError("(U2) '") << stringifyUnaryKind(getKind()) << "' is not defined on " << type;
  return success();
}

static bool isComparison(BinaryKind kind) {
  return kind == BinaryKind::Equal || kind == BinaryKind::Less || kind == BinaryKind::LessEqual ||
         kind == BinaryKind::Greater || kind == BinaryKind::GreaterEqual;
}

LogicalResult BinaryOp::verify() {
  auto lhs = tensorType(getLhs()), rhs = tensorType(getRhs()), result = tensorType(getResult());
  auto shape = broadcastShapes({lhs.getShape(), rhs.getShape()});
  if (failed(shape) || result.getShape() != ArrayRef<int64_t>(*shape))
    return emitOpError("(B1) expected the broadcast of ")
           << lhs << " and " << rhs << ", found " << result;
  if (lhs.getElementType() != rhs.getElementType())
    return emitOpError("(B2) expected operands of one element type, found ")
           << lhs << " and " << rhs;
  bool legal = isComparison(getKind()) ? result.getElementType().isInteger(1)
                                       : result.getElementType() == lhs.getElementType();
  if (!legal)
    return emitOpError("(B3) expected ")
           << (isComparison(getKind()) ? "i1" : "the operands' element type") << ", found "
           << result;
  Type type = lhs.getElementType();
  bool isLogic = getKind() == BinaryKind::And || getKind() == BinaryKind::Or;
  bool isReal = getKind() == BinaryKind::Pow || getKind() == BinaryKind::PRelu;
  if ((isLogic && !type.isInteger()) || (isReal && !type.isF32()))
    return emitOpError("(B4) '") << stringifyBinaryKind(getKind()) << "' is not defined on "
                                 << type;
  return success();
}

LogicalResult ClampOp::verify() {
  if (!tensorType(getInput()).getElementType().isF32())
    return emitOpError("(K1) expected f32, found ") << getInput().getType();
  if (!(getLow() <= getHigh()))
    return emitOpError("(K2) expected low <= high");
  return success();
}

LogicalResult SelectOp::verify() {
  auto condition = tensorType(getCondition()), a = tensorType(getOnTrue()),
       b = tensorType(getOnFalse());
  auto result = tensorType(getResult());
  if (!condition.getElementType().isInteger(1))
    return emitOpError("(W1) expected an i1 condition, found ") << condition;
  if (a.getElementType() != b.getElementType() || a.getElementType() != result.getElementType())
    return emitOpError("(W2) expected one element type, found ")
           << a << ", " << b << " and " << result;
  auto shape = broadcastShapes({condition.getShape(), a.getShape(), b.getShape()});
  if (failed(shape) || result.getShape() != ArrayRef<int64_t>(*shape))
    return emitOpError("(W3) expected the broadcast shape, found ") << result;
  return success();
}

LogicalResult CastOp::verify() {
  if (tensorType(getInput()).getShape() != tensorType(getResult()).getShape())
    return emitOpError("(T1) expected the input's shape, found ") << getResult().getType();
  return success();
}

LogicalResult TableOp::verify() {
  auto input = tensorType(getInput()), table = tensorType(getTable()),
       result = tensorType(getResult());
  Type type = input.getElementType();
  if (!type.isUnsignedInteger(8) && !type.isSignedInteger(8))
    return emitOpError("(A1) expected ui8 or si8 codes, found ") << type;
  if (table.getRank() != 1 || table.getDimSize(0) != 256 ||
      table.getElementType() != result.getElementType())
    return emitOpError("(A2) expected a table of 256 results, found ") << table;
  if (input.getShape() != result.getShape())
    return emitOpError("(A3) expected the input's shape, found ") << result;
  return success();
}

/// Linear with constant coefficients: sums of dimension * constant and constants.
static bool isLinear(AffineExpr expr) {
  if (expr.isSymbolicOrConstant())
    return llvm::isa<AffineConstantExpr>(expr);
  if (llvm::isa<AffineDimExpr>(expr))
    return true;
  auto binary = llvm::dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return isLinear(binary.getLHS()) && isLinear(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && isLinear(binary.getLHS()) &&
         llvm::isa<AffineConstantExpr>(binary.getRHS());
}

static LogicalResult verifyMapInputs(MapOp op, int64_t rank) {
  if (op.getMaps().size() != op.getInputs().size())
    return op.emitOpError("(E1) expected one map per input, found ") << op.getMaps().size();
  for (auto [input, attribute] :
       llvm::zip(op.getInputs(), op.getMaps().getAsRange<AffineMapAttr>())) {
    AffineMap map = attribute.getValue();
    bool fits = map.getNumDims() == rank && map.getNumSymbols() == 0 &&
                map.getNumResults() == static_cast<unsigned>(tensorType(input).getRank());
    if (!fits || !llvm::all_of(map.getResults(), isLinear))
      return op.emitOpError("(E1) expected a linear map from ")
             << rank << " dimensions into " << input.getType() << ", found " << attribute;
  }
  return success();
}

LogicalResult MapOp::verify() {
  if (getResults().empty())
    return emitOpError("expected at least one result");
  auto space = tensorType(getResult(0));
  if (failed(verifyMapInputs(*this, space.getRank())))
    return failure();
  Block &block = getBody().front();
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("(E2) expected one block argument per input");
  for (auto [input, argument] : llvm::zip(getInputs(), block.getArguments()))
    if (argument.getType() != getComputeType(tensorType(input).getElementType()))
      return emitOpError("(E2) expected a block argument of type ")
             << getComputeType(tensorType(input).getElementType()) << ", found "
             << argument.getType();
  auto yield = llvm::dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getValues().size() != getResults().size())
    return emitOpError("(E3) expected one yielded value per result");
  for (auto [value, result] : llvm::zip(yield.getValues(), getResults())) {
    if (tensorType(result).getShape() != space.getShape())
      return emitOpError("(E4) expected results of one shape, found ") << result.getType();
    if (value.getType() != getComputeType(tensorType(result).getElementType()))
      return emitOpError("(E3) expected a yielded ")
             << getComputeType(tensorType(result).getElementType()) << ", found "
             << value.getType();
  }
  return success();
}
