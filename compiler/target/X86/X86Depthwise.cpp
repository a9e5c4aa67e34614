// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86Depthwise.h"

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/X86/X86DepthwisePlan.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

VnniDepthwisePlan VnniDepthwisePlan::of(qir::ConvOp conv) {
  auto weights = typeOf(conv.getWeights()), result = typeOf(conv.getResult());
  VnniDepthwisePlan plan{weights.getDimSize(1),
                         weights.getDimSize(2),
                         conv.getStrides()[0],
                         conv.getStrides()[1],
                         result.getDimSize(0),
                         result.getDimSize(1),
                         result.getDimSize(2),
                         result.getDimSize(3),
                         /*rows=*/1,
                         /*quads=*/1};
  plan.quads = llvm::divideCeil(plan.kernelRows, 4);
  if (plan.outputRows > 1 && plan.kernelRows + plan.strideRows <= 4 * plan.quads)
    plan.rows = 2;
  return plan;
}

namespace {
class VnniDepthwise : public DepthwiseKernel {
public:
  StringRef form() const override { return "depthwise-vnni"; }

  qir::PackedAttr getPackedForm(qir::ConvOp conv) const override {
    bool isCodes = typeOf(conv.getInput()).getElementType().isUnsignedInteger(8) &&
                   typeOf(conv.getWeights()).getElementType().isSignedInteger(8);
    bool isDense = llvm::all_of(conv.getDilations(), [](int64_t step) { return step == 1; });
    // Wider strides share no columns, taller kernels have more code than use.
    auto weights = typeOf(conv.getWeights());
    if (!isCodes || !isDense || weights.getDimSize(1) > 16 || weights.getDimSize(2) > 16)
      return {};
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    int64_t blocks = (plan.channels + 63) / 64;
    return qir::PackedAttr::get(conv.getContext(), form(), 64, 4,
                                blocks * plan.blockVectors() * 64);
  }

  std::vector<char> pack(qir::ConvOp conv, ArrayRef<char> bytes) const override {
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    std::vector<char> packed(getPackedForm(conv).getBytes(), 0);
    char *next = packed.data();
    for (int64_t first = 0; first < plan.channels; first += 64) {
      VnniDepthwiseBlock block = first + 64 <= plan.channels
                                     ? VnniDepthwiseBlock{64, 64}
                                     : VnniDepthwiseBlock::ofRest(plan.channels);
      next =
          packBlock(plan, block, bytes.data() + first * plan.kernelRows * plan.kernelColumns, next);
    }
    return packed;
  }

  int64_t getUnits(qir::ConvOp conv) const override {
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    return plan.images * plan.unitsPerImage();
  }

  double cyclesPerOutput(qir::ConvOp conv) const override {
    // A quad of rows and a column of the window take four VPDPBUSD for 64 outputs, and as long
    // again for what they multiply.
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    return static_cast<double>(4 * plan.quads * plan.kernelColumns) / 64;
  }

  StringRef describe() const override { return "dilations of 1 and windows up to 16 x 16"; }

  LogicalResult emit(const EmitContext &context) const override {
    auto conv = llvm::cast<qir::ConvOp>(context.view.anchor);
    bool hasPads = llvm::any_of(conv.getPads(), [](int64_t pad) { return pad > 0; });
    if (hasPads && !llvm::isa_and_present<qir::PaddedAttr>(typeOf(conv.getInput()).getEncoding()))
      return context.view.dispatch.emitError(
          "expected the convolution's input to carry a halo of its pads");
    emitVnniDepthwise(context);
    return success();
  }

private:
  static char *packBlock(const VnniDepthwisePlan &plan, const VnniDepthwiseBlock &block,
                         const char *weights, char *next) {
    auto weight = [&](int64_t channel, int64_t ky, int64_t kx) {
      bool exists = channel < block.valid && ky >= 0 && ky < plan.kernelRows;
      return exists ? weights[(channel * plan.kernelRows + ky) * plan.kernelColumns + kx] : char(0);
    };
    for (int64_t row = 0; row < plan.packedRows(); ++row)
      for (int64_t quad = 0; quad < plan.quads; ++quad)
        for (int64_t kx = 0; kx < plan.kernelColumns; ++kx)
          for (int64_t i = 0; i < 4; ++i)
            for (int64_t j = 0; j < 16; ++j)
              for (int64_t t = 0; t < 4; ++t)
                *next++ = weight(block.channelOf(i, j / 4, j % 4),
                                 4 * quad + t - row * plan.strideRows, kx);
    return next;
  }
};
} // namespace

const DepthwiseKernel &getVnniDepthwise() {
  static const VnniDepthwise kernel;
  return kernel;
}

} // namespace quern
