// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_PRECISIONCHOICE_H
#define QUERN_COMPILER_DRIVER_PRECISIONCHOICE_H

#include "compiler/data/DataSet.h"
#include "compiler/driver/Options.h"
#include "compiler/precision/AssignPrecision.h"

namespace quern::driver {

/// Chooses a recipe's precisions under the budgets of the command line, or checks that the recipe
/// keeps them, and writes the report.
class PrecisionChoice {
public:
  /// `set` is what the model is calibrated on.
  PrecisionChoice(const QuantizeOptions &options, std::string model, mlir::ModuleOp module,
                  const ModelRunner &runner, data::DataSet &set)
      : options(options), model(std::move(model)), module(module), runner(runner), set(set) {}
  /// Whether the command line asks for anything of the kind.
  static bool isWanted(const QuantizeOptions &options);
  /// The recipe with what was chosen. Fails if budgets are broken, which then has been said.
  llvm::Expected<Recipe> run(const Recipe &recipe, llvm::ArrayRef<WeightChoice> candidates);

private:
  llvm::Expected<DropMeter> makeMeter(const DropMeter::Progress &show);
  llvm::Error writeReport(const PrecisionDecision &decision, const DropMeter &meter) const;
  llvm::Error explainFailure(const PrecisionDecision &decision, PrecisionAssigner &assigner);

  const QuantizeOptions &options;
  std::string model;
  mlir::ModuleOp module;
  const ModelRunner &runner;
  data::DataSet &set;
};

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_PRECISIONCHOICE_H
