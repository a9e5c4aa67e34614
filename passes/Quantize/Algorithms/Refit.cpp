// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

#include <Eigen/Cholesky>

namespace quern {

/// Of the mean power of the inputs; keeps directions that the data hardly show as they were.
static constexpr double damping = 0.1;

/// The weights whose outputs come nearest to the float model's when their inputs are the quantized
/// ones: W' = W (E[x qᵀ] + λ I) (E[q qᵀ] + λ I)⁻¹, which is W where x = q.
llvm::Error refitToFloat(LayerTask &task) {
  for (auto [index, input] : llvm::enumerate(task.inputs)) {
    double lambda = damping * input.own.diagonal().mean();
    if (!(lambda > 0))
      continue; // inputs that never change
    Eigen::MatrixXd own = input.own, cross = input.cross;
    own.diagonal().array() += lambda;
    cross.diagonal().array() += lambda;
    Eigen::MatrixXd wanted = task.getPart(task.original, index).cast<double>() * cross;
    Eigen::LLT<Eigen::MatrixXd> factor(own);
    if (factor.info() != Eigen::Success)
      continue;
    task.getPart(task.weights, index) = factor.solve(wanted.transpose()).transpose().cast<float>();
  }
  return llvm::Error::success();
}

} // namespace quern
