// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Moments.h"

#include <algorithm>
#include <cmath>

using quern::onnxir::NodeOp;

namespace quern {

/// So many vectors for each unknown are enough; more only take time.
static constexpr int64_t positionsPerValue = 32;
/// At least so many in all: few unknowns are no reason to look at few places.
static constexpr int64_t fewestPositions = 32768;
/// What is kept of a layer's inputs themselves: positions, and values at most.
static constexpr int64_t keptPositions = 4096, keptValues = 1 << 23;

static int64_t getOr(std::optional<llvm::ArrayRef<int64_t>> list, size_t index, int64_t fallback) {
  return list && index < list->size() ? (*list)[index] : fallback;
}

/// What goes before the input in a dimension.
static int64_t findPad(NodeOp node, size_t dimension, int64_t in, int64_t out, int64_t reach,
                       int64_t stride) {
  llvm::StringRef mode = node.getString("auto_pad", "NOTSET");
  if (mode == "VALID")
    return 0;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    int64_t total = std::max<int64_t>((out - 1) * stride + reach - in, 0);
    return (total + (mode == "SAME_LOWER" ? 1 : 0)) / 2;
  }
  return getOr(node.getInts("pads"), dimension, 0);
}

static PatchGeometry makeProduct(llvm::ArrayRef<int64_t> input) {
  PatchGeometry geometry;
  geometry.channelsLast = true;
  geometry.channels = input.back();
  for (int64_t dim : input.drop_back())
    geometry.height *= dim;
  geometry.rows = geometry.height;
  return geometry;
}

PatchGeometry PatchGeometry::of(WeightedNode &layer) {
  auto shapeOf = [](mlir::Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
  };
  llvm::ArrayRef<int64_t> input = shapeOf(layer.getInput());
  if (!layer.node.is("Conv"))
    return makeProduct(input);
  llvm::ArrayRef<int64_t> weights = layer.getWeightType().getShape(),
                          output = shapeOf(layer.node.getResult(0));
  PatchGeometry geometry;
  geometry.batch = input[0];
  geometry.channels = input[1];
  geometry.groups = layer.node.getInt("group", 1);
  // A convolution over one dimension is one over a single row.
  size_t count = input.size() - 2, shift = 2 - count;
  auto strides = layer.node.getInts("strides"), dilations = layer.node.getInts("dilations");
  for (size_t d = 0; d < count; ++d) {
    bool isY = d + shift == 0;
    int64_t stride = getOr(strides, d, 1), dilation = getOr(dilations, d, 1);
    int64_t in = input[2 + d], out = output[2 + d], kernel = weights[2 + d];
    int64_t pad = findPad(layer.node, d, in, out, (kernel - 1) * dilation + 1, stride);
    (isY ? geometry.height : geometry.width) = in;
    (isY ? geometry.rows : geometry.columns) = out;
    (isY ? geometry.kernelHeight : geometry.kernelWidth) = kernel;
    (isY ? geometry.strideY : geometry.strideX) = stride;
    (isY ? geometry.dilationY : geometry.dilationX) = dilation;
    (isY ? geometry.top : geometry.left) = pad;
  }
  return geometry;
}

void readPatches(const PatchGeometry &geometry, const float *input, int64_t group,
                 llvm::ArrayRef<int64_t> positions, Eigen::MatrixXf &patches) {
  patches.resize(geometry.getDepth(), static_cast<int64_t>(positions.size()));
  int64_t channels = geometry.channels / geometry.groups;
  for (auto [column, position] : llvm::enumerate(positions)) {
    auto to = static_cast<int64_t>(column);
    if (geometry.channelsLast) {
      patches.col(to) = Eigen::Map<const Eigen::VectorXf>(input + position * channels, channels);
      continue;
    }
    int64_t x = position % geometry.columns, y = position / geometry.columns % geometry.rows;
    int64_t n = position / geometry.columns / geometry.rows;
    const float *base =
        input + (n * geometry.channels + group * channels) * geometry.height * geometry.width;
    float *out = patches.col(to).data();
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t ky = 0; ky < geometry.kernelHeight; ++ky)
        for (int64_t kx = 0; kx < geometry.kernelWidth; ++kx) {
          int64_t iy = y * geometry.strideY + ky * geometry.dilationY - geometry.top;
          int64_t ix = x * geometry.strideX + kx * geometry.dilationX - geometry.left;
          bool inside = iy >= 0 && iy < geometry.height && ix >= 0 && ix < geometry.width;
          *out++ = inside ? base[(c * geometry.height + iy) * geometry.width + ix] : 0;
        }
  }
}

MomentSums::MomentSums(const PatchGeometry &geometry, size_t runs, bool second)
    : geometry(geometry), second(second) {
  int64_t depth = geometry.getDepth(), all = geometry.getPositions();
  int64_t wanted = std::max(positionsPerValue * depth, fewestPositions);
  auto count = static_cast<int64_t>(std::max<size_t>(runs, 1));
  perRun = std::clamp<int64_t>((wanted + count - 1) / count, 1, all);
  int64_t kept = std::min(keptPositions, keptValues / (depth * geometry.groups));
  keptPerRun = std::clamp<int64_t>(kept / count, 1, perRun);
  sums.resize(geometry.groups);
  for (Sums &sum : sums) {
    sum.samples.resize(depth, keptPerRun * count);
    sum.quantizedSamples.resize(depth, keptPerRun * count);
    if (second) {
      sum.own.setZero(depth, depth);
      sum.cross.setZero(depth, depth);
    }
    sum.original.setZero(depth);
    sum.quantized.setZero(depth);
  }
}

void MomentSums::add(const float *original, const float *quantized) {
  std::vector<int64_t> positions;
  int64_t all = geometry.getPositions();
  // Evenly spaced, shifted from run to run by a golden part of the step.
  double step = static_cast<double>(all) / static_cast<double>(perRun);
  double shift = static_cast<double>(run) * 0.6180339887498949;
  shift -= std::floor(shift);
  for (int64_t i = 0; i < perRun; ++i)
    positions.push_back( // NOLINT(performance-inefficient-vector-operation): it grows with each run
        std::min(static_cast<int64_t>((static_cast<double>(i) + shift) * step), all - 1));
  count += perRun;
  for (int64_t group = 0; group < geometry.groups; ++group) {
    Sums &sum = sums[group];
    readPatches(geometry, original, group, positions, patches);
    readPatches(geometry, quantized, group, positions, quantizedPatches);
    if (second) {
      square.setZero(patches.rows(), patches.rows());
      square.selfadjointView<Eigen::Lower>().rankUpdate(quantizedPatches);
      sum.own += square.cast<double>();
      square.noalias() = patches * quantizedPatches.transpose();
      sum.cross += square.cast<double>();
    }
    sum.original += patches.cast<double>().rowwise().sum();
    sum.quantized += quantizedPatches.cast<double>().rowwise().sum();
    keepSamples(sum);
  }
  ++run;
}

void MomentSums::keepSamples(Sums &sum) {
  for (int64_t i = 0; i < keptPerRun; ++i) {
    int64_t from = i * perRun / keptPerRun, to = run * keptPerRun + i;
    sum.samples.col(to) = patches.col(from);
    sum.quantizedSamples.col(to) = quantizedPatches.col(from);
  }
}

std::vector<InputMoments> MomentSums::finish(bool centered) const {
  std::vector<InputMoments> result;
  double factor = 1 / static_cast<double>(std::max<int64_t>(count, 1));
  for (const Sums &sum : sums) {
    InputMoments moments = {sum.samples.leftCols(run * keptPerRun),
                            sum.quantizedSamples.leftCols(run * keptPerRun),
                            sum.own * factor,
                            sum.cross * factor,
                            sum.original * factor,
                            sum.quantized * factor};
    moments.own = moments.own.selfadjointView<Eigen::Lower>();
    if (centered && second) {
      moments.own -= moments.mean * moments.mean.transpose();
      moments.cross -= moments.meanFloat * moments.mean.transpose();
    }
    result.push_back(std::move(moments));
  }
  return result;
}

} // namespace quern
