// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What convolutions and poolings share: windows from ONNX's attributes and the way between
/// ONNX's channels-first tensors and NHWC. Spatial rank 1 is rank 2 with a height of 1.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_WINDOW_H
#define QUERN_PASSES_LEGALIZE_ONNX_WINDOW_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

namespace quern::legalize {

struct Window {
  Dims kernel;    ///< [height, width]
  Dims strides;   ///< [y, x]
  Dims dilations; ///< [y, x]
  Dims pads;      ///< [top, left, bottom, right], as the file (or auto_pad) says
  Dims extra;     ///< [bottom, right]: what ceil_mode adds
  Dims positions; ///< [OH, OW]
  /// `pads` with `extra` (which may be negative: rows that no window reads stay out).
  Dims allPads() const;
};

/// Reads kernel_shape (checked against `kernel` unless that is empty), strides, dilations, pads,
/// auto_pad and ceil_mode for an input with these spatial sizes (one or two), or reports an error.
std::optional<Window> readWindow(NodeBuilder &n, Shape spatial, Shape kernel);

/// [N, C, H, W] or [N, C, W] to NHWC.
Value toChannelsLast(NodeBuilder &n, Value x);
/// NHWC to [N, C, H, W], or to [N, C, W] where the spatial rank is 1.
Value toChannelsFirst(NodeBuilder &n, Value x, int64_t spatialRank);

/// ONNX's Conv on f32 values: [N, C, spatial...] by [O, C/group, spatial...], plus an optional [O]
/// bias.
Value convolve(NodeBuilder &n, Value x, Value weights, Value bias);

enum class Pooling { Max, Average };
/// ONNX's MaxPool or AveragePool on [N, C, spatial...] (or channels last).
Value poolWindows(NodeBuilder &n, Pooling kind, Value x, bool channelsLast = false);
/// The mean over all spatial dimensions, which stay with size 1.
Value poolGlobalAverage(NodeBuilder &n, Value x, bool channelsLast = false);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_WINDOW_H
