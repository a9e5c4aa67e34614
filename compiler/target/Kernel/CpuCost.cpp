// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What a CPU's kernels for convolutions and matrix products take: the targets' part of
/// passes/Codegen/CostModel.h.

#include "compiler/target/Kernel/CpuBackend.h"
#include "passes/Codegen/CostModel.h"

using namespace mlir;

namespace quern {

static bool hasFloats(Operation *anchor) {
  return llvm::cast<RankedTensorType>(anchor->getOperand(0).getType()).getElementType().isF32();
}

TargetRates CpuBackend::getRates() const {
  TargetRates rates;
  if (isa.lanes() == 1) {
    // Plain loops: an element at a time.
    rates.codeMacs = rates.floatMacs = 1e9;
    rates.elementOps = modelClock;
    rates.bytes = 10e9;
  }
  return rates;
}

/// Cycles of one lane's output in the shared depthwise kernel: for each tap the input is loaded,
/// and the weight where there are more than registers hold; codes are widened on the way, or
/// multiplied as bytes, a register of them.
static double estimateSharedDepthwise(qir::ConvOp conv, const CpuIsa &isa, bool isFloat) {
  int64_t lanes = isa.lanes();
  auto weights = llvm::cast<RankedTensorType>(conv.getWeights().getType());
  double taps = static_cast<double>(weights.getDimSize(1) * weights.getDimSize(2));
  // Two loads of 32 bytes start in a cycle, one widening of a whole register.
  double load = static_cast<double>(lanes) / 16, held = lanes > 8 ? 28 : 12;
  double floats = load * (1 + std::max(0.0, taps - held) / taps) + 0.2;
  double codes = load * (isa.multipliesBytes() ? 1 : 1.8) + 0.1;
  return taps * (isFloat ? floats : codes) / static_cast<double>(lanes);
}

double CpuBackend::estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view) || isa.lanes() == 1)
    return TargetModel::estimateProducts(dispatch, macs, asFloat);
  bool isFloat = asFloat || hasFloats(view->anchor);
  auto conv = llvm::dyn_cast<qir::ConvOp>(view->anchor);
  if (conv && conv.isDepthwise()) {
    const DepthwiseKernel *own = isFloat ? nullptr : depthwiseFor(view->anchor);
    double each = own ? own->cyclesPerOutput(conv) : estimateSharedDepthwise(conv, isa, isFloat);
    auto result = llvm::cast<RankedTensorType>(conv.getResult().getType());
    return each * static_cast<double>(result.getNumElements()) / modelClock;
  }
  Type weights =
      llvm::cast<RankedTensorType>(view->anchor->getOperand(1).getType()).getElementType();
  bool isStored = isFloat && hasFloats(view->anchor); // else what it would cost with f32 weights
  Type single = Float32Type::get(dispatch.getContext());
  const DotKernel *dot =
      isFloat ? isa.floatDot(isStored ? weights : single) : integerDotFor(view->anchor);
  auto shape = ContractionShape::of(*view);
  if (!dot || failed(shape))
    return TargetModel::estimateProducts(dispatch, macs, asFloat);
  if (isFloat)
    shape->sums = false;
  DictionaryAttr tile = dispatch.getTileAttr();
  bool isChosen = tile && isFloat == hasFloats(view->anchor);
  return estimateCycles(*shape, *dot,
                        isChosen ? ContractionTile::parse(tile)
                                 : ContractionTile::choose(*shape, *dot)) /
         modelClock;
}

std::string CpuBackend::explainProducts(qir::DispatchOp dispatch) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view))
    return {};
  auto conv = llvm::dyn_cast<qir::ConvOp>(view->anchor);
  if (!conv || !conv.isDepthwise() || hasFloats(conv) || depthwiseFor(conv))
    return {};
  std::string words = "the shared depthwise kernel widens each code before it multiplies";
  if (isa.depthwise())
    words += ", the target's own takes " + isa.depthwise()->describe().str();
  return words;
}

} // namespace quern
