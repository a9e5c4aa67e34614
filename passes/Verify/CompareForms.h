// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_VERIFY_COMPAREFORMS_H
#define QUERN_PASSES_VERIFY_COMPAREFORMS_H

#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>
#include <vector>

namespace quern {

/// What one tensor of a quantized model is off that of the float model. Ratios are of the float
/// values' power to that of the difference, in dB, infinite where there is no difference.
struct EdgeReport {
  std::string name;      ///< of the float model's tensor
  std::string node;      ///< of the float model that computes it; empty: an input
  std::string operation; ///< the node's operator
  bool hasCodes = false;
  double sqnr = 0;      ///< in the quantized model
  double sqnrAlone = 0; ///< of the quantized node alone, on the float model's values of its inputs
  /// The lowest of the tensors that it is computed from; those without an error count as evenly
  /// spread codes of 8 bits do.
  double sqnrOfInputs = 0;
  std::optional<double> maxSteps;     ///< largest difference, in steps of the codes
  std::optional<double> clippedShare; ///< of the float values, what codes do not reach

  /// How much of the ratio is lost at this tensor.
  double getDrop() const { return sqnrOfInputs - sqnr; }
  /// Whether at least half of the error's power is there on exact inputs, too: it arises here. If
  /// not, it came with the inputs.
  bool arisesHere() const;
};

struct FormReport {
  std::vector<EdgeReport> edges;      ///< in the order in which they are computed
  std::vector<std::string> unmatched; ///< tensors of codes that the float model has no like of
};

/// The ratio that tensors without an error count with, in dB: 6.02 for each of 8 bits.
inline constexpr double cleanSqnr = 48.16;

/// The first bad layer: the edge that loses most, the first of several; none if there are no edges.
std::optional<size_t> findWorst(llvm::ArrayRef<EdgeReport> edges);

/// Compares a quantized model with the float model that it was made of (both of the stage `import`)
/// at every tensor of codes that both have, at products whose results stay floats, and at the
/// outputs. Tensors are matched by name: that of the float tensor around QuantizeLinear or
/// DequantizeLinear, or that of the codes without the ending that quantizers add to it.
/// Errors without text have been reported as diagnostics.
llvm::Expected<FormReport>
compareForms(mlir::ModuleOp quantized, mlir::ModuleOp real, const ModelRunner &runner,
             SampleSource &source,
             llvm::function_ref<void(size_t done, size_t total)> onProgress = nullptr);

} // namespace quern

#endif // QUERN_PASSES_VERIFY_COMPAREFORMS_H
