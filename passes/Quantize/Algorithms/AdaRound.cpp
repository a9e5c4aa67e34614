// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

namespace quern {

/// Each pass lowers the error; after some nothing moves any more.
static constexpr int maxPasses = 20;

namespace {

/// Moves the codes of one row, one step at a time, where that lowers e H eᵀ, e being what the row
/// is off.
class RowRounder {
public:
  RowRounder(LayerTask &task, const Eigen::MatrixXf &moments, int64_t row)
      : task(task), moments(moments), row(row), error(moments.rows()) {
    for (int64_t column = 0; column < error.size(); ++column)
      error[column] = task.weights(row, column) - task.grid.dequantize(task.codes(row, column), row,
                                                                       task.grid.getGroup(column));
    slope = moments * error;
  }
  /// False if nothing moved.
  bool pass();

private:
  bool moveCode(int64_t column);

  LayerTask &task;
  const Eigen::MatrixXf &moments;
  int64_t row;
  Eigen::VectorXf error, slope; ///< slope = H e
};

} // namespace

bool RowRounder::moveCode(int64_t column) {
  const WeightScheme &scheme = task.grid.getScheme();
  int8_t &code = task.codes(row, column);
  float scale = task.grid.getScale(row, task.grid.getGroup(column));
  // Moving the weight by d changes the error by d (d H_jj - 2 (H e)_j).
  int step = slope[column] > 0 ? 1 : -1;
  float change = static_cast<float>(step) * scale;
  if (code + step < scheme.low || code + step > scheme.high ||
      change * (change * moments(column, column) - 2 * slope[column]) >= 0)
    return false;
  code = static_cast<int8_t>(code + step);
  error[column] -= change;
  slope -= change * moments.col(column);
  return true;
}

bool RowRounder::pass() {
  bool moved = false;
  for (int64_t column = 0; column < error.size(); ++column)
    moved |= moveCode(column);
  return moved;
}

/// The objective of AdaRound (Nagel et al. 2020): each weight is rounded to that side which leaves
/// the layer's outputs nearest to what they should be, not itself. In place of training, codes move
/// one at a time as long as the error falls, from where the recipe's maker of weights left them.
llvm::Error moveCodes(LayerTask &task) {
  for (auto [index, input] : llvm::enumerate(task.inputs)) {
    Eigen::MatrixXf moments = input.own.cast<float>();
    for (int64_t i = 0; i < task.getRows(); ++i) {
      RowRounder rounder(task, moments, static_cast<int64_t>(index) * task.getRows() + i);
      for (int pass = 0; pass < maxPasses && rounder.pass(); ++pass)
        ;
    }
  }
  return llvm::Error::success();
}

} // namespace quern
