// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86Depthwise.h"

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/X86/X86DepthwisePlan.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Codegen/DispatchParts.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static constexpr StringRef formName = "depthwise-vnni";

static int16_t readWord(const char *element) {
  int16_t value;
  std::memcpy(&value, element, sizeof value);
  return value;
}

/// Columns in which weights of si16 do not fit 8 bits: told by the packed form, else by the
/// weights.
static SmallVector<int64_t> columnsWithRest(qir::ConvOp conv) {
  auto type = typeOf(conv.getWeights());
  SmallVector<int64_t> columns;
  if (!type.getElementType().isSignedInteger(16))
    return columns;
  if (auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding())) {
    SmallVector<StringRef> names;
    packed.getForm().drop_front(formName.size()).split(names, '+', -1, /*KeepEmpty=*/false);
    for (StringRef name : names)
      if (int64_t column = 0; !name.getAsInteger(10, column))
        columns.push_back(column);
    return columns;
  }
  std::vector<char> storage;
  ArrayRef<char> bytes = getConstantBytes(getConstantRightOperand(conv), storage);
  llvm::SmallSet<int64_t, 8> found;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    if (!llvm::isInt<8>(readWord(&bytes[2 * i])))
      found.insert(i % type.getDimSize(2));
  columns.assign(found.begin(), found.end());
  llvm::sort(columns);
  return columns;
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
                         /*quads=*/1,
                         /*columns=*/{}};
  llvm::append_range(plan.columns, llvm::seq<int64_t>(0, plan.kernelColumns));
  llvm::append_range(plan.columns, columnsWithRest(conv));
  plan.quads = llvm::divideCeil(plan.kernelRows, 4);
  if (plan.outputRows > 1 && plan.kernelRows + plan.strideRows <= 4 * plan.quads)
    plan.rows = 2;
  return plan;
}

namespace {
class VnniDepthwise : public DepthwiseKernel {
public:
  StringRef form() const override { return formName; }

  qir::PackedAttr getPackedForm(qir::ConvOp conv) const override {
    Type element = typeOf(conv.getWeights()).getElementType();
    bool isWide = element.isSignedInteger(16);
    bool isCodes = typeOf(conv.getInput()).getElementType().isUnsignedInteger(8) &&
                   (element.isSignedInteger(8) || (isWide && getConstantRightOperand(conv)));
    bool isDense = llvm::all_of(conv.getDilations(), [](int64_t step) { return step == 1; });
    // Wider strides share no columns, taller kernels have more code than use.
    auto weights = typeOf(conv.getWeights());
    if (!isCodes || !isDense || weights.getDimSize(1) > 16 || weights.getDimSize(2) > 16)
      return {};
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    int64_t blocks = (plan.channels + 63) / 64;
    std::string name = form().str();
    for (int64_t column : ArrayRef(plan.columns).drop_front(plan.kernelColumns))
      name += "+" + std::to_string(column);
    return qir::PackedAttr::get(conv.getContext(), name, 64, 4, blocks * plan.blockVectors() * 64);
  }

  std::vector<char> pack(qir::ConvOp conv, ArrayRef<char> bytes) const override {
    VnniDepthwisePlan plan = VnniDepthwisePlan::of(conv);
    std::vector<char> packed(getPackedForm(conv).getBytes(), 0);
    int64_t elementBytes = getElementBytes(typeOf(conv.getWeights()).getElementType());
    char *next = packed.data();
    for (int64_t first = 0; first < plan.channels; first += 64) {
      VnniDepthwiseBlock block = first + 64 <= plan.channels
                                     ? VnniDepthwiseBlock{64, 64}
                                     : VnniDepthwiseBlock::ofRest(plan.channels);
      const char *weights =
          bytes.data() + first * plan.kernelRows * plan.kernelColumns * elementBytes;
      next = packBlock(plan, block, weights, elementBytes == 2, next);
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
                         const char *weights, bool isWide, char *next) {
    // A column's first vectors hold the nearest value of 8 bits, its second ones the difference.
    auto weight = [&](int64_t channel, int64_t ky, int64_t kx, bool isRest) {
      if (channel >= block.valid || ky < 0 || ky >= plan.kernelRows)
        return char(0);
      int64_t index = (channel * plan.kernelRows + ky) * plan.kernelColumns + kx;
      if (!isWide)
        return weights[index];
      int16_t whole = readWord(weights + 2 * index);
      int16_t low = std::clamp<int16_t>(whole, -128, 127);
      return static_cast<char>(isRest ? whole - low : low);
    };
    for (int64_t row = 0; row < plan.packedRows(); ++row)
      for (int64_t quad = 0; quad < plan.quads; ++quad)
        for (auto [slot, kx] : llvm::enumerate(plan.columns))
          for (int64_t i = 0; i < 4; ++i)
            for (int64_t j = 0; j < 16; ++j)
              for (int64_t t = 0; t < 4; ++t)
                *next++ =
                    weight(block.channelOf(i, j / 4, j % 4), 4 * quad + t - row * plan.strideRows,
                           kx, static_cast<int64_t>(slot) >= plan.kernelColumns);
    return next;
  }
};
} // namespace

const DepthwiseKernel &getVnniDepthwise() {
  static const VnniDepthwise kernel;
  return kernel;
}

} // namespace quern
