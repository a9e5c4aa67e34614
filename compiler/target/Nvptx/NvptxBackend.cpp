// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Kernel/EmitKernels.h"
#include "compiler/target/Kernel/PlainContraction.h"
#include "compiler/target/Nvptx/Device.h"
#include "compiler/target/Nvptx/DeviceHalo.h"
#include "compiler/target/Nvptx/ElementMap.h"
#include "compiler/target/Nvptx/MmaContraction.h"
#include "compiler/target/Nvptx/NvptxChips.h"
#include "compiler/target/Nvptx/WarpRows.h"
#include "compiler/target/Targets.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <memory>

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

namespace {

/// What one thread does: scalar code, as the portable target's.
class ThreadIsa : public CpuIsa {
public:
  int64_t lanes() const override { return 1; }
  const StoreEmitter &stores() const override { return storeEmitter; }
  void prepare(KernelBuilder &b) const override { b.setRounding("llvm.nvvm.f2i.rn", 1); }

private:
  StoreEmitter storeEmitter;
};

/// NVIDIA GPUs. Products of codes with constant weights run on tensor cores, half a warp takes a
/// row of softmax or layer normalization; every other dispatch is the CPU's scalar kernel, whose
/// units the threads of the grid share.
class NvptxBackend : public TargetBackend {
public:
  explicit NvptxBackend(const NvptxChip &chip) : chip(chip), name("cuda-" + chip.name.str()) {}
  StringRef getName() const override { return name; }
  StringRef getDescription() const override { return chip.description; }
  TargetInfo getTargetInfo() const override {
    return {"nvptx64-nvidia-cuda", chip.name.str(), "", chip.features.str(), 0};
  }
  bool wantsPaddedInputs() const override { return true; }
  bool multipliesFloatCodes() const override { return true; }
  qir::PackedAttr getPackedForm(Operation *anchor) const override;
  std::vector<char> pack(Operation *anchor, qir::PackedAttr form,
                         ArrayRef<char> bytes) const override;
  DictionaryAttr chooseTile(qir::DispatchOp dispatch) const override;
  int64_t getUnits(qir::DispatchOp dispatch) const override;
  TargetRates getRates() const override;
  LogicalResult emitKernels(ModuleOp module) const override;

private:
  LogicalResult emitKernel(KernelBuilder &b, const DispatchView &view) const;
  LogicalResult emitUnits(KernelBuilder &b, const DispatchView &view) const;
  LogicalResult emitUnit(const EmitContext &context) const;
  LogicalResult checkCodes(const DispatchView &view) const;

  const NvptxChip &chip;
  std::string name;
  ThreadIsa isa;
};

} // namespace

qir::PackedAttr NvptxBackend::getPackedForm(Operation *anchor) const {
  std::string why;
  auto plan = MmaPlan::of(anchor, why);
  if (!plan)
    return {};
  return qir::PackedAttr::get(anchor->getContext(), "mma", plan->packedChannels(),
                              MmaTile::stepDepth, plan->packedBytes());
}

std::vector<char> NvptxBackend::pack(Operation *anchor, qir::PackedAttr,
                                     ArrayRef<char> bytes) const {
  std::string why;
  return packForMma(anchor, *MmaPlan::of(anchor, why), bytes);
}

/// Whether the dispatch's weights were packed for tensor cores.
static bool isPackedForMma(Operation *anchor) {
  if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(anchor))
    return false;
  auto packed =
      llvm::dyn_cast_if_present<qir::PackedAttr>(typeOf(anchor->getOperand(1)).getEncoding());
  return packed && packed.getForm() == "mma";
}

DictionaryAttr NvptxBackend::chooseTile(qir::DispatchOp dispatch) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view) || !isPackedForMma(view->anchor))
    return {};
  auto shape = ContractionShape::of(*view);
  if (failed(shape))
    return {};
  return MmaTile::choose(*shape).toAttribute(dispatch.getContext());
}

int64_t NvptxBackend::getUnits(qir::DispatchOp dispatch) const {
  auto view = DispatchView::parse(dispatch);
  if (failed(view))
    return 1;
  Operation *anchor = view->anchor;
  if (isPackedForMma(anchor)) {
    auto shape = ContractionShape::of(*view);
    if (failed(shape) || !dispatch.getTileAttr())
      return 1;
    auto [rows, columns] = getMmaGrid(*shape, MmaTile::parse(dispatch.getTileAttr()));
    return rows * columns;
  }
  return llvm::TypeSwitch<Operation *, int64_t>(anchor)
      .Case<qir::MapOp, qir::ConvOp, qir::MatMulOp>(
          [&](Operation *op) { return typeOf(op->getResult(0)).getNumElements(); })
      .Case<qir::TableOp>([&](Operation *) { return getTableUnits(*view); })
      .Case<qir::RelayoutOp>([&](Operation *) { return getRelayoutUnits(*view, isa); })
      .Case<qir::ConcatOp>([&](Operation *) { return getConcatUnits(*view); })
      .Case<qir::SoftmaxOp, qir::LayerNormOp>([&](Operation *) { return getWarpRowUnits(*view); })
      .Case<qir::ReduceOp>([&](Operation *) { return getReduceUnits(*view); })
      .Case<qir::PoolOp>([&](qir::PoolOp pool) {
        auto type = typeOf(pool.getResult());
        return type.getDimSize(0) * type.getDimSize(1);
      })
      .Default([](Operation *) { return 1; });
}

/// Of a whole GPU: the passes plan no threads of it.
TargetRates NvptxBackend::getRates() const { return {200e12, 20e12, 20e12, 300e9}; }

/// 8-bit floats need a chip that multiplies them, also where the product is a plain loop: the same
/// model must not be fast on one chip and crawl on the other without a word.
LogicalResult NvptxBackend::checkCodes(const DispatchView &view) const {
  if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(view.anchor) || chip.multipliesFloats8)
    return success();
  Type element = typeOf(view.anchor->getOperand(0)).getElementType();
  if (!numerics::isSmallFloat(element))
    return success();
  return view.anchor->emitError("expected a target that multiplies ")
         << element << " codes, found '" << name
         << "'; nearest supported form: --target=cuda-sm_89 or later, or int8 codes";
}

LogicalResult NvptxBackend::emitUnit(const EmitContext &context) const {
  return llvm::TypeSwitch<Operation *, LogicalResult>(context.view.anchor)
      .Case<qir::ConvOp, qir::MatMulOp>(
          [&](Operation *) { return emitPlainContractionByElement(context); })
      .Case<qir::MapOp>([&](qir::MapOp) { return emitElementMap(context); })
      .Case<qir::PoolOp>([&](qir::PoolOp) { return emitPool(context); })
      .Case<qir::ReduceOp>([&](qir::ReduceOp) { return emitReduce(context); })
      .Case<qir::TableOp>([&](qir::TableOp) { return emitTable(context); })
      .Case<qir::ConcatOp>([&](qir::ConcatOp) { return emitConcat(context); })
      .Case<qir::PadOp>([&](qir::PadOp) { return emitPad(context); })
      .Case<qir::GatherOp>([&](qir::GatherOp) { return emitGather(context); })
      .Case<qir::RelayoutOp>([&](qir::RelayoutOp) { return emitRelayout(context); })
      .Default([&](Operation *op) {
        return context.view.dispatch.emitError("no kernel for '")
               << op->getName() << "' on " << name;
      });
}

/// Each thread takes the units of its number, and those as many further as there are threads.
LogicalResult NvptxBackend::emitUnits(KernelBuilder &b, const DispatchView &view) const {
  constexpr int64_t threads = 128, mostBlocks = int64_t{1} << 20;
  int64_t blocks = (getUnits(view.dispatch) + threads - 1) / threads;
  device::setLaunch(b.getFunction(), std::clamp<int64_t>(blocks, 1, mostBlocks), 1, threads);
  // The other kernels' units are rows, which fill their own.
  if (llvm::isa<qir::MapOp, qir::ConvOp, qir::MatMulOp>(view.anchor))
    device::fillHalos({b, view, isa});
  Value first = arith::AddIOp::create(b, view.begin, device::gridThread(b));
  auto loop = scf::ForOp::create(b, first, view.end, device::gridThreads(b));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  DispatchView one(view);
  one.begin = loop.getInductionVar();
  // That it does not wrap around tells LLVM that the emitter's loop runs once.
  one.end = arith::AddIOp::create(b, one.begin, b.index(1), arith::IntegerOverflowFlags::nsw);
  return emitUnit({b, one, isa});
}

LogicalResult NvptxBackend::emitKernel(KernelBuilder &b, const DispatchView &view) const {
  isa.prepare(b);
  if (failed(checkCodes(view)))
    return failure();
  if (llvm::isa<qir::SoftmaxOp, qir::LayerNormOp>(view.anchor))
    return emitWarpRows({b, view, isa});
  if (!isPackedForMma(view.anchor))
    return emitUnits(b, view);
  DictionaryAttr tile = view.dispatch.getTileAttr();
  auto shape = ContractionShape::of(view);
  if (failed(shape))
    return failure();
  if (!tile)
    return view.dispatch.emitError("expected a tile chosen by assign-tiles");
  return emitMmaContraction({b, view, isa}, *shape, MmaTile::parse(tile),
                            MmaPlan::chunkOf(view.anchor));
}

LogicalResult NvptxBackend::emitKernels(ModuleOp module) const {
  return emitEachKernel(module, device::Global, [&](KernelBuilder &b, const DispatchView &view) {
    return emitKernel(b, view);
  });
}

llvm::ArrayRef<const TargetBackend *> getNvptxBackends() {
  static const std::vector<std::unique_ptr<NvptxBackend>> backends = [] {
    std::vector<std::unique_ptr<NvptxBackend>> made;
    for (const NvptxChip &chip : getNvptxChips())
      made.push_back(std::make_unique<NvptxBackend>(chip));
    return made;
  }();
  static const std::vector<const TargetBackend *> list = [] {
    auto pointers = llvm::map_range(backends, [](const auto &backend) { return backend.get(); });
    return std::vector<const TargetBackend *>(pointers.begin(), pointers.end());
  }();
  return list;
}

} // namespace quern
