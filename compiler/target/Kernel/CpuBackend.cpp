// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/CpuBackend.h"

#include "compiler/target/Kernel/BitPacked.h"
#include "compiler/target/Kernel/BlockScales.h"
#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Codegen/DispatchParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cstring>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

Value CpuIsa::sumBytes(KernelBuilder &, Value, Value, bool) const {
  llvm_unreachable("the target sums no bytes");
}

Value CpuIsa::multiplyAddBytes(KernelBuilder &, Value, ValueRange, ValueRange) const {
  llvm_unreachable("the target multiplies no bytes");
}

Value CpuIsa::multiplyAddWords(KernelBuilder &b, Value accumulator, Value x, Value w) const {
  return arith::AddIOp::create(b, accumulator, arith::MulIOp::create(b, x, w));
}

CpuIsa::DepthwiseGroup CpuIsa::depthwiseGroup(bool, int64_t taps) const {
  return {lanes(), taps <= 9 ? 2 : 1};
}

SmallVector<Value> CpuIsa::loadTable(KernelBuilder &, Value) const {
  llvm_unreachable("a target with tableLanes has its own loadTable");
}

Value CpuIsa::lookUp(KernelBuilder &, ValueRange, Value, bool) const {
  llvm_unreachable("a target with tableLanes has its own lookUp");
}

static bool isContraction(Operation *anchor) {
  return llvm::isa<qir::ConvOp, qir::MatMulOp>(anchor);
}

/// Weights of 2 to 4 signed bits.
static bool isNarrowWeight(Operation *anchor) {
  auto type = llvm::dyn_cast<IntegerType>(typeOf(anchor->getOperand(1)).getElementType());
  return type && type.isSigned() && type.getWidth() >= 2 && type.getWidth() <= 4;
}

/// What the shared emitter of depthwise convolutions takes: no sums of windows.
static bool isDepthwise(Operation *anchor) {
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  return conv && conv.isDepthwise() && !conv.getWindowSum();
}

/// Whether the sums of 8-bit codes and weights have room for the shift that the weights come with.
static bool hasRoomToShift(Operation *anchor, const DotKernel &dot) {
  constexpr int64_t largestProduct = 255 * 128; // weights are in the upper bits of 8
  return dot.sumShift() == 0 ||
         ContractionShape::ofWeights(anchor).terms() <= INT32_MAX / largestProduct;
}

const DotKernel *CpuBackend::integerDotFor(Operation *anchor) const {
  unsigned bits = typeOf(anchor->getOperand(1)).getElementTypeBitWidth();
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor);
  if (matmul && matmul.isBlockedInteger())
    return bits <= 4 || bits == 8 ? isa.blockDot(bits) : nullptr;
  const DotKernel *narrow = isNarrowWeight(anchor) ? isa.lowBitDot(bits) : nullptr;
  return narrow && hasRoomToShift(anchor, *narrow) ? narrow : isa.integerDot();
}

const DotKernel *CpuBackend::dotFor(Operation *anchor) const {
  if (!isContraction(anchor) || isDepthwise(anchor) || depthwiseFor(anchor))
    return nullptr;
  // Weights of 16 bits are taken apart when they are packed, and that is done at compile time.
  if (WeightRemainder::isNeeded(anchor) &&
      (!getConstantRightOperand(anchor) || !WeightRemainder::isSupported(anchor)))
    return nullptr;
  if (!typeOf(anchor->getOperand(0)).getElementType().isF32())
    return integerDotFor(anchor);
  return isa.floatDot(typeOf(anchor->getOperand(1)).getElementType());
}

const DepthwiseKernel *CpuBackend::depthwiseFor(Operation *anchor) const {
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  if (!conv || !conv.isDepthwise() || !isa.depthwise())
    return nullptr;
  Attribute encoding = typeOf(conv.getWeights()).getEncoding();
  auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(encoding);
  return packed && packed.getForm().starts_with(isa.depthwise()->form()) ? isa.depthwise()
                                                                         : nullptr;
}

/// Longest rows of scores that are kept until they are whole (elements).
static constexpr int64_t maxScores = 2048;

bool CpuBackend::takesFollower(Operation *contraction, Operation *follower) const {
  if (!dotFor(contraction))
    return false;
  auto type = typeOf(follower->getOperand(0));
  if (auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(follower))
    // Constant weights may outweigh the rows, and are divided among threads by columns then.
    return llvm::isa<qir::MatMulOp>(contraction) && !getConstantRightOperand(contraction) &&
           !softmax.getLog() && type.getShape().back() <= maxScores;
  auto isByte = [](RankedTensorType codes) {
    return codes.getElementType().isUnsignedInteger(8) || codes.getElementType().isSignedInteger(8);
  };
  return llvm::isa<qir::TableOp>(follower) && isa.looksUpInEpilogues() && isByte(type) &&
         isByte(typeOf(follower->getResult(0)));
}

/// Whether the products of each two taps with any codes sum up to 16 bits: only -128 twice does
/// not.
static bool fitsPairs(Operation *anchor) {
  qir::ConstantOp weights = getConstantRightOperand(anchor);
  if (!weights || !typeOf(weights).getElementType().isSignedInteger(8) ||
      !typeOf(anchor->getOperand(0)).getElementType().isSignedInteger(8))
    return false;
  std::vector<char> storage;
  ArrayRef<char> bytes = getConstantBytes(weights, storage);
  auto channels = static_cast<size_t>(typeOf(weights).getDimSize(0)),
       taps = bytes.size() / channels;
  for (size_t channel = 0; channel < channels; ++channel)
    for (size_t tap = 1; tap < taps; tap += 2) {
      const char *pair = &bytes[channel * taps + tap - 1];
      if (pair[0] == -128 && pair[1] == -128)
        return false;
    }
  return true;
}

qir::PackedAttr CpuBackend::getPackedForm(Operation *anchor) const {
  MLIRContext *context = anchor->getContext();
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  if (conv && conv.isDepthwise() && isa.depthwise())
    if (qir::PackedAttr form = isa.depthwise()->getPackedForm(conv))
      return form;
  if (isDepthwise(anchor) && isa.lanes() > 1) {
    auto weights = typeOf(anchor->getOperand(1));
    int64_t bytes = weights.getNumElements() * getElementBytes(weights.getElementType());
    StringRef form =
        isa.multipliesBytes() && fitsPairs(anchor) ? depthwisePairsForm : depthwiseForm;
    return qir::PackedAttr::get(context, form, weights.getDimSize(0), 1, bytes);
  }
  const DotKernel *dot = dotFor(anchor);
  if (!dot) {
    RankedTensorType weights = typeOf(anchor->getOperand(1));
    return isNarrowCode(weights.getElementType()) ? getBitPackedForm(weights) : qir::PackedAttr();
  }
  ContractionShape shape = ContractionShape::ofWeights(anchor);
  ContractionTile tile = ContractionTile::choose(shape, *dot);
  int64_t bytes = getPackedBytes(shape, *dot);
  if (WeightRemainder::isNeeded(anchor)) {
    std::vector<char> storage;
    ArrayRef<char> weights = getConstantBytes(getConstantRightOperand(anchor), storage);
    bytes = static_cast<int64_t>(packWeights(anchor, *dot, tile.vectors, weights).size());
  }
  return qir::PackedAttr::get(context, dot->form(), tile.vectors * dot->lanes(), dot->depth(),
                              bytes);
}

qir::PackedAttr CpuBackend::getBlockForm(qir::MatMulOp matmul, Value parameter) const {
  const DotKernel *dot = dotFor(matmul);
  return dot ? BlockScales::getForm(matmul, parameter, getPackedForm(matmul), *dot)
             : qir::PackedAttr();
}

/// OHWI with I = 1 to HWO: channels become the lanes.
static std::vector<char> packDepthwise(RankedTensorType weights, ArrayRef<char> bytes) {
  int64_t size = getElementBytes(weights.getElementType());
  int64_t channels = weights.getDimSize(0), taps = weights.getNumElements() / channels;
  std::vector<char> packed(bytes.size());
  for (int64_t channel = 0; channel < channels; ++channel)
    for (int64_t tap = 0; tap < taps; ++tap)
      std::memcpy(&packed[(tap * channels + channel) * size], &bytes[(channel * taps + tap) * size],
                  size);
  return packed;
}

std::vector<char> CpuBackend::pack(Operation *anchor, qir::PackedAttr form,
                                   ArrayRef<char> bytes) const {
  if (form.getForm() == depthwiseForm || form.getForm() == depthwisePairsForm)
    return packDepthwise(typeOf(anchor->getOperand(1)), bytes);
  if (isa.depthwise() && form.getForm().starts_with(isa.depthwise()->form()))
    return isa.depthwise()->pack(llvm::cast<qir::ConvOp>(anchor), bytes);
  const DotKernel *dot = dotFor(anchor);
  if (!dot)
    return packBits(typeOf(anchor->getOperand(1)), bytes);
  if (BlockScales::isForm(form))
    return BlockScales::pack(llvm::cast<qir::MatMulOp>(anchor), form, *dot, bytes);
  return packWeights(anchor, *dot, form.getColumns() / dot->lanes(), bytes);
}

DictionaryAttr CpuBackend::chooseTile(qir::DispatchOp dispatch) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view))
    return {};
  const DotKernel *dot = dotFor(view->anchor);
  if (!dot)
    return {};
  auto shape = ContractionShape::of(*view);
  if (failed(shape))
    return {};
  // The panel's width was fixed when the weights were packed.
  auto packed =
      llvm::dyn_cast_if_present<qir::PackedAttr>(typeOf(view->anchor->getOperand(1)).getEncoding());
  int64_t vectors = packed ? packed.getColumns() / dot->lanes() : 0;
  ContractionTile tile = ContractionTile::choose(*shape, *dot, vectors);
  if (llvm::isa_and_present<qir::SoftmaxOp>(view->follower))
    tile.splitColumns = false; // rows have to be whole
  return tile.toAttribute(dispatch.getContext());
}

int64_t CpuBackend::getUnits(qir::DispatchOp dispatch) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view))
    return 1;
  Operation *anchor = view->anchor;
  if (const DotKernel *dot = dotFor(anchor)) {
    auto shape = ContractionShape::of(*view);
    DictionaryAttr tile = dispatch.getTileAttr();
    if (failed(shape) || !tile)
      return 1;
    return getContractionUnits(*shape, ContractionTile::parse(tile), *dot);
  }
  if (const DepthwiseKernel *kernel = depthwiseFor(anchor))
    return kernel->getUnits(llvm::cast<qir::ConvOp>(anchor));
  if (llvm::isa<qir::MapOp>(anchor))
    return getMapUnits(*view, isa);
  if (llvm::isa<qir::TableOp>(anchor))
    return getTableUnits(*view);
  if (llvm::isa<qir::RelayoutOp>(anchor))
    return getRelayoutUnits(*view, isa);
  if (llvm::isa<qir::ConcatOp>(anchor))
    return getConcatUnits(*view);
  if (llvm::isa<qir::SoftmaxOp, qir::LayerNormOp>(anchor))
    return getRowKernelUnits(*view);
  if (llvm::isa<qir::ReduceOp>(anchor))
    return getReduceUnits(*view);
  // Rows of the result: the product of all dimensions but the last two.
  auto result = typeOf(anchor->getResult(0));
  int64_t units = 1;
  for (int64_t d = 0; d + 2 < result.getRank(); ++d)
    units *= result.getDimSize(d);
  return llvm::isa<qir::ConvOp, qir::PoolOp, qir::MatMulOp>(anchor) ? units : 1;
}

LogicalResult CpuBackend::emitKernel(const EmitContext &context) const {
  Operation *anchor = context.view.anchor, *follower = context.view.follower;
  if (follower && !takesFollower(anchor, follower))
    return context.view.dispatch.emitError("no kernel for '")
           << anchor->getName() << "' with '" << follower->getName() << "' behind it on "
           << getName();
  if (const DotKernel *dot = dotFor(anchor)) {
    auto shape = ContractionShape::of(context.view);
    if (failed(shape))
      return failure();
    DictionaryAttr tile = context.view.dispatch.getTileAttr();
    if (!tile)
      return context.view.dispatch.emitError("expected a tile chosen by assign-tiles");
    context.b.getFunction()->setAttr("quern.heavy", context.b.getUnitAttr());
    return emitContraction(context, *shape, ContractionTile::parse(tile), *dot);
  }
  if (const DepthwiseKernel *kernel = depthwiseFor(anchor)) {
    context.b.getFunction()->setAttr("quern.heavy", context.b.getUnitAttr());
    return kernel->emit(context);
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(anchor)
      .Case<qir::ConvOp>([&](qir::ConvOp) {
        return isDepthwise(anchor) && isa.lanes() > 1 ? emitDepthwise(context)
                                                      : emitPlainContraction(context);
      })
      .Case<qir::MatMulOp>([&](qir::MatMulOp) { return emitPlainContraction(context); })
      .Case<qir::MapOp>([&](qir::MapOp) { return emitMap(context); })
      .Case<qir::PoolOp>([&](qir::PoolOp) { return emitPool(context); })
      .Case<qir::SoftmaxOp, qir::LayerNormOp>([&](Operation *) { return emitRowKernel(context); })
      .Case<qir::ReduceOp>([&](qir::ReduceOp) { return emitReduce(context); })
      .Case<qir::TableOp>([&](qir::TableOp) { return emitTable(context); })
      .Case<qir::ConcatOp>([&](qir::ConcatOp) { return emitConcat(context); })
      .Case<qir::PadOp>([&](qir::PadOp) { return emitPad(context); })
      .Case<qir::GatherOp>([&](qir::GatherOp) { return emitGather(context); })
      .Case<qir::RelayoutOp>([&](qir::RelayoutOp) { return emitRelayout(context); })
      .Default([&](Operation *op) {
        return context.view.dispatch.emitError("no kernel for '")
               << op->getName() << "' on " << getName();
      });
}

} // namespace quern
