// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_LEGALIZE_PROPAGATELAYOUTREGION_H
#define QUERN_PASSES_LEGALIZE_PROPAGATELAYOUTREGION_H

#include "passes/Legalize/PropagateLayout.h"

#include "llvm/ADT/SetVector.h"

#include <vector>

namespace quern::layout {

/// Layout-agnostic ops that are connected through values: all of them take one layout, and
/// transposes are needed only at the border.
class LayoutRegion {
public:
  explicit LayoutRegion(std::vector<mlir::Operation *> ops);

  /// The layout in which the fewest elements are transposed at the border. Where equally many
  /// are, transposes go to the function's arguments and results, else they stay where they are.
  Permutation chooseLayout() const;
  /// Rebuilds the ops in this layout, with transposes at the border where it needs them.
  void rewrite(PermutationRef layout);

private:
  bool contains(mlir::Operation *op) const { return members.contains(op); }
  std::vector<Permutation> getCandidates() const;
  double costOf(PermutationRef layout) const;
  double entryCost(mlir::Value value, PermutationRef layout) const;
  double exitCost(mlir::Value value, PermutationRef layout) const;
  mlir::Value enter(mlir::OpBuilder &builder, mlir::Value value, PermutationRef layout) const;

  std::vector<mlir::Operation *> ops; ///< in block order
  llvm::SmallPtrSet<mlir::Operation *, 16> members;
  llvm::SetVector<mlir::Value> entries; ///< operands from outside that are not constant
  llvm::SetVector<mlir::Value> exits;   ///< results used outside
  int64_t rank;
};

/// The regions of a block.
std::vector<std::vector<mlir::Operation *>> collectRegions(mlir::Block &block);

} // namespace quern::layout

#endif // QUERN_PASSES_LEGALIZE_PROPAGATELAYOUTREGION_H
