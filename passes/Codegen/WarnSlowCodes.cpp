// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/CostModel.h"
#include "passes/Codegen/DispatchParts.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/TargetOption.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace quern {

#define GEN_PASS_DEF_WARNSLOWCODES
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

/// What a dispatch takes as it is quantized, the run-time preparation of its codes included, and
/// what its float form takes, in seconds.
struct Comparison {
  Cost stored, asFloat;
  double preparation = 0;
  double storedSeconds() const { return stored.seconds() + preparation; }
  bool isSlower() const;
};

struct WarnSlowCodes : impl::WarnSlowCodesBase<WarnSlowCodes> {
  using WarnSlowCodesBase::WarnSlowCodesBase;
  explicit WarnSlowCodes(const TargetModel &target) : chosen(&target) {}
  LogicalResult initialize(MLIRContext *context) override {
    return findTarget(context, target, chosen);
  }
  void runOnOperation() override;

private:
  double estimatePreparation(qir::DispatchOp dispatch) const;
  std::string explain(qir::DispatchOp dispatch, const Comparison &comparison) const;

  const TargetModel *chosen = nullptr;
};

} // namespace

bool Comparison::isSlower() const {
  // Less is within the model's error, or matters to nobody.
  constexpr double factor = 1.15, seconds = 0.5e-6;
  double difference = storedSeconds() - asFloat.seconds();
  return difference > seconds && storedSeconds() > factor * asFloat.seconds();
}

static Type getElement(Value value) {
  return llvm::cast<RankedTensorType>(value.getType()).getElementType();
}

static bool isContraction(qir::DispatchOp dispatch) {
  return llvm::isa<qir::ConvOp, qir::MatMulOp>(DispatchParts::of(dispatch).anchor);
}

/// Whether a dispatch would not exist in the float form: it turns floats into codes, or codes into
/// floats, where they lie, and does nothing else.
static bool onlyConverts(qir::DispatchOp dispatch, const TargetModel &target) {
  DispatchParts parts = DispatchParts::of(dispatch);
  if (!parts.isMap() || dispatch.getInputs().empty())
    return false;
  auto access = llvm::cast<AffineMapAttr>(parts.epilogue.getMaps()[0]).getValue();
  return access.isIdentity() &&
         isCodeType(getElement(dispatch.getResult(0))) !=
             isCodeType(getElement(dispatch.getInputs().front())) &&
         estimateCost(dispatch, target, CostForm::AsFloat).elements == 0;
}

/// Whether the dispatch has a float form of its own to be compared with: contractions, and what
/// computes codes from codes. Row ops compute in floats; their rounding serves who reads them.
static bool isComparable(qir::DispatchOp dispatch) {
  if (isContraction(dispatch))
    return true;
  Operation *anchor = DispatchParts::of(dispatch).anchor;
  return llvm::isa<qir::MapOp, qir::PoolOp, qir::ReduceOp>(anchor) &&
         !dispatch.getInputs().empty() && isCodeType(getElement(dispatch.getInputs().front())) &&
         llvm::all_of(dispatch.getResults(),
                      [](Value value) { return isCodeType(getElement(value)); });
}

static qir::DispatchOp getSource(Value value) {
  return getBufferRoot(value).getDefiningOp<qir::DispatchOp>();
}

/// Dispatches that give single values, and those that these were computed from: ranges, scales and
/// zero points that are found at run time. It ends at the tensor that they look at.
static void collectScalarSources(qir::DispatchOp dispatch, llvm::SetVector<Operation *> &sources) {
  for (Value input : dispatch.getInputs()) {
    qir::DispatchOp source = getSource(input);
    if (source &&
        llvm::cast<RankedTensorType>(source.getResult(0).getType()).getNumElements() == 1 &&
        sources.insert(source))
      collectScalarSources(source, sources);
  }
}

/// How many contractions read what the dispatch makes.
static int64_t countContractions(qir::DispatchOp dispatch) {
  int64_t count = 0;
  SmallVector<Value> values(dispatch.getResults());
  while (!values.empty())
    for (Operation *user : values.pop_back_val().getUsers()) {
      if (auto reshape = llvm::dyn_cast<qir::ReshapeOp>(user))
        values.push_back(reshape.getResult());
      else if (auto reader = llvm::dyn_cast<qir::DispatchOp>(user))
        count += isContraction(reader);
    }
  return std::max<int64_t>(count, 1);
}

/// The time of what makes a contraction's operands codes (or, without an integer kernel, floats)
/// and has no other use; several contractions that read the same share it.
double WarnSlowCodes::estimatePreparation(qir::DispatchOp dispatch) const {
  double seconds = 0;
  for (Value input : dispatch.getInputs()) {
    qir::DispatchOp source = getSource(input);
    if (!source || !onlyConverts(source, *chosen))
      continue;
    llvm::SetVector<Operation *> sources;
    sources.insert(source);
    collectScalarSources(source, sources);
    double sum = 0;
    for (Operation *op : sources)
      sum += estimateCost(llvm::cast<qir::DispatchOp>(op), *chosen).seconds();
    seconds += sum / static_cast<double>(countContractions(source));
  }
  return seconds;
}

static std::string inMicroseconds(double seconds) {
  return llvm::formatv("{0:F1} us", seconds * 1e6);
}

/// Names the part that loses most.
std::string WarnSlowCodes::explain(qir::DispatchOp dispatch, const Comparison &comparison) const {
  double products = comparison.stored.products - comparison.asFloat.products;
  double elements = comparison.stored.elements - comparison.asFloat.elements;
  if (comparison.preparation > std::max(products, elements)) {
    bool isFloat = !isCodeType(getElement(dispatch.getInputs().front()));
    return (isFloat
                ? "there is no integer kernel for its codes, and turning them into floats takes "
                : "quantizing its input at run time takes ") +
           inMicroseconds(comparison.preparation);
  }
  if (elements > products)
    return "rounding to codes takes " + inMicroseconds(comparison.stored.elements);
  std::string words = chosen->explainProducts(dispatch);
  return words.empty() ? "this target multiplies codes no faster than floats" : words;
}

void WarnSlowCodes::runOnOperation() {
  getOperation().walk([&](qir::DispatchOp dispatch) {
    if (!isComparable(dispatch))
      return;
    Comparison comparison{estimateCost(dispatch, *chosen),
                          estimateCost(dispatch, *chosen, CostForm::AsFloat)};
    if (isContraction(dispatch))
      comparison.preparation = estimatePreparation(dispatch);
    if (!comparison.isSlower())
      return;
    DispatchParts::of(dispatch).anchor->emitWarning("slower quantized than in float32: estimated ")
        << inMicroseconds(comparison.storedSeconds()) << " against "
        << inMicroseconds(comparison.asFloat.seconds()) << " on one thread of " << chosen->getName()
        << "; " << explain(dispatch, comparison);
  });
  markAllAnalysesPreserved();
}

std::unique_ptr<Pass> createWarnSlowCodesPass(const TargetModel &target) {
  return std::make_unique<WarnSlowCodes>(target);
}

} // namespace quern
