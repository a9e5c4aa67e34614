// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/WeightGrid.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern {

WeightLayout WeightLayout::of(llvm::ArrayRef<int64_t> dims, int64_t axis) {
  WeightLayout layout;
  layout.dims = dims.vec();
  layout.axis = axis;
  layout.outputs = dims[axis];
  layout.channels = dims[axis == 0 ? 1 : 0];
  for (int64_t dim : dims.drop_front(2))
    layout.kernel *= dim;
  return layout;
}

WeightMatrix WeightLayout::gather(llvm::ArrayRef<float> values) const {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  if (axis == 0)
    return Eigen::Map<const RowMajor>(values.data(), outputs, getDepth());
  return Eigen::Map<const WeightMatrix>(values.data(), outputs, getDepth());
}

std::vector<int8_t> WeightLayout::scatter(const CodeMatrix &codes) const {
  using RowMajor = Eigen::Matrix<int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::vector<int8_t> result(codes.size());
  if (axis == 0)
    Eigen::Map<RowMajor>(result.data(), outputs, getDepth()) = codes;
  else
    Eigen::Map<CodeMatrix>(result.data(), outputs, getDepth()) = codes;
  return result;
}

/// The least and greatest weight, and zero.
static std::pair<float, float> findExtremes(llvm::ArrayRef<float> weights) {
  float low = 0, high = 0;
  for (float weight : weights) {
    low = std::min(low, weight);
    high = std::max(high, weight);
  }
  return {low, high};
}

/// The finest grid of the scheme that reaches from low to high.
static ScaleChoice cover(float low, float high, const WeightScheme &scheme) {
  if (scheme.isSigned)
    return {std::max(high / static_cast<float>(scheme.high), low / static_cast<float>(scheme.low)),
            0};
  float scale = (high - low) / static_cast<float>(scheme.high);
  int zero = scale > 0 ? static_cast<int>(std::nearbyint(-low / scale)) : 0;
  return {scale, std::clamp(zero, scheme.low, scheme.high)};
}

ScaleChoice chooseScaleByExtremes(llvm::ArrayRef<float> weights,
                                  llvm::ArrayRef<float> /*importance*/,
                                  const WeightScheme &scheme) {
  auto [low, high] = findExtremes(weights);
  return cover(low, high, scheme);
}

/// Rounds to nearest even: exact up to 2^22, and unlike a call of the library quick.
static float roundSmall(float value) {
  constexpr float magic = 12582912; // 1.5 * 2^23
  return (value + magic) - magic;
}

static double getError(llvm::ArrayRef<float> weights, llvm::ArrayRef<float> importance,
                       ScaleChoice choice, const WeightScheme &scheme) {
  auto low = static_cast<float>(scheme.low - choice.zeroPoint);
  auto high = static_cast<float>(scheme.high - choice.zeroPoint);
  float sum = 0;
  double total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    float code = roundSmall(std::clamp(weights[i] / choice.scale, low, high));
    float error = weights[i] - code * choice.scale;
    sum += importance.empty() ? error * error : error * error * importance[i];
    if (i % 256 == 255) {
      total += sum;
      sum = 0;
    }
  }
  return total + sum;
}

namespace {

/// Keeps the best grid of those that it is shown.
struct ScaleSearch {
  llvm::ArrayRef<float> weights, importance;
  const WeightScheme &scheme;
  ScaleChoice best;
  double least = std::numeric_limits<double>::infinity();

  void consider(ScaleChoice choice) {
    if (!(choice.scale >= std::numeric_limits<float>::min()))
      return;
    double error = getError(weights, importance, choice, scheme);
    if (error < least) {
      least = error;
      best = choice;
    }
  }
};

} // namespace

ScaleChoice chooseScaleByError(llvm::ArrayRef<float> weights, llvm::ArrayRef<float> importance,
                               const WeightScheme &scheme) {
  auto [low, high] = findExtremes(weights);
  ScaleSearch search = {weights, importance, scheme, cover(low, high, scheme)};
  search.consider(search.best);
  // With few codes the best range is far inside of the extremes.
  int steps = scheme.bits >= 8 ? 50 : 90;
  for (int step = 1; step < steps; ++step) {
    float keep = 1 - static_cast<float>(step) / 100;
    ScaleChoice choice = cover(low * keep, high * keep, scheme);
    search.consider(choice);
    for (int zero : {choice.zeroPoint - 1, choice.zeroPoint + 1})
      if (!scheme.isSigned && zero >= scheme.low && zero <= scheme.high)
        search.consider({choice.scale, zero});
  }
  if (scheme.bits >= 8 && scheme.isSigned)
    for (int code = scheme.high - 1; code > scheme.high / 4; --code)
      search.consider({std::max(high, -low) / static_cast<float>(code), 0});
  return search.best;
}

WeightGrid::WeightGrid(const WeightLayout &layout, WeightChoice choice)
    : layout(layout), choice(choice) {
  if (choice.group) {
    blocks = (layout.channels + choice.group - 1) / choice.group;
    groups = blocks * layout.kernel;
  }
  scales.setZero(layout.outputs, groups);
  zeroPoints.setZero(layout.outputs, groups);
}

int64_t WeightGrid::getGroup(int64_t column) const {
  if (!choice.group)
    return 0;
  return column / layout.kernel / choice.group * layout.kernel + column % layout.kernel;
}

void WeightGrid::choose(const WeightMatrix &weights, ChooseScale choose,
                        llvm::ArrayRef<float> importance) {
  std::vector<std::vector<int64_t>> columns(groups);
  for (int64_t column = 0; column < weights.cols(); ++column)
    columns[getGroup(column)].push_back(column);
  std::vector<float> values, counts;
  for (int64_t group = 0; group < groups; ++group) {
    counts.clear();
    for (int64_t column : columns[group])
      if (!importance.empty())
        counts.push_back(importance[column]);
    for (int64_t row = 0; row < weights.rows(); ++row) {
      values.clear();
      for (int64_t column : columns[group])
        values.push_back(weights(row, column));
      ScaleChoice found = choose(values, counts, *choice.scheme);
      scales(row, group) = found.scale;
      zeroPoints(row, group) = found.zeroPoint;
    }
  }
  fillGaps();
}

void WeightGrid::fillGaps() {
  auto isUsable = [](float scale) {
    return scale >= std::numeric_limits<float>::min() && std::isfinite(scale);
  };
  double sum = 0;
  int64_t count = 0;
  for (float scale : scales.reshaped())
    if (isUsable(scale)) {
      sum += scale;
      ++count;
    }
  auto mean = count ? static_cast<float>(sum / static_cast<double>(count)) : 1.0F;
  for (float &scale : scales.reshaped())
    if (!isUsable(scale))
      scale = mean;
}

void WeightGrid::raiseScale(int64_t row, float least) {
  scales.row(row) = scales.row(row).cwiseMax(least);
}

int8_t WeightGrid::quantize(float weight, int64_t row, int64_t group) const {
  float code =
      std::nearbyint(weight / scales(row, group)) + static_cast<float>(zeroPoints(row, group));
  auto low = static_cast<float>(choice.scheme->low), high = static_cast<float>(choice.scheme->high);
  return static_cast<int8_t>(std::isnan(code) ? static_cast<float>(zeroPoints(row, group))
                                              : std::clamp(code, low, high));
}

CodeMatrix WeightGrid::quantize(const WeightMatrix &weights) const {
  CodeMatrix codes(weights.rows(), weights.cols());
  for (int64_t column = 0; column < weights.cols(); ++column)
    for (int64_t row = 0, group = getGroup(column); row < weights.rows(); ++row)
      codes(row, column) = quantize(weights(row, column), row, group);
  return codes;
}

WeightMatrix WeightGrid::dequantize(const CodeMatrix &codes) const {
  WeightMatrix weights(codes.rows(), codes.cols());
  for (int64_t column = 0; column < codes.cols(); ++column)
    for (int64_t row = 0, group = getGroup(column); row < codes.rows(); ++row)
      weights(row, column) = dequantize(codes(row, column), row, group);
  return weights;
}

std::optional<int64_t> WeightGrid::getGroupAxis() const {
  if (!choice.group)
    return std::nullopt;
  return layout.axis == 0 ? 1 : 0;
}

std::vector<int64_t> WeightGrid::getScaleDims() const {
  if (!choice.group)
    return {layout.outputs};
  std::vector<int64_t> dims = layout.dims;
  dims[*getGroupAxis()] = blocks;
  return dims;
}

template <typename T>
std::vector<T> WeightGrid::inTensorOrder(llvm::function_ref<T(int64_t, int64_t)> get) const {
  std::vector<T> result;
  if (layout.axis == 0) {
    for (int64_t row = 0; row < layout.outputs; ++row)
      for (int64_t group = 0; group < groups; ++group)
        result.push_back(get(row, group));
  } else {
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t row = 0; row < layout.outputs; ++row)
        result.push_back(get(row, group));
  }
  return result;
}

std::vector<float> WeightGrid::getScales() const {
  return inTensorOrder<float>([&](int64_t row, int64_t group) { return scales(row, group); });
}

std::vector<int8_t> WeightGrid::getZeroPoints() const {
  if (choice.scheme->isSigned)
    return {};
  return inTensorOrder<int8_t>(
      [&](int64_t row, int64_t group) { return static_cast<int8_t>(zeroPoints(row, group)); });
}

} // namespace quern
