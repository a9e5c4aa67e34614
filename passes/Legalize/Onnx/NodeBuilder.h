// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What the rows of the ONNX tables build with: the node's inputs in the types that they
/// need, quern ops with inferred result types, and errors in the node's name.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_NODEBUILDER_H
#define QUERN_PASSES_LEGALIZE_ONNX_NODEBUILDER_H

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace quern::legalize {

using mlir::RankedTensorType;
using mlir::Type;
using mlir::Value;
using Shape = llvm::ArrayRef<int64_t>;
using Dims = llvm::SmallVector<int64_t>;

/// The ONNX tensor names of values: `site` names.
using SiteNames = llvm::DenseMap<Value, mlir::StringAttr>;

/// Scale and zero point of a quantize or dequantize, checked and brought to quern's shapes: rank 0
/// without `axis`, one dimension with it, the data's rank with `block`.
struct QuantParams {
  Value scale, zeroPoint;
  std::optional<int64_t> axis, block;
};

inline RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}
inline Shape shapeOf(Value value) { return typeOf(value).getShape(); }
inline Type elementOf(Value value) { return typeOf(value).getElementType(); }
inline int64_t rankOf(Value value) { return typeOf(value).getRank(); }
int64_t product(Shape shape);
/// The numbers from `begin` up to, not including, `end`.
Dims countUp(int64_t begin, int64_t end);

/// Builds the ops of one node. A null value stands for an error that was already reported: every
/// function takes null operands and gives null back, and `finish` turns null into failure.
/// Results of small ops on constants are constants (see Evaluate.h).
class NodeBuilder {
public:
  NodeBuilder(onnxir::NodeOp node, SiteNames &sites);

  onnxir::NodeOp node;
  mlir::ImplicitLocOpBuilder b;

  /// Starts an error at the node: "'Conv': …".
  mlir::InFlightDiagnostic error();
  /// Reports `expected` against `found` and gives null.
  Value fail(const llvm::Twine &message);
  /// Replaces the node. Results that are not given must not be used.
  mlir::LogicalResult finish(mlir::ValueRange results);

  // Inputs.
  bool has(unsigned index) { return node.hasInput(index); }
  Value in(unsigned index) { return node.getInput(index); }
  /// The input as f32: f16, bf16 and f64 are cast, other types are an error.
  Value f32(unsigned index);
  Value f32(Value value);
  /// The constant integers of an input, or an error that calls them `what`.
  std::optional<Dims> ints(unsigned index, llvm::StringRef what);
  /// The only element of a constant input, or an error that calls it `what`.
  std::optional<double> scalar(unsigned index, llvm::StringRef what);
  /// `axis` counted from the front, in [0, rank) (or [0, rank] for `end`), or an error.
  std::optional<int64_t> axis(int64_t axis, int64_t rank, bool end = false);
  /// Whether a tensor of this shape is one that we build (sizes >= 0, at most 2^40 elements); sizes
  /// come from the file, so larger ones are reported here before anything is computed from them.
  bool fits(Shape shape);
  /// The ONNX name of a value, or "?".
  llvm::StringRef nameOf(Value value);
  mlir::StringAttr siteOf(Value value) { return sites.lookup(value); }
  mlir::StringAttr site() { return node.getOutputName(0); }

  // Constants.
  Value floats(llvm::ArrayRef<float> values, Shape shape);
  Value scalarF32(float value) { return floats({value}, {}); }
  Value integers(llvm::ArrayRef<int64_t> values, Shape shape, Type element);
  Value indices(llvm::ArrayRef<int64_t> values); ///< si64, one dimension

  // Elementwise.
  Value unary(qir::UnaryKind kind, Value x, std::optional<float> alpha = {},
              std::optional<float> beta = {});
  Value binary(qir::BinaryKind kind, Value lhs, Value rhs);
  Value binary(qir::BinaryKind kind, Value lhs, float rhs);
  Value clamp(Value x, float low, float high);
  Value select(Value condition, Value onTrue, Value onFalse);
  Value cast(Value x, Type element);

  // Layout.
  Value reshape(Value x, Shape shape);
  Value transpose(Value x, Shape permutation);
  Value broadcast(Value x, Shape shape);
  Value concat(mlir::ValueRange values, int64_t axis);
  Value slice(Value x, Shape starts, Shape steps, Shape sizes);
  Value pad(Value x, Value value, Shape low, Shape high);
  Value gather(Value x, Value indices, int64_t axis);

  // Contractions and rows.
  /// The sum over `axes` (sorted, counted from the front) and so on, which stay with size 1 if
  /// `keep`.
  Value reduce(qir::ReduceKind kind, Value x, Shape axes, bool keep);
  /// NumPy's matmul: any ranks, operands of one dimension too.
  Value matmul(Value lhs, Value rhs);
  Value softmax(Value x, int64_t axis, bool log);

  // Quantization.
  /// Checks scale and zero point (may be null) against the data; `axis` counts from the front.
  std::optional<QuantParams> params(Value data, Type code, Value scale, Value zeroPoint,
                                    int64_t axis, int64_t block = 0);
  Value quantize(Value x, const QuantParams &params, Type code, mlir::StringAttr site,
                 std::optional<int64_t> lo = {}, std::optional<int64_t> hi = {});
  Value dequantize(Value codes, const QuantParams &params, mlir::StringAttr site);

  /// Whether `value` is a constant seen through layout ops, casts, quantize and dequantize.
  static bool isStored(Value value);
  /// Transposes a stored value below its dequantize or cast, whose axis is adapted, so that the
  /// codes stay constant: dequantize(transpose(w)).
  Value transposeStored(Value x, Shape permutation);
  /// Likewise; a dequantize along an axis is only looked through when the axis survives.
  Value reshapeStored(Value x, Shape shape);
  /// `size` elements of dimension `axis` from `start` on; a stored value is cut below its
  /// dequantize, scales along that dimension with it.
  Value sliceStored(Value x, int64_t axis, int64_t start, int64_t size);

private:
  /// Creates an op with one result; small ones of constants are evaluated at once.
  template <typename OpTy, typename... Args> Value make(Args &&...args);
  bool checkScale(Value scale);
  std::optional<QuantParams> checkGeometry(Value data, QuantParams params, int64_t axis,
                                           int64_t block);
  SiteNames &sites;
};

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_NODEBUILDER_H
