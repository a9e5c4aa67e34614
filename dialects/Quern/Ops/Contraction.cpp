// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Ops/Verify.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace quern::qir;

bool quern::qir::isCode8(Type type) {
  auto integer = llvm::dyn_cast<IntegerType>(type);
  return integer && !integer.isSignless() && integer.getWidth() <= 8;
}

int64_t quern::qir::windowCount(int64_t input, int64_t kernel, int64_t stride, int64_t dilation,
                                int64_t padLow, int64_t padHigh) {
  // Sizes of tensors may be anything; the others are at most 2^31 (V4).
  if (input > std::numeric_limits<int64_t>::max() / 2)
    return 0;
  int64_t span = input + padLow + padHigh - dilation * (kernel - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

static bool isFloatCode8(Type type) { return llvm::isa<Float8E4M3FNType, Float8E5M2Type>(type); }

/// f32 times f32, f16 or bf16 gives f32, as 8-bit floats do; both small integers give si32; the
/// right ones may be differences of codes.
static LogicalResult verifyProduct(Operation *op, StringRef constraint, Type lhs, Type rhs,
                                   Type result) {
  bool isFloat = lhs.isF32() && (rhs.isF32() || rhs.isF16() || rhs.isBF16()) && result.isF32();
  bool isInteger =
      isCode8(lhs) && (isCode8(rhs) || rhs.isSignedInteger(16)) && result.isSignedInteger(32);
  bool isSmallFloat = isFloatCode8(lhs) && isFloatCode8(rhs) && result.isF32();
  if (isFloat || isSmallFloat || isInteger)
    return success();
  return op->emitOpError("(")
         << constraint
         << ") expected f32 x f32, f16 or bf16 -> f32, 8-bit floats -> f32 or codes of at most 8 "
            "bits -> si32, found "
         << lhs << " x " << rhs << " -> " << result;
}

bool ConvOp::isInteger() { return isCode8(tensorType(getInput()).getElementType()); }

bool ConvOp::isDepthwise() {
  int64_t channels = tensorType(getInput()).getDimSize(3);
  return static_cast<int64_t>(getGroups()) == channels && channels > 1 &&
         tensorType(getWeights()).getDimSize(0) == channels;
}

static LogicalResult verifyWindow(Operation *op, ArrayRef<int64_t> kernel,
                                  ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                                  ArrayRef<int64_t> dilations) {
  if (strides.size() != 2 || pads.size() != 4 || dilations.size() != 2)
    return op->emitOpError("(V4) expected 2 strides, 4 pads and 2 dilations");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  auto positive = [](int64_t value) { return value >= 1 && value <= most; };
  auto isPad = [](int64_t value) { return value >= 0 && value <= most; };
  if (!llvm::all_of(strides, positive) || !llvm::all_of(dilations, positive) ||
      !llvm::all_of(kernel, positive) || !llvm::all_of(pads, isPad))
    return op->emitOpError("(V4) expected window, strides and dilations >= 1 and pads >= 0, all "
                           "below 2^31");
  return success();
}

LogicalResult ConvOp::verify() {
  auto input = tensorType(getInput()), weights = tensorType(getWeights());
  auto result = tensorType(getResult());
  if (input.getRank() != 4 || weights.getRank() != 4 || result.getRank() != 4)
    return emitOpError("(V1) expected an NHWC input and OHWI weights of rank 4, found ")
           << input << " and " << weights;
  if (failed(verifyProduct(*this, "V2", input.getElementType(), weights.getElementType(),
                           result.getElementType())) ||
      failed(verifyWindow(*this, weights.getShape().slice(1, 2), getStrides(), getPads(),
                          getDilations())))
    return failure();
  int64_t groups = getGroups(), outputs = weights.getDimSize(0);
  int64_t channels = 0;
  if (groups < 1 || llvm::MulOverflow(groups, weights.getDimSize(3), channels) ||
      input.getDimSize(3) != channels || outputs % groups != 0)
    return emitOpError("(V3) expected input channels = groups * ")
           << weights.getDimSize(3) << " and outputs divisible by groups, found "
           << input.getDimSize(3) << " channels, " << groups << " groups, " << outputs
           << " outputs";
  SmallVector<int64_t> shape{input.getDimSize(0), 0, 0, outputs};
  for (int i = 0; i < 2; ++i)
    shape[1 + i] = windowCount(input.getDimSize(1 + i), weights.getDimSize(1 + i), getStrides()[i],
                               getDilations()[i], getPads()[i], getPads()[2 + i]);
  if (result.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError("(V5) expected a result of shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  if (Value pad = getPadValue())
    if (tensorType(pad).getNumElements() != 1 ||
        tensorType(pad).getElementType() != input.getElementType())
      return emitOpError("(V6) expected a pad value with one element of the input's type, found ")
             << pad.getType();
  if (Value sum = getWindowSum()) {
    shape[3] = groups;
    if (!isInteger() || tensorType(sum).getShape() != ArrayRef<int64_t>(shape) ||
        !tensorType(sum).getElementType().isSignedInteger(32))
      return emitOpError("(V7) expected an si32 window sum [")
             << ArrayRef<int64_t>(shape) << "] of an integer convolution";
  }
  return success();
}

bool MatMulOp::isInteger() { return isCode8(tensorType(getLhs()).getElementType()); }

bool MatMulOp::isBlockedInteger() { return getScales() && isInteger(); }

/// The sums of the codes over k: [..., M, 1] and [..., 1, N].
static LogicalResult verifySums(MatMulOp op, int64_t n) {
  if ((op.getLhsSum() || op.getRhsSum()) && (!op.isInteger() || op.getScales()))
    return op.emitOpError("(M5) sums belong to integer products");
  SmallVector<int64_t> left(tensorType(op.getLhs()).getShape());
  SmallVector<int64_t> right(tensorType(op.getRhs()).getShape());
  left.back() = 1;
  right[right.size() - 2] = 1;
  right.back() = n;
  for (auto [sum, shape] : {std::pair<Value, ArrayRef<int64_t>>(op.getLhsSum(), left),
                            std::pair<Value, ArrayRef<int64_t>>(op.getRhsSum(), right)})
    if (sum && (tensorType(sum).getShape() != shape ||
                !tensorType(sum).getElementType().isSignedInteger(32)))
      return op.emitOpError("(M5) expected an si32 sum of shape [")
             << shape << "], found " << sum.getType();
  return success();
}

/// Weights that stay codes: (M6).
static LogicalResult verifyBlocks(MatMulOp op, int64_t k, int64_t n) {
  auto rhs = tensorType(op.getRhs());
  int64_t block = op.getBlockSize().value_or(0);
  Type left = tensorType(op.getLhs()).getElementType();
  if (!(left.isF32() || left.isSignedInteger(8)) || !isCode8(rhs.getElementType()) ||
      rhs.getRank() != 2 || !tensorType(op.getResult()).getElementType().isF32())
    return op.emitOpError("(M6) expected f32 or si8 x codes of at most 8 bits of rank 2 -> f32 "
                          "with scales, found ")
           << op.getLhs().getType() << " and " << rhs;
  if (block < 1 || k % block != 0)
    return op.emitOpError("(M6) expected a block size that divides ") << k << ", found " << block;
  auto scales = tensorType(op.getScales());
  if (!scales.getElementType().isF32() || scales.getShape() != ArrayRef<int64_t>{k / block, n})
    return op.emitOpError("(M6) expected f32 scales of shape [")
           << k / block << ", " << n << "], found " << scales;
  if (!op.getZeroPoints())
    return success();
  auto zeros = tensorType(op.getZeroPoints());
  if (zeros.getElementType() != rhs.getElementType() ||
      (zeros.getShape() != scales.getShape() && zeros.getNumElements() != 1))
    return op.emitOpError("(M6) expected zero points of the codes' type, one or as many as scales, "
                          "found ")
           << zeros;
  return success();
}

/// What the left codes bring along where weights have scales by blocks: (M7).
static LogicalResult verifyLeftBlocks(MatMulOp op, int64_t k) {
  if (!op.isBlockedInteger()) {
    if (op.getLhsScales() || op.getLhsSums())
      return op.emitOpError("(M7) expected scales and sums of the left operand's blocks only with "
                            "codes on both sides of blocks");
    return success();
  }
  Type weights = tensorType(op.getRhs()).getElementType();
  if (!weights.isUnsignedInteger() || !op.getLhsSums())
    return op.emitOpError("(M7) expected unsigned weights and the sums of the left codes' blocks, "
                          "found weights of ")
           << weights;
  SmallVector<int64_t> shape(tensorType(op.getLhs()).getShape());
  shape.back() = k / static_cast<int64_t>(*op.getBlockSize());
  auto check = [&](Value value, bool isFloat) -> LogicalResult {
    Type element = tensorType(value).getElementType();
    if (tensorType(value).getShape() == ArrayRef<int64_t>(shape) &&
        (isFloat ? element.isF32() : element.isSignedInteger(32)))
      return success();
    return op.emitOpError("(M7) expected ")
           << (isFloat ? "f32 scales" : "si32 sums") << " of the left blocks of shape ["
           << ArrayRef<int64_t>(shape) << "], found " << value.getType();
  };
  if (failed(check(op.getLhsSums(), /*isFloat=*/false)))
    return failure();
  return op.getLhsScales() ? check(op.getLhsScales(), /*isFloat=*/true) : success();
}

LogicalResult MatMulOp::verify() {
  auto lhs = tensorType(getLhs()), rhs = tensorType(getRhs()), result = tensorType(getResult());
  int64_t rank = lhs.getRank();
  if (rank < 2 || (rhs.getRank() != rank && rhs.getRank() != 2))
    return emitOpError(
               "(M1) expected operands of one rank >= 2, or a right-hand side of rank 2, found ")
           << lhs << " and " << rhs;
  if (!getScales() && failed(verifyProduct(*this, "M2", lhs.getElementType(), rhs.getElementType(),
                                           result.getElementType())))
    return failure();
  int64_t rhsRank = rhs.getRank();
  int64_t k = rhs.getDimSize(getTransposeRhs() ? rhsRank - 1 : rhsRank - 2);
  int64_t n = rhs.getDimSize(getTransposeRhs() ? rhsRank - 2 : rhsRank - 1);
  if (lhs.getDimSize(rank - 1) != k)
    return emitOpError("(M3) expected equal reduction sizes, found ")
           << lhs.getDimSize(rank - 1) << " and " << k;
  if ((getScales() && failed(verifyBlocks(*this, k, n))) || failed(verifyLeftBlocks(*this, k)))
    return failure();
  if (!getScales() && (getZeroPoints() || getBlockSize()))
    return emitOpError("(M6) expected scales where there are zero points or a block size");
  SmallVector<int64_t> shape;
  auto batch =
      rhsRank == rank
          ? broadcastShapes({lhs.getShape().drop_back(2), rhs.getShape().drop_back(2)})
          : FailureOr<SmallVector<int64_t>>(SmallVector<int64_t>(lhs.getShape().drop_back(2)));
  if (failed(batch))
    return emitOpError("(M1) expected batch dimensions that broadcast, found ")
           << lhs << " and " << rhs;
  shape = *batch;
  shape.append({lhs.getDimSize(rank - 2), n});
  if (result.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError("(M4) expected a result of shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  return verifySums(*this, n);
}

LogicalResult PoolOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (input.getRank() != 4 || result.getRank() != 4 || getKernel().size() != 2)
    return emitOpError("(P1) expected an NHWC input of rank 4 and a kernel of two sizes, found ")
           << input;
  if (failed(verifyWindow(*this, getKernel(), getStrides(), getPads(), getDilations())))
    return failure();
  Type in = input.getElementType(), out = result.getElementType();
  bool legal = getKind() == PoolKind::Max
                   ? in == out
                   : (in.isF32() && out.isF32()) || (isCode8(in) && out.isSignedInteger(32));
  if (!legal)
    return emitOpError("(P2) expected max to keep the type and sum to give f32 or si32, found ")
           << in << " -> " << out;
  SmallVector<int64_t> shape(input.getShape());
  for (int i = 0; i < 2; ++i)
    shape[1 + i] = windowCount(input.getDimSize(1 + i), getKernel()[i], getStrides()[i],
                               getDilations()[i], getPads()[i], getPads()[2 + i]);
  if (result.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError("(P3) expected a result of shape [")
           << ArrayRef<int64_t>(shape) << "], found " << result;
  return success();
}
