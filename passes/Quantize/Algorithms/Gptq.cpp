// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

#include <Eigen/Cholesky>

#include <numeric>

namespace quern {

/// Of the mean power of the inputs.
static constexpr double damping = 0.01;
/// Columns whose effect on all later ones is applied at once.
static constexpr int64_t blockSize = 128;

/// Columns by falling power of their inputs ("act-order"): those that matter most are rounded
/// first, while all others can make up for it.
static std::vector<int64_t> orderByPower(const Eigen::MatrixXd &moments) {
  std::vector<int64_t> order(moments.rows());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::pair(-moments(a, a), a) < std::pair(-moments(b, b), b);
  });
  return order;
}

/// The upper factor U of the inverse, H⁻¹ = Uᵀ U, of the damped moments in that order. None if they
/// are not finite.
static std::optional<Eigen::MatrixXf> factorInverse(const Eigen::MatrixXd &moments,
                                                    llvm::ArrayRef<int64_t> order) {
  auto size = static_cast<int64_t>(order.size());
  Eigen::MatrixXd ordered(size, size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      ordered(i, j) = moments(order[i], order[j]);
  double power = moments.diagonal().mean();
  // Where nothing comes in, any damping is right.
  double lambda = power > 0 ? damping * power : 1;
  // Rounding can leave moments that are not quite positive; more damping makes them so.
  for (int attempt = 0; attempt < 8; ++attempt, lambda *= 10) {
    Eigen::MatrixXd damped = ordered;
    damped.diagonal().array() += lambda;
    Eigen::LLT<Eigen::MatrixXd> factor(damped);
    if (factor.info() != Eigen::Success)
      continue;
    Eigen::MatrixXd inverse = factor.solve(Eigen::MatrixXd::Identity(size, size));
    Eigen::LLT<Eigen::MatrixXd, Eigen::Upper> upper(inverse);
    if (upper.info() == Eigen::Success)
      return Eigen::MatrixXd(upper.matrixU()).cast<float>();
  }
  return std::nullopt;
}

namespace {

/// Rounds the weights of one group of input channels.
class Rounder {
public:
  Rounder(LayerTask &task, size_t part)
      : task(task), first(static_cast<int64_t>(part) * task.getRows()), rows(task.getRows()),
        order(orderByPower(task.inputs[part].own)), weights(rows, task.weights.cols()) {
    for (auto [place, column] : llvm::enumerate(order))
      weights.col(static_cast<int64_t>(place)) = task.weights.col(column).segment(first, rows);
  }
  bool factor(const Eigen::MatrixXd &moments) {
    auto found = factorInverse(moments, order);
    if (found)
      upper = std::move(*found);
    return found.has_value();
  }
  void run();

private:
  void roundColumn(int64_t place, Eigen::VectorXf &error);

  LayerTask &task;
  int64_t first, rows;
  std::vector<int64_t> order;
  Eigen::MatrixXf upper;
  WeightMatrix weights; ///< in that order
};

} // namespace

void Rounder::roundColumn(int64_t place, Eigen::VectorXf &error) {
  int64_t column = order[place], group = task.grid.getGroup(column);
  for (int64_t row = 0; row < rows; ++row) {
    int8_t code = task.grid.quantize(weights(row, place), first + row, group);
    task.codes(first + row, column) = code;
    error[row] = (weights(row, place) - task.grid.dequantize(code, first + row, group)) /
                 upper(place, place);
  }
}

void Rounder::run() {
  int64_t columns = weights.cols();
  for (int64_t begin = 0; begin < columns; begin += blockSize) {
    int64_t count = std::min(blockSize, columns - begin), rest = columns - begin - count;
    Eigen::MatrixXf errors(rows, count);
    for (int64_t i = 0; i < count; ++i) {
      Eigen::VectorXf error(rows);
      roundColumn(begin + i, error);
      int64_t left = count - i - 1;
      weights.middleCols(begin + i + 1, left) -=
          error * upper.row(begin + i).segment(begin + i + 1, left);
      errors.col(i) = error;
    }
    weights.rightCols(rest) -= errors * upper.block(begin, begin + count, count, rest);
  }
}

/// Frantar et al. (2022): the error of each rounded weight is made up for by those not rounded yet,
/// by the inverse of the inputs' moments. Grids are found beforehand ("static"), so that groups
/// stay together whatever the order.
llvm::Error roundInOrder(LayerTask &task) {
  task.chooseGrid(chooseScaleByError, task.getImportance());
  task.codes.resize(task.weights.rows(), task.weights.cols());
  for (size_t part = 0; part < task.inputs.size(); ++part) {
    Rounder rounder(task, part);
    if (!rounder.factor(task.inputs[part].own))
      return llvm::createStringError("the inputs of the node with the output '" +
                                     task.layer.node.getOutputName(0).getValue() +
                                     "' are not finite in the calibration");
    rounder.run();
  }
  return llvm::Error::success();
}

} // namespace quern
