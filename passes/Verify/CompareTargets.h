// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_VERIFY_COMPARETARGETS_H
#define QUERN_PASSES_VERIFY_COMPARETARGETS_H

#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>
#include <vector>

namespace quern {

/// Where two targets' programs for one model differ, over all samples.
struct TargetEdgeReport {
  std::string name;      ///< of the ONNX tensor
  std::string node;      ///< that computes it
  std::string operation; ///< the node's operator
  bool hasCodes = false; ///< codes or other whole numbers: they must be the same
  uint64_t count = 0, differing = 0;
  double largest = 0;      ///< difference: in codes, or of floats relative to max|y|
  bool inputsAgree = true; ///< whether all tensors that it is computed from agree
  bool agrees() const;     ///< codes: all of them; floats: to 1e-5 of the largest magnitude
};

/// Compares two runners' programs of a model (stage `import`) at its codes, at the products whose
/// results are floats, and at its outputs, in the order in which they are computed.
/// Errors without text have been reported as diagnostics.
llvm::Expected<std::vector<TargetEdgeReport>>
compareTargets(mlir::ModuleOp model, const ModelRunner &reference, const ModelRunner &target,
               SampleSource &source,
               llvm::function_ref<void(size_t done, size_t total)> onProgress = nullptr);

} // namespace quern

#endif // QUERN_PASSES_VERIFY_COMPARETARGETS_H
