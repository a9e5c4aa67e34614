// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_QUANTIZATION_H
#define QUERN_COMPILER_DRIVER_QUANTIZATION_H

#include "compiler/driver/Options.h"
#include "passes/Quantize/Quantize.h"

namespace quern::driver {

/// The quantization that the command line asks for: opens the data set, reads recipe and
/// statistics, and runs passes/Quantize with this machine's own target.
class Quantization {
public:
  Quantization(const QuantizeOptions &options, std::string model)
      : options(options), model(std::move(model)) {}
  /// Quantizes an imported module; what is wrong has been printed when this fails.
  mlir::LogicalResult run(mlir::ModuleOp module);
  const QuantizationPlan &getPlan() const { return plan; }

private:
  llvm::Error quantize(mlir::ModuleOp module);
  llvm::Expected<Recipe> makeRecipe();
  std::string identify(const std::string &dataHash, const Recipe &recipe) const;
  llvm::Expected<std::optional<llvm::json::Value>>
  readStatistics(const std::string &identity) const;
  llvm::Error writeStatistics(const Statistics &statistics, const std::string &identity) const;

  const QuantizeOptions &options;
  std::string model;
  QuantizationPlan plan;
  std::vector<WeightChoice> candidates; ///< of a search; empty: nothing is searched
};

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_QUANTIZATION_H
