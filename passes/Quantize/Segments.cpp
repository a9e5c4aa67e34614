// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Segments.h"

#include "dialects/Onnx/OnnxOps.h"
#include "passes/Calibrate/Sites.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace quern {

bool isMadeBefore(Value value, Value other) {
  Operation *first = value.getDefiningOp(), *second = other.getDefiningOp();
  return second && first != second && (!first || first->isBeforeInBlock(second));
}

namespace {

/// Which values cross a place in the graph.
class Cutter {
public:
  Cutter(func::FuncOp main, llvm::ArrayRef<Value> wanted);
  GraphCut cutBehind(Value value, llvm::ArrayRef<Value> later);

private:
  void markNeeded(Value value);
  int64_t getPlace(Value value);

  llvm::SmallVector<Value> values; ///< that depend on the model's inputs, in order
  llvm::DenseMap<Operation *, int64_t> places;
  llvm::DenseSet<Operation *> needed; ///< for some wanted value
};

} // namespace

int64_t Cutter::getPlace(Value value) {
  Operation *op = value.getDefiningOp();
  return op ? places.lookup(op) : -1;
}

void Cutter::markNeeded(Value value) {
  llvm::SmallVector<Value> todo = {value};
  while (!todo.empty()) {
    Operation *op = todo.pop_back_val().getDefiningOp();
    if (op && needed.insert(op).second)
      llvm::append_range(todo, op->getOperands());
  }
}

Cutter::Cutter(func::FuncOp main, llvm::ArrayRef<Value> wanted) {
  for (Value value : wanted)
    markNeeded(value);
  llvm::DenseSet<Value> dependent;
  for (BlockArgument argument : main.getArguments()) {
    dependent.insert(argument);
    values.push_back(argument);
  }
  int64_t place = 0;
  for (Operation &op : main.getBody().front()) {
    places[&op] = place++;
    if (llvm::none_of(op.getOperands(), [&](Value in) { return dependent.contains(in); }))
      continue;
    for (Value result : op.getResults()) {
      dependent.insert(result);
      values.push_back(result);
    }
  }
}

GraphCut Cutter::cutBehind(Value value, llvm::ArrayRef<Value> later) {
  int64_t place = getPlace(value);
  GraphCut cut;
  for (Value candidate : values) {
    if (getPlace(candidate) > place)
      continue;
    bool isRead = llvm::any_of(candidate.getUsers(), [&](Operation *user) {
      return places.lookup(user) > place && needed.contains(user);
    });
    if (candidate == value || isRead || llvm::is_contained(later, candidate))
      cut.live.push_back(getSite(candidate).str());
  }
  return cut;
}

std::vector<GraphCut> cutGraph(func::FuncOp main, llvm::ArrayRef<Value> wanted) {
  Cutter cutter(main, wanted);
  std::vector<GraphCut> cuts;
  for (auto [index, value] : llvm::enumerate(wanted))
    cuts.push_back(cutter.cutBehind(value, wanted.drop_front(index)));
  return cuts;
}

/// Replaces a site by a new argument of that name.
static LogicalResult addInput(func::FuncOp main, llvm::StringRef site) {
  Value value = findSite(main, site);
  if (!value)
    return main.emitError("there is no tensor '") << site << "' in the graph";
  OpBuilder builder(main);
  auto name = builder.getNamedAttr("quern.name", builder.getStringAttr(site));
  unsigned index = main.getNumArguments();
  if (failed(main.insertArgument(index, value.getType(), builder.getDictionaryAttr(name),
                                 value.getLoc())))
    return failure();
  value.replaceAllUsesWith(main.getArgument(index));
  return success();
}

static void eraseDeadNodes(func::FuncOp main) {
  llvm::SmallVector<Operation *> nodes;
  for (Operation &op : main.getBody().front().without_terminator())
    nodes.push_back(&op);
  for (Operation *op : llvm::reverse(nodes))
    if (op->use_empty())
      op->erase();
}

/// Makes the sites the only results.
static LogicalResult setResults(func::FuncOp main, llvm::ArrayRef<std::string> sites) {
  main.getBody().front().getTerminator()->setOperands({});
  if (failed(main.eraseResults(llvm::BitVector(main.getNumResults(), true))))
    return failure();
  return tapSites(main, sites);
}

OwningOpRef<ModuleOp> extractSegment(ModuleOp module, llvm::ArrayRef<std::string> inputs,
                                     llvm::ArrayRef<std::string> outputs) {
  OwningOpRef<ModuleOp> segment = module.clone();
  func::FuncOp main = getMain(*segment);
  if (failed(setResults(main, outputs)))
    return {};
  for (const std::string &site : inputs)
    if (failed(addInput(main, site)))
      return {};
  eraseDeadNodes(main);
  llvm::BitVector unused(main.getNumArguments());
  for (BlockArgument argument : main.getArguments())
    if (argument.use_empty())
      unused.set(argument.getArgNumber());
  if (failed(main.eraseArguments(unused)))
    return {};
  return segment;
}

} // namespace quern
