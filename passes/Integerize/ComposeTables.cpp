// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapFusion.h"
#include "passes/Numerics/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace quern {
#define GEN_PASS_DEF_COMPOSETABLES
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// A requantization has at most this many ops; more than that a table does faster.
static constexpr int64_t requantizationOps = 8;

static bool isEightBit(Type type) { return type.isUnsignedInteger(8) || type.isSignedInteger(8); }

/// The code that stands at an index of a table.
static int64_t codeAt(int64_t index, Type element) {
  return element.isSignedInteger() ? index - 128 : index;
}

namespace {

/// A function of the codes of one tensor: for each code of `root`, the value.
struct CodeFunction {
  Value root;
  std::vector<int64_t> values;
  bool composed = false; ///< goes through a table
};

/// What an input of a map is: a function of the root, or one constant.
struct Input {
  bool isConstant = false;
  numerics::ScalarValue constant;
  CodeFunction function;
};

} // namespace

static CodeFunction identityOf(Value root) {
  CodeFunction function{root, {}, false};
  for (int64_t index = 0; index < 256; ++index)
    function.values.push_back(codeAt(index, elementOf(root)));
  return function;
}

static std::optional<CodeFunction> traceMap(qir::MapOp map);

static std::optional<CodeFunction> traceTable(qir::TableOp table);

/// Looks through tables, maps that could be tables, and reshapes (which keep the order that all
/// these read in), to the codes that they start from.
static CodeFunction trace(Value codes) {
  while (auto reshape = codes.getDefiningOp<qir::ReshapeOp>())
    codes = reshape.getInput();
  std::optional<CodeFunction> function;
  if (auto table = codes.getDefiningOp<qir::TableOp>())
    function = traceTable(table);
  else if (auto map = codes.getDefiningOp<qir::MapOp>())
    function = traceMap(map);
  if (!function)
    return identityOf(codes);
  function->composed = true;
  return *function;
}

static std::optional<CodeFunction> traceTable(qir::TableOp table) {
  auto entries = readConstant<int64_t>(table.getTable());
  if (!entries)
    return std::nullopt;
  CodeFunction function = trace(table.getInput());
  bool isSigned = elementOf(table.getInput()).isSignedInteger();
  for (int64_t &value : function.values)
    value = (*entries)[isSigned ? value + 128 : value];
  return function;
}

static std::optional<Input> readInput(qir::MapOp map, unsigned index) {
  Value value = map.getInputs()[index];
  Input input;
  if (qir::ConstantOp constant = getConstant(value)) {
    if (tensorOf(value).getNumElements() != 1)
      return std::nullopt;
    std::vector<char> storage;
    llvm::ArrayRef<char> bytes = getConstantBytes(constant, storage);
    input.isConstant = true;
    input.constant = numerics::ElementFormat(elementOf(value)).load(bytes.data(), 0);
    return input;
  }
  if (!isEightBit(elementOf(value)) || !isReadInOrder(map, index))
    return std::nullopt;
  input.function = trace(value);
  return input;
}

/// The inputs, if all codes among them come from one tensor.
static std::optional<std::vector<Input>> readInputs(qir::MapOp map) {
  std::vector<Input> inputs;
  Value root;
  for (unsigned index = 0; index < map.getInputs().size(); ++index) {
    auto input = readInput(map, index);
    if (!input)
      return std::nullopt;
    if (!input->isConstant) {
      if (root && root != input->function.root)
        return std::nullopt;
      root = input->function.root;
    }
    inputs.push_back(std::move(*input));
  }
  if (!root)
    return std::nullopt;
  return inputs;
}

/// More than one requantization: many ops, slow ones, or several roundings.
static bool isWorthTable(qir::MapOp map, llvm::ArrayRef<Input> inputs) {
  int64_t ops = 0, roundings = 0;
  bool slow = llvm::any_of(inputs, [](const Input &input) { return input.function.composed; });
  for (Operation &op : map.getBody().front().without_terminator()) {
    ops += !llvm::isa<arith::ConstantOp>(op);
    roundings += llvm::isa<qir::ToCodeOp>(op);
    slow |= llvm::isa<arith::DivFOp, math::SqrtOp>(op);
  }
  return slow || roundings > 1 || ops > requantizationOps;
}

/// The 256 results; none after an error.
static std::optional<std::vector<int64_t>> evaluate(qir::MapOp map, llvm::ArrayRef<Input> inputs) {
  auto program = numerics::ScalarProgram::compile(map.getBody().front());
  if (!program)
    return std::nullopt;
  std::vector<int64_t> entries;
  SmallVector<numerics::ScalarValue> arguments(inputs.size());
  for (size_t index = 0; index < 256; ++index) {
    for (auto [argument, input] : llvm::zip(arguments, inputs))
      argument = input.isConstant ? input.constant
                                  : numerics::ScalarValue::ofInt(input.function.values[index]);
    numerics::ScalarValue result;
    program->run(arguments, result);
    entries.push_back(result.integer());
  }
  return entries;
}

static void replaceByTable(Operation *op, Value root, llvm::ArrayRef<int64_t> entries) {
  OpBuilder builder(op);
  Value result = op->getResult(0);
  auto type = RankedTensorType::get({256}, elementOf(result));
  Value table = makeConstant<int64_t>(builder, op->getLoc(), type, entries);
  if (tensorOf(root).getShape() != tensorOf(result).getShape()) {
    auto shape = RankedTensorType::get(tensorOf(result).getShape(), elementOf(root));
    root = qir::ReshapeOp::create(builder, op->getLoc(), shape, root);
  }
  auto lookUp = qir::TableOp::create(builder, op->getLoc(), result.getType(), root, table);
  if (Attribute site = op->getAttr("site"))
    lookUp->setAttr("site", site);
  result.replaceAllUsesWith(lookUp);
}

static Value rootOf(llvm::ArrayRef<Input> inputs) {
  return llvm::find_if(inputs, [](const Input &input) { return !input.isConstant; })->function.root;
}

static std::optional<CodeFunction> traceMap(qir::MapOp map) {
  if (map.getNumResults() != 1)
    return std::nullopt;
  auto inputs = readInputs(map);
  auto entries = inputs ? evaluate(map, *inputs) : std::nullopt;
  if (!entries)
    return std::nullopt;
  return CodeFunction{rootOf(*inputs), *entries};
}

static LogicalResult compose(qir::MapOp map) {
  if (map.getNumResults() != 1 || !isByteCode(elementOf(map.getResult(0))))
    return success();
  auto inputs = readInputs(map);
  if (!inputs || !isWorthTable(map, *inputs))
    return success();
  auto entries = evaluate(map, *inputs);
  if (!entries)
    return failure();
  replaceByTable(map, rootOf(*inputs), *entries);
  return success();
}

/// A table of a table.
static void compose(qir::TableOp table) {
  auto inner = table.getInput().getDefiningOp<qir::TableOp>();
  if (!inner || !isByteCode(elementOf(table.getResult())))
    return;
  CodeFunction function = trace(table.getResult());
  replaceByTable(table, function.root, function.values);
}

namespace {

class ComposeTablesPass : public impl::ComposeTablesBase<ComposeTablesPass> {
public:
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (llvm::isa<qir::MapOp, qir::TableOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      if (auto table = llvm::dyn_cast<qir::TableOp>(op))
        compose(table);
      else if (failed(compose(llvm::cast<qir::MapOp>(op))))
        return signalPassFailure();
    }
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }
};

} // namespace

} // namespace quern
