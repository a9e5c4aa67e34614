// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_PLACEMENT_H
#define QUERN_PASSES_QUANTIZE_PLACEMENT_H

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/QuernOps.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>
#include <vector>

namespace quern {

/// A node whose right operand is a constant to be quantized.
struct WeightedNode {
  onnxir::NodeOp node;
  unsigned weightOperand = 1;
  int64_t axis = 0;                    ///< of the weights: the output channel
  int64_t channels = 0;                ///< output channels
  std::optional<unsigned> biasOperand; ///< a constant [channels], or where one can be added
  /// Of a MatMul: the Add that reads nothing but its result and a constant with a value for each
  /// channel.
  onnxir::NodeOp adder;
  unsigned adderOperand = 0; ///< the constant
  mlir::RankedTensorType getWeightType();
  mlir::Value getInput() { return node.getInput(0); }
  qir::ConstantOp getWeight();
  /// Whether each output channel reads the input channel of its own number and no other.
  bool isDepthwise();
  /// Null if there is none (yet).
  qir::ConstantOp getBias();
  /// Where the bias is or can be, that of `adder` included; none if no bias can be had.
  std::optional<ConstantUse> getBiasUse();
  std::vector<int64_t> getBiasDims();
  /// Its values, zeros if there is none yet; empty where none can be had.
  std::vector<double> readBias();
};

/// A tensor that becomes codes. `source` is the site whose range it takes: its own, or that of the
/// tensor whose values it only moves.
struct QuantizedTensor {
  mlir::Value value;
  std::string site, source;
  /// The channel dimension, where each channel may have a scale of its own: of what only depthwise
  /// convolutions read, whose sums do not mix channels.
  std::optional<int64_t> axis;
};

/// What of a float graph (stage `import`) is computed on codes: the inputs of Conv, Gemm, MatMul,
/// of Add, Concat and average pools of tensors, and what only moves such values (MaxPool, Reshape,
/// …). What lies between a contraction and the next such input (ReLU, Clip, SiLU, …) stays in
/// float, for the compiler to fuse.
struct Placement {
  std::vector<QuantizedTensor> tensors; ///< in graph order
  std::vector<WeightedNode> weights;    ///< in graph order
  /// The sites to observe: the sources, each once.
  std::vector<ObservedSite> getSources() const;
};

/// Nodes of which `isExcluded` says so stay in float, with their inputs.
Placement findPlacement(mlir::func::FuncOp main,
                        llvm::function_ref<bool(onnxir::NodeOp)> isExcluded = nullptr);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_PLACEMENT_H
