// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_EXPORT_GRAPHPATCH_H
#define QUERN_COMPILER_EXPORT_GRAPHPATCH_H

#include "passes/Quantize/Plan.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <onnx/onnx_pb.h>

namespace quern {

/// Writes a plan into a graph. Node names and tensor names that it adds are new to the graph.
class GraphPatch {
public:
  explicit GraphPatch(onnx::GraphProto &graph);
  /// Fails if the graph has no such tensor or node.
  llvm::Error apply(const QuantizationPlan &plan);

private:
  void addActivation(const ActivationQuantization &activation);
  llvm::Error changeConstant(const ConstantChange &change);
  llvm::Error addWeight(const WeightQuantization &weight);
  llvm::Error addBias(const BiasQuantization &bias);
  llvm::Error replaceOperand(const ConstantUse &use, const std::string &name);
  llvm::Error checkSites(const QuantizationPlan &plan) const;
  void redirect(const QuantizationPlan &plan);
  void orderNodes();
  void dropUnused();

  std::string makeName(const std::string &wish);
  std::string addTensor(const std::string &wish, int32_t type, llvm::ArrayRef<int64_t> dims,
                        const void *data, size_t bytes);
  onnx::NodeProto &addNode(std::vector<onnx::NodeProto> &list, const char *type,
                           const std::vector<std::string> &inputs, const std::string &output,
                           std::optional<int64_t> axis, int64_t block = 0);

  onnx::GraphProto &graph;
  llvm::StringMap<onnx::NodeProto *> producers;            ///< by each output
  llvm::StringSet<> names;                                 ///< of tensors and nodes
  llvm::StringMap<std::vector<onnx::NodeProto>> followers; ///< by the tensor that they follow
  llvm::StringMap<std::string> replacements;               ///< what readers of a tensor read now
  std::vector<onnx::NodeProto> leaders;                    ///< of constants: before all others
  llvm::StringSet<> replaced;                              ///< constants that lost a reader
};

} // namespace quern

#endif // QUERN_COMPILER_EXPORT_GRAPHPATCH_H
