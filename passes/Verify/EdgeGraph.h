// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_VERIFY_EDGEGRAPH_H
#define QUERN_PASSES_VERIFY_EDGEGRAPH_H

#include "dialects/Quern/QuernOps.h"
#include "passes/Verify/EdgeError.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>
#include <vector>

namespace quern {

/// A tensor of a model at which two of its forms are compared: codes of constant scale, or floats.
struct Edge {
  std::string name;      ///< of the ONNX tensor
  std::string node;      ///< the ONNX node that computes it
  std::string operation; ///< that node's operator
  mlir::Value value;     ///< in the graph's module
  bool isOutput = false; ///< of the model
  /// The edges, by number, that it is computed from with no other edge between.
  std::vector<size_t> inputs;

  /// The op that makes its codes, or null if it is no tensor of codes.
  qir::QuantizeOp getQuantize() const { return value.getDefiningOp<qir::QuantizeOp>(); }
};

/// The edges of a model in the order in which they are computed, over its waist form (docs/ir.md)
/// as `legalize-onnx` makes it, in the file's own layout. Codes whose scale is computed at run time
/// stand as the floats that they are made of.
class EdgeGraph {
public:
  /// `imported` is a module of the stage `import`; it stays as it is. Edges are its code tensors
  /// that depend on an input, its outputs, and the `floats`: tensors by their ONNX names. Floats
  /// between a node and its codes are left out. Problems are diagnostics.
  static mlir::FailureOr<EdgeGraph> make(mlir::ModuleOp imported,
                                         llvm::ArrayRef<std::string> floats);

  llvm::ArrayRef<Edge> getEdges() const { return edges; }
  /// Drops the edges of which `isWanted` says no.
  void filter(llvm::function_ref<bool(const Edge &)> isWanted);

  /// How outputs show codes: as they are, or as what they stand for.
  enum class Show { Codes, Reals };
  /// A module whose outputs are the edges, in order. Codes of less than 8 bits are shown as reals.
  mlir::OwningOpRef<mlir::ModuleOp> makeTapped(Show show) const;
  /// A module that computes each edge from exact inputs: there is one more argument for each edge,
  /// its exact value (f32), which takes the edge's place for all that read it. It is rounded to
  /// the edge's codes only for what computes on codes themselves.
  mlir::OwningOpRef<mlir::ModuleOp> makeForced() const;

private:
  void collect(mlir::func::FuncOp main);
  void addCodes(mlir::func::FuncOp main);
  void addResults(mlir::func::FuncOp main);
  void addFloat(mlir::Value value, std::string name, bool isOutput);
  void connect();

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Edge> edges;
};

/// The steps of an edge's codes in one sample; none if it has no codes, scales along the batch or
/// in blocks, or several zero points.
std::optional<CodeSteps> getCodeSteps(const Edge &edge);

/// The names of the float tensors of a model (stage `import`) that are worth comparing: results of
/// convolutions and matrix products.
std::vector<std::string> getProductSites(mlir::func::FuncOp main);

} // namespace quern

#endif // QUERN_PASSES_VERIFY_EDGEGRAPH_H
