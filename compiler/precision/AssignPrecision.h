// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PRECISION_ASSIGNPRECISION_H
#define QUERN_COMPILER_PRECISION_ASSIGNPRECISION_H

#include "compiler/precision/DropMeter.h"
#include "compiler/precision/Sensitivity.h"
#include "passes/Quantize/Quantize.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>

namespace quern {

/// What is asked of the precision of a model's weights.
struct PrecisionRequest {
  Recipe recipe; ///< algorithms, and what of the weights is not searched
  /// What each layer may have that no rule of the recipe names; empty: nothing is searched, the
  /// recipe as it is must keep the budgets.
  std::vector<WeightChoice> candidates;
  PrecisionBudgets budgets;
  /// Measure also what only a picture needs: mixes from the smallest to the largest, and all
  /// layers alike.
  bool wantsPicture = false;
};

struct PrecisionDecision {
  PrecisionProblem problem;
  PrecisionOutcome outcome;
  Recipe recipe;                 ///< that of the chosen mix
  std::vector<Interval> figures; ///< the metric of the chosen mix: all samples, each slice
};

/// Decides on the precision of a float model (stage `import`), which stays as it is: quantizes
/// copies of it by the whole recipe, compiles and measures them.
class PrecisionAssigner {
public:
  PrecisionAssigner(mlir::ModuleOp module, const PrecisionRequest &request,
                    const ModelRunner &runner, SampleSource &source, DropMeter &meter,
                    DropMeter::Progress onProgress)
      : module(module), request(request), runner(runner), source(source), meter(meter),
        onProgress(std::move(onProgress)) {}
  /// Errors without text have been reported as diagnostics. Broken budgets are no error here.
  llvm::Expected<PrecisionDecision> run();

  /// The layers by how much less a group's loss (0: all samples, then the slices) would be if they
  /// alone had float weights, the largest part first: at most `count` that make out a part worth
  /// naming.
  llvm::Expected<std::vector<std::pair<std::string, double>>>
  findCulprits(const PrecisionDecision &decision, size_t group, size_t count);

private:
  llvm::Error prepare();
  llvm::Expected<std::vector<PrecisionTensor>> makeTensors();
  Recipe makeRecipe(llvm::ArrayRef<size_t> chosen);
  llvm::Expected<MeasuredDrops> measure(llvm::ArrayRef<size_t> chosen);
  llvm::Expected<QuantizationPlan> quantize(mlir::ModuleOp copy, const Recipe &recipe);
  llvm::Expected<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp copy);

  mlir::ModuleOp module;
  const PrecisionRequest &request;
  const ModelRunner &runner;
  SampleSource &source;
  DropMeter &meter;
  DropMeter::Progress onProgress;
  Placement placement;
  std::vector<LayerCandidates> candidates;     ///< of each layer
  std::optional<llvm::json::Value> statistics; ///< of the calibration, which is done once
  std::map<std::vector<size_t>, std::vector<Interval>> figures; ///< of each mix that was measured
  std::vector<size_t> planned;                                  ///< the mix of `plan`
  QuantizationPlan plan;
};

/// The schemes that are tried where a recipe names none.
std::vector<WeightChoice> getDefaultCandidates();

} // namespace quern

#endif // QUERN_COMPILER_PRECISION_ASSIGNPRECISION_H
