// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace quern {

#define GEN_PASS_DEF_LEGALIZEONNX
#include "passes/Legalize/Passes.h.inc"

namespace legalize {
namespace {

using namespace mlir;

/// All rows, by "domain:operator".
class RowTable {
public:
  RowTable() {
    addAttentionRows(rows);
    addContractionRows(rows);
    addConvTransposeRows(rows);
    addEinsumRows(rows);
    addDynamicProductRows(rows);
    addElementwiseRows(rows);
    addEmbeddingRows(rows);
    addFusedRows(rows);
    addIndexingRows(rows);
    addMicrosoftAttentionRows(rows);
    addNormalizationRows(rows);
    addPoolingRows(rows);
    addPositionRows(rows);
    addQOperatorRows(rows);
    addQonnxRows(rows);
    addQuantizationRows(rows);
    addReductionRows(rows);
    addResizeRows(rows);
    addShapeRows(rows);
    addWeightOnlyRows(rows);
    for (const Row &row : rows)
      index[key(row.domain, row.opType)].push_back(&row);
  }

  llvm::ArrayRef<const Row *> lookup(onnxir::NodeOp node) const {
    auto found = index.find(key(node.getDomain(), node.getOpType()));
    return found == index.end() ? llvm::ArrayRef<const Row *>() : found->second;
  }

private:
  static std::string key(llvm::StringRef domain, llvm::StringRef opType) {
    return ((domain == "ai.onnx" ? "" : domain) + ":" + opType).str();
  }
  Rows rows;
  llvm::StringMap<SmallVector<const Row *>> index;
};

const RowTable &getTable() {
  static const RowTable table;
  return table;
}

/// What to use instead of operators that users meet often.
llvm::StringRef suggest(llvm::StringRef opType) {
  return llvm::StringSwitch<llvm::StringRef>(opType)
      .Cases({"LSTM", "GRU", "RNN"}, "the cell written as MatMul, Sigmoid and Tanh")
      .Cases({"If", "Loop", "Scan"}, "a graph without control flow")
      .Case("TopK", "the scores as output, with the choice made by the caller, or ArgMax")
      .Default("");
}

LogicalResult rejectVersion(onnxir::NodeOp node, llvm::ArrayRef<const Row *> rows) {
  InFlightDiagnostic diagnostic = mlir::emitError(node.getLoc());
  diagnostic << "'" << node.getOpType() << "': expected schema version ";
  for (auto [i, row] : llvm::enumerate(rows)) {
    diagnostic << (i ? " or " : "") << row->since;
    if (row->until == latest)
      diagnostic << " or later";
    else if (row->until != row->since)
      diagnostic << " to " << row->until;
  }
  return diagnostic << ", found version " << node.getSinceVersion();
}

LogicalResult rejectOperator(onnxir::NodeOp node) {
  InFlightDiagnostic diagnostic = mlir::emitError(node.getLoc());
  diagnostic << "operator '" << node.getOpType() << "' of domain '"
             << (node.getDomain().empty() ? "ai.onnx" : node.getDomain()) << "' is not supported";
  llvm::StringRef nearest = suggest(node.getOpType());
  if (!nearest.empty())
    diagnostic << "; nearest supported form: " << nearest;
  return diagnostic;
}

LogicalResult findRow(onnxir::NodeOp node, const Row *&found) {
  llvm::ArrayRef<const Row *> rows = getTable().lookup(node);
  if (rows.empty())
    return rejectOperator(node);
  auto version = static_cast<int64_t>(node.getSinceVersion());
  for (const Row *row : rows)
    if (version >= row->since && version <= row->until) {
      found = row;
      return success();
    }
  return rejectVersion(node, rows);
}

LogicalResult checkAttributes(onnxir::NodeOp node, const Row &row) {
  if (!node.getAttrsAttr())
    return success();
  SmallVector<llvm::StringRef> known;
  llvm::SplitString(row.attributes, known, " ");
  for (NamedAttribute attribute : node.getAttrsAttr())
    if (!llvm::is_contained(known, attribute.getName().getValue()))
      return mlir::emitError(node.getLoc())
             << "'" << node.getOpType() << "': attribute '" << attribute.getName().getValue()
             << "' is not supported; supported attributes: "
             << (known.empty() ? llvm::StringRef("none") : llvm::StringRef(row.attributes));
  return success();
}

LogicalResult checkInputs(onnxir::NodeOp node, const Row &row) {
  for (unsigned i = 0; i < row.inputs; ++i)
    if (!node.hasInput(i))
      return mlir::emitError(node.getLoc())
             << "'" << node.getOpType() << "': expected input " << i << ", found it omitted";
  for (Value input : node.getInputs()) {
    auto type = llvm::dyn_cast<RankedTensorType>(input.getType());
    if (!llvm::isa<NoneType>(input.getType()) && (!type || !type.hasStaticShape()))
      return mlir::emitError(node.getLoc())
             << "'" << node.getOpType() << "': expected inputs of static shape, found "
             << input.getType() << "; nearest supported form: --shape=NAME=DIMS for the inputs";
  }
  return success();
}

/// The file's own shape inference must agree with ours for the standard operators.
LogicalResult checkResult(Location location, Type stated, Value result) {
  auto type = llvm::dyn_cast<RankedTensorType>(stated);
  if (!type || !type.hasStaticShape() || type.getShape() == shapeOf(result))
    return success();
  return mlir::emitError(location) << "expected a result of shape [" << type.getShape()
                                   << "] as the model says, found " << result.getType();
}

LogicalResult convertNode(onnxir::NodeOp node, SiteNames &sites) {
  const Row *row = nullptr;
  if (failed(findRow(node, row)) || failed(checkAttributes(node, *row)) ||
      failed(checkInputs(node, *row)))
    return failure();
  SmallVector<Type> stated(node.getResultTypes());
  bool isStandard = node.getDomain().empty();
  Location location = node.getLoc();
  SmallVector<OpOperand *> uses;
  if (node->getNumResults() && isStandard)
    for (OpOperand &use : node.getResult(0).getUses())
      uses.push_back(&use);
  NodeBuilder builder(node, sites);
  if (failed(row->build(builder)))
    return failure();
  return uses.empty() ? success() : checkResult(location, stated.front(), uses.front()->get());
}

/// Reports each operator that no row knows once, so that a user sees all of them together.
LogicalResult checkOperators(func::FuncOp function) {
  llvm::StringSet<> reported;
  function.walk([&](onnxir::NodeOp node) {
    if (!getTable().lookup(node).empty())
      return;
    if (reported.insert((node.getDomain() + ":" + node.getOpType()).str()).second)
      (void)rejectOperator(node);
  });
  return success(reported.empty());
}

LogicalResult recordInputs(func::FuncOp function, SiteNames &sites) {
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "quern.name");
    auto type = llvm::dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape())
      return function.emitError("input '")
             << (name ? name.getValue() : "?") << "': expected a static shape, found "
             << argument.getType() << "; nearest supported form: --shape=NAME=DIMS";
    if (name)
      sites.try_emplace(argument, name);
  }
  function.walk([&](qir::ConstantOp constant) {
    if (constant.getSiteAttr())
      sites.try_emplace(constant.getResult(), constant.getSiteAttr());
  });
  return success();
}

/// Results keep the element type that the model states; what was computed in f32 is cast back.
LogicalResult finishFunction(func::FuncOp function) {
  auto terminator = llvm::cast<func::ReturnOp>(function.getBody().front().getTerminator());
  OpBuilder builder(terminator);
  for (auto [operand, stated] : llvm::zip(terminator->getOpOperands(), function.getResultTypes())) {
    auto type = llvm::dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type)
      return terminator.emitError("expected ranked results, found ") << operand.get().getType();
    auto tensor = llvm::dyn_cast<TensorType>(stated);
    if (!tensor || tensor.getElementType() == type.getElementType())
      continue;
    bool isNarrow = llvm::isa<Float16Type, BFloat16Type, Float64Type>(tensor.getElementType());
    if (!isNarrow || !type.getElementType().isF32())
      return terminator.emitError("expected a result of element type ")
             << tensor.getElementType() << " as the model says, found " << type;
    operand.set(qir::CastOp::create(builder, terminator.getLoc(),
                                    type.clone(tensor.getElementType()), operand.get()));
  }
  SmallVector<Type> results(terminator.getOperandTypes());
  function.setFunctionType(
      FunctionType::get(function.getContext(), function.getArgumentTypes(), results));
  return success();
}

void eraseDead(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

LogicalResult legalizeFunction(func::FuncOp function) {
  if (function.isExternal())
    return success();
  SiteNames sites;
  if (failed(checkOperators(function)) || failed(recordInputs(function, sites)))
    return failure();
  SmallVector<onnxir::NodeOp> nodes(function.getBody().front().getOps<onnxir::NodeOp>());
  for (onnxir::NodeOp node : nodes)
    if (failed(convertNode(node, sites)))
      return failure();
  if (failed(finishFunction(function)))
    return failure();
  eraseDead(function);
  return success();
}

struct LegalizeOnnx : impl::LegalizeOnnxBase<LegalizeOnnx> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(legalizeFunction(function)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace legalize
} // namespace quern
