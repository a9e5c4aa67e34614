// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <onnx/defs/schema.h>

#include <queue>

namespace quern::onnxfile {
namespace {

using mlir::failure;
using mlir::LogicalResult;
using mlir::success;

/// Domains that Legalize knows beside onnx's own.
constexpr llvm::StringLiteral foreignDomains[] = {"com.microsoft", "onnx.brevitas",
                                                  "qonnx.custom_op.general"};
/// Nodes after the expansion of functions.
constexpr uint64_t maxNodes = 1u << 20;
constexpr size_t maxNameLength = 4096;

/// ModelChecks in order; every check leaves after its first finding.
class Checker {
public:
  explicit Checker(ImportSession &session) : session(session), model(session.model) {}

  LogicalResult run() {
    if (failed(checkVersions()) || failed(checkFunctions()))
      return failure();
    onnx::GraphProto &graph = *model.mutable_graph();
    if (failed(checkNames(graph)))
      return failure();
    for (auto [index, node] : llvm::enumerate(graph.node()))
      if (failed(checkNode(node, session.nodeLocation(node, index), model.opset_import())))
        return failure();
    if (failed(checkExpansion(graph)) || failed(sortNodes(graph)))
      return failure();
    return checkOutputs(graph);
  }

private:
  using Imports = google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>;

  mlir::InFlightDiagnostic fileError() { return session.error(session.fileLocation()); }

  LogicalResult checkVersions() {
    if (model.ir_version() < 3 || model.ir_version() > onnx::Version::IR_VERSION)
      return fileError() << "expected onnx ir version 3 to " << int(onnx::Version::IR_VERSION)
                         << ", found " << model.ir_version();
    if (!model.has_graph())
      return fileError() << "expected a graph, found none";
    llvm::StringSet<> domains;
    for (onnx::OperatorSetIdProto &import : *model.mutable_opset_import()) {
      // One spelling of the default domain from here on.
      if (import.domain() == "ai.onnx")
        import.clear_domain();
      if (!domains.insert(import.domain()).second)
        return fileError() << "expected one operator set version for each domain, found two for '"
                           << shown(import.domain()) << "'";
      if (failed(checkOpset(import)))
        return failure();
    }
    if (model.graph().sparse_initializer_size() > 0)
      return fileError() << "expected dense initializers, found sparse ones, which are not "
                            "supported";
    return success();
  }

  static llvm::StringRef shown(llvm::StringRef domain) {
    return domain.empty() ? "ai.onnx" : domain;
  }

  LogicalResult checkOpset(const onnx::OperatorSetIdProto &import) {
    const auto &known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
    auto range = known.find(import.domain());
    int64_t low = import.domain().empty() ? oldestOpset : 1;
    int64_t high = range == known.end() ? INT32_MAX : range->second.second;
    if (import.version() >= low && import.version() <= high)
      return success();
    auto diagnostic = fileError() << "expected operator set version " << low;
    if (range != known.end())
      diagnostic << " to " << high;
    else
      diagnostic << " or later";
    return diagnostic << " of '" << shown(import.domain()) << "', found " << import.version();
  }

  LogicalResult checkFunctions() {
    for (onnx::FunctionProto &function : *model.mutable_functions()) {
      for (onnx::OperatorSetIdProto &import : *function.mutable_opset_import())
        if (import.domain() == "ai.onnx")
          import.clear_domain();
      functions[key(function.domain(), function.name())] = &function;
    }
    for (onnx::FunctionProto &function : *model.mutable_functions())
      for (auto [index, node] : llvm::enumerate(*function.mutable_node())) {
        if (node.domain() == "ai.onnx")
          node.clear_domain();
        if (failed(checkNode(node, session.nodeLocation(node, index), function.opset_import())))
          return failure();
      }
    return success();
  }

  static std::string key(llvm::StringRef domain, llvm::StringRef name) {
    return (domain + ":" + name).str();
  }

  /// Tensor names are there, not absurdly long and defined once.
  LogicalResult checkNames(onnx::GraphProto &graph) {
    for (const onnx::ValueInfoProto &input : graph.input())
      if (failed(define(input.name(), session.tensorLocation(input.name()), "input")))
        return failure();
    llvm::StringSet<> initializers;
    for (const onnx::TensorProto &tensor : graph.initializer()) {
      mlir::Location location = session.tensorLocation(tensor.name());
      if (!initializers.insert(tensor.name()).second)
        return session.error(location) << "expected different names for initializers, found '"
                                       << tensor.name() << "' twice";
      // Up to IR version 3 initializers are inputs too.
      if (!defined.contains(tensor.name()) &&
          failed(define(tensor.name(), location, "initializer")))
        return failure();
    }
    for (auto [index, node] : llvm::enumerate(*graph.mutable_node())) {
      if (node.domain() == "ai.onnx")
        node.clear_domain();
      mlir::Location location = session.nodeLocation(node, index);
      if (node.name().size() > maxNameLength)
        return session.error(session.fileLocation())
               << "expected names of at most " << maxNameLength << " bytes, found a node's with "
               << node.name().size();
      for (const std::string &output : node.output())
        if (!output.empty() && failed(define(output, location, "output")))
          return failure();
    }
    for (auto [index, node] : llvm::enumerate(graph.node()))
      for (const std::string &output : node.output())
        if (!output.empty())
          session.fileIndex[output] = index;
    return success();
  }

  LogicalResult define(llvm::StringRef name, mlir::Location location, llvm::StringRef what) {
    if (name.empty())
      return session.error(location) << "expected a name of the " << what << ", found an empty one";
    if (name.size() > maxNameLength)
      return session.error(session.fileLocation())
             << "expected names of at most " << maxNameLength << " bytes, found one of an " << what
             << " with " << name.size();
    if (!defined.insert(name).second)
      return session.error(location)
             << "expected each tensor to be defined once, found '" << name << "' twice";
    return success();
  }

  LogicalResult checkNode(const onnx::NodeProto &node, mlir::Location location,
                          const Imports &imports) {
    if (node.op_type().empty())
      return session.error(location) << "expected an operator name, found an empty one";
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g() || attribute.graphs_size() > 0)
        return session.error(location)
               << "control flow is not supported: '" << node.op_type()
               << "' has a subgraph (attribute '" << attribute.name()
               << "'); export the model with a fixed branch or the loop unrolled";
    if (functions.contains(key(node.domain(), node.op_type())))
      return success();
    int64_t version = 0;
    for (const onnx::OperatorSetIdProto &import : imports)
      if (import.domain() == node.domain())
        version = import.version();
    return checkOperator(node, location, version);
  }

  LogicalResult checkOperator(const onnx::NodeProto &node, mlir::Location location,
                              int64_t version) {
    bool own = isOnnxDomain(node.domain());
    if (!own && !llvm::is_contained(foreignDomains, node.domain()))
      return session.error(location)
             << "unknown domain '" << node.domain() << "' of operator '" << node.op_type()
             << "': expected ai.onnx, ai.onnx.ml, com.microsoft, onnx.brevitas, "
                "qonnx.custom_op.general or one with a function in the file";
    if (version == 0 && !own) {
      // QONNX files leave the import out; the domain has had one version only.
      onnx::OperatorSetIdProto *import = model.add_opset_import();
      import->set_domain(node.domain());
      import->set_version(1);
      return success();
    }
    if (version == 0)
      return session.error(location) << "expected the file to import an operator set of domain '"
                                     << shown(node.domain()) << "', found none";
    if (own &&
        !onnx::OpSchemaRegistry::Schema(node.op_type(), static_cast<int>(version), node.domain()))
      return session.error(location)
             << "unknown operator '" << node.op_type() << "' in operator set " << version << " of "
             << shown(node.domain());
    return success();
  }

  /// Functions that call functions can grow without bound; onnx's inliner would follow.
  LogicalResult checkExpansion(const onnx::GraphProto &graph) {
    uint64_t total = 0;
    for (auto [index, node] : llvm::enumerate(graph.node())) {
      std::optional<uint64_t> size = expandedSize(node, 0);
      if (!size)
        return session.error(session.nodeLocation(node, index))
               << "expected functions that do not call themselves and nest at most 64 deep, found '"
               << node.op_type() << "'";
      total = llvm::SaturatingAdd(total, *size);
    }
    if (total > maxNodes)
      return fileError() << "expected at most " << maxNodes
                         << " nodes with functions expanded, found more";
    return success();
  }

  std::optional<uint64_t> expandedSize(const onnx::NodeProto &node, unsigned depth) {
    auto found = functions.find(key(node.domain(), node.op_type()));
    if (found == functions.end())
      return 1;
    if (depth > 64)
      return std::nullopt;
    auto [known, fresh] = sizes.try_emplace(found->first, std::nullopt);
    if (!fresh)
      return known->second; // Not known yet: it is being expanded, so it calls itself.
    uint64_t total = 1;
    for (const onnx::NodeProto &inner : found->second->node()) {
      std::optional<uint64_t> size = expandedSize(inner, depth + 1);
      if (!size)
        return std::nullopt;
      total = llvm::SaturatingAdd(total, *size);
    }
    sizes[found->first] = total;
    return total;
  }

  /// Checks references and puts nodes behind those whose results they use, in file order where
  /// that leaves a choice (a file that is sorted keeps its order).
  LogicalResult sortNodes(onnx::GraphProto &graph) {
    unsigned count = graph.node_size();
    std::vector<unsigned> missing(count);
    std::vector<std::vector<unsigned>> users(count);
    for (auto [index, node] : llvm::enumerate(graph.node()))
      for (const std::string &input : node.input()) {
        if (input.empty())
          continue;
        if (!defined.contains(input))
          return session.error(session.nodeLocation(node, index))
                 << "expected the input '" << input
                 << "' to be a graph input, an initializer or another node's output, found no such "
                    "tensor";
        auto producer = session.fileIndex.find(input);
        if (producer == session.fileIndex.end())
          continue;
        users[producer->second].push_back(index);
        ++missing[index];
      }
    std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
    for (unsigned index = 0; index < count; ++index)
      if (missing[index] == 0)
        ready.push(index);
    std::vector<unsigned> order;
    while (!ready.empty()) {
      unsigned index = ready.top();
      ready.pop();
      order.push_back(index);
      for (unsigned user : users[index])
        if (--missing[user] == 0)
          ready.push(user);
    }
    return applyOrder(graph, order, missing);
  }

  LogicalResult applyOrder(onnx::GraphProto &graph, llvm::ArrayRef<unsigned> order,
                           llvm::ArrayRef<unsigned> missing) {
    if (order.size() != missing.size()) {
      unsigned index = llvm::find_if(missing, [](unsigned n) { return n != 0; }) - missing.begin();
      return session.error(session.nodeLocation(graph.node(index), index))
             << "expected a graph without cycles, found a node that depends on its own result";
    }
    if (llvm::is_sorted(order))
      return success();
    google::protobuf::RepeatedPtrField<onnx::NodeProto> sorted;
    llvm::DenseMap<uint64_t, ByteRange> constants;
    for (unsigned index : order) {
      auto cut = session.scan.constants.find(index);
      if (cut != session.scan.constants.end())
        constants[sorted.size()] = cut->second;
      sorted.Add()->Swap(graph.mutable_node(index));
    }
    graph.mutable_node()->Swap(&sorted);
    session.scan.constants = std::move(constants);
    return success();
  }

  LogicalResult checkOutputs(const onnx::GraphProto &graph) {
    if (graph.output_size() == 0)
      return fileError() << "expected at least one graph output, found none";
    llvm::StringSet<> outputs;
    for (const onnx::ValueInfoProto &output : graph.output()) {
      mlir::Location location = session.tensorLocation(output.name());
      if (!defined.contains(output.name()))
        return session.error(location) << "expected the graph output '" << output.name()
                                       << "' to be a tensor of the graph, found no such tensor";
      if (!outputs.insert(output.name()).second)
        return session.error(location)
               << "expected each graph output once, found '" << output.name() << "' twice";
    }
    return success();
  }

  ImportSession &session;
  onnx::ModelProto &model;
  std::map<std::string, onnx::FunctionProto *> functions;
  std::map<std::string, std::optional<uint64_t>> sizes;
  llvm::StringSet<> defined;
};

} // namespace

bool isOnnxDomain(llvm::StringRef domain) { return domain.empty() || domain == "ai.onnx.ml"; }

LogicalResult checkModel(ImportSession &session) { return Checker(session).run(); }

} // namespace quern::onnxfile
