// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/EdgeGraph.h"

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Legalize/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace quern {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static func::ReturnOp getReturn(func::FuncOp main) {
  return llvm::cast<func::ReturnOp>(main.getBody().front().getTerminator());
}

static llvm::StringRef getNodeName(Location location) {
  auto name = llvm::dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : llvm::StringRef();
}

std::vector<std::string> getProductSites(func::FuncOp main) {
  static const llvm::StringSet<> products = {"Conv",   "ConvTranspose", "Gemm",
                                             "MatMul", "MatMulNBits",   "FusedMatMul"};
  std::vector<std::string> sites;
  for (auto node : main.getOps<onnxir::NodeOp>())
    if (products.contains(node.getOpType()))
      sites.push_back(node.getOutputName(0).str());
  return sites;
}

/// The values that depend on an argument.
static llvm::DenseSet<Value> findComputed(func::FuncOp main) {
  llvm::DenseSet<Value> computed(main.getArguments().begin(), main.getArguments().end());
  for (Operation &op : main.getBody().front())
    if (llvm::any_of(op.getOperands(), [&](Value value) { return computed.contains(value); }))
      computed.insert(op.result_begin(), op.result_end());
  return computed;
}

static bool hasConstantParameters(qir::QuantizeOp quantize) {
  return getConstant(quantize.getScale()) &&
         (!quantize.getZeroPoint() || getConstant(quantize.getZeroPoint()));
}

/// Whether nobody reads these floats but what rounds them, or something elementwise computed from
/// them, to codes.
static bool leadsToCodes(Value value, llvm::DenseMap<Value, bool> &known) {
  auto [found, isNew] = known.try_emplace(value, false);
  if (!isNew)
    return found->second;
  bool leads = false;
  for (Operation *user : value.getUsers()) {
    if (llvm::isa<func::ReturnOp>(user))
      continue;
    bool stops = llvm::isa<qir::ConvOp, qir::MatMulOp>(user) || user->getNumResults() != 1;
    leads = llvm::isa<qir::QuantizeOp>(user) || (!stops && leadsToCodes(user->getResult(0), known));
    if (!leads)
      break;
  }
  return known[value] = leads;
}

void EdgeGraph::addCodes(func::FuncOp main) {
  llvm::DenseSet<Value> computed = findComputed(main);
  for (auto quantize : main.getOps<qir::QuantizeOp>()) {
    if (!computed.contains(quantize.getInput()))
      continue;
    std::string name = quantize.getSite().value_or("").str();
    if (hasConstantParameters(quantize)) {
      Operation *source = quantize.getInput().getDefiningOp();
      Location location = source ? source->getLoc() : quantize.getLoc();
      edges.push_back({name, getNodeName(location).str(), "", quantize.getResult(), false, {}});
    } else if (!llvm::isa<BlockArgument>(quantize.getInput())) {
      addFloat(quantize.getInput(), name, /*isOutput=*/false);
    }
  }
}

void EdgeGraph::addFloat(Value value, std::string name, bool isOutput) {
  edges.push_back({std::move(name), getNodeName(value.getLoc()).str(), "", value, isOutput, {}});
}

/// The model's own outputs and the floats that were asked for.
void EdgeGraph::addResults(func::FuncOp main) {
  llvm::DenseMap<Value, bool> known;
  for (auto [index, value] : llvm::enumerate(getReturn(main).getOperands())) {
    bool isOutput = !main.getResultAttr(index, "quern.tapped");
    bool isFloat = typeOf(value).getElementType().isF32();
    if (llvm::isa<BlockArgument>(value) || getConstant(value) ||
        (!isOutput && (!isFloat || leadsToCodes(value, known))))
      continue;
    auto name = main.getResultAttrOfType<StringAttr>(index, "quern.name");
    addFloat(value, name ? name.str() : "", isOutput);
  }
}

void EdgeGraph::collect(func::FuncOp main) {
  addResults(main);
  addCodes(main);
  // Of an output that is codes, too, the first entry is the one that knows it.
  llvm::DenseSet<Value> seen;
  llvm::erase_if(edges, [&](const Edge &edge) { return !seen.insert(edge.value).second; });
  llvm::sort(edges, [](const Edge &a, const Edge &b) {
    auto left = llvm::cast<OpResult>(a.value), right = llvm::cast<OpResult>(b.value);
    if (left.getOwner() == right.getOwner())
      return left.getResultNumber() < right.getResultNumber();
    return left.getOwner()->isBeforeInBlock(right.getOwner());
  });
}

void EdgeGraph::connect() {
  llvm::DenseMap<Value, size_t> numbers;
  for (auto [number, edge] : llvm::enumerate(edges))
    numbers[edge.value] = number;
  for (Edge &edge : edges) {
    edge.inputs.clear();
    llvm::DenseSet<Value> visited;
    SmallVector<Value> pending(edge.value.getDefiningOp()->getOperands());
    while (!pending.empty()) {
      Value value = pending.pop_back_val();
      if (!visited.insert(value).second)
        continue;
      if (auto found = numbers.find(value); found != numbers.end())
        edge.inputs.push_back(found->second);
      else if (Operation *op = value.getDefiningOp())
        pending.append(op->operand_begin(), op->operand_end());
    }
    llvm::sort(edge.inputs);
  }
}

void EdgeGraph::filter(llvm::function_ref<bool(const Edge &)> isWanted) {
  llvm::erase_if(edges, [&](const Edge &edge) { return !isWanted(edge); });
  connect();
}

/// Shows the floats that exist, and marks what was no output before.
static LogicalResult tapFloats(func::FuncOp main, llvm::ArrayRef<std::string> floats) {
  std::vector<std::string> present;
  for (const std::string &site : floats)
    if (Value value = findSite(main, site); value && !getConstant(value))
      present.push_back(site);
  unsigned own = main.getNumResults();
  if (failed(tapSites(main, present)))
    return failure();
  for (unsigned i = own; i < main.getNumResults(); ++i)
    main.setResultAttr(i, "quern.tapped", UnitAttr::get(main.getContext()));
  return success();
}

FailureOr<EdgeGraph> EdgeGraph::make(ModuleOp imported, llvm::ArrayRef<std::string> floats) {
  EdgeGraph graph;
  graph.module = imported.clone();
  llvm::StringMap<std::string> operators;
  for (auto node : getMain(*graph.module).getOps<onnxir::NodeOp>())
    operators.try_emplace(getNodeName(node.getLoc()), node.getOpType().str());
  if (failed(tapFloats(getMain(*graph.module), floats)))
    return failure();
  PassManager manager(imported.getContext());
  manager.addPass(createLegalizeOnnx());
  if (failed(manager.run(*graph.module)))
    return failure();
  graph.collect(getMain(*graph.module));
  for (Edge &edge : graph.edges)
    edge.operation = operators.lookup(edge.node);
  graph.connect();
  return std::move(graph);
}

/// The only outputs from now on.
static void setResults(func::FuncOp main, ArrayRef<Value> values) {
  func::ReturnOp terminator = getReturn(main);
  terminator.getOperandsMutable().assign(values);
  SmallVector<Type> types(terminator.getOperandTypes());
  main.setFunctionType(FunctionType::get(main.getContext(), main.getArgumentTypes(), types));
  SmallVector<DictionaryAttr> names;
  Builder builder(main.getContext());
  for (size_t number = 0; number < values.size(); ++number)
    names.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        "quern.name", builder.getStringAttr("quern.edge." + llvm::Twine(number)))));
  main.setAllResultAttrs(names);
}

/// What the codes stand for, computed at the end.
static Value makeReals(qir::QuantizeOp quantize, func::ReturnOp terminator) {
  OpBuilder builder(terminator);
  return qir::DequantizeOp::create(
      builder, quantize.getLoc(), typeOf(quantize.getResult()).clone(builder.getF32Type()),
      quantize.getResult(), quantize.getScale(), quantize.getZeroPoint(), /*codebook=*/Value(),
      quantize.getAxisAttr(), quantize.getBlockSizeAttr(), quantize.getSiteAttr());
}

OwningOpRef<ModuleOp> EdgeGraph::makeTapped(Show show) const {
  IRMapping mapping;
  OwningOpRef<ModuleOp> copy = llvm::cast<ModuleOp>((*module)->clone(mapping));
  func::FuncOp main = getMain(*copy);
  SmallVector<Value> values;
  for (const Edge &edge : edges) {
    Value value = mapping.lookup(edge.value);
    auto quantize = value.getDefiningOp<qir::QuantizeOp>();
    bool isNarrow = typeOf(value).getElementTypeBitWidth() < 8;
    values.push_back(quantize && (show == Show::Reals || isNarrow)
                         ? makeReals(quantize, getReturn(main))
                         : value);
  }
  setResults(main, values);
  return copy;
}

static bool isSameConstant(Value a, Value b) {
  if (a == b)
    return true;
  if (!a || !b || a.getType() != b.getType())
    return false;
  auto left = readConstant<double>(a), right = readConstant<double>(b);
  return left && right && *left == *right;
}

/// Whether an op takes these codes for what they were made as.
static bool takesBack(qir::QuantizeOp quantize, Operation *op) {
  auto dequantize = llvm::dyn_cast<qir::DequantizeOp>(op);
  return dequantize && isSameConstant(quantize.getScale(), dequantize.getScale()) &&
         isSameConstant(quantize.getZeroPoint(), dequantize.getZeroPoint()) &&
         quantize.getAxis().value_or(0) == dequantize.getAxis().value_or(0) &&
         quantize.getBlockSize() == dequantize.getBlockSize();
}

/// Lets what reads the codes read the exact values: rounded, where they are not taken back to
/// reals at once.
static void forceCodes(qir::QuantizeOp quantize, Value exact) {
  for (Operation *user : llvm::make_early_inc_range(quantize.getResult().getUsers()))
    if (takesBack(quantize, user))
      user->getResult(0).replaceAllUsesWith(exact);
  OpBuilder builder(quantize);
  builder.setInsertionPointAfter(quantize);
  auto rounded = llvm::cast<qir::QuantizeOp>(builder.clone(*quantize));
  rounded.getInputMutable().assign(exact);
  quantize.getResult().replaceUsesWithIf(rounded.getResult(), [](OpOperand &use) {
    return !llvm::isa<func::ReturnOp>(use.getOwner());
  });
}

/// Lets all that reads the edge but the function's end read the argument.
static void forceValue(Value value, Value exact) {
  if (auto quantize = value.getDefiningOp<qir::QuantizeOp>())
    return forceCodes(quantize, exact);
  value.replaceUsesWithIf(
      exact, [](OpOperand &use) { return !llvm::isa<func::ReturnOp>(use.getOwner()); });
}

OwningOpRef<ModuleOp> EdgeGraph::makeForced() const {
  IRMapping mapping;
  OwningOpRef<ModuleOp> copy = llvm::cast<ModuleOp>((*module)->clone(mapping));
  func::FuncOp main = getMain(*copy);
  Builder builder(main.getContext());
  SmallVector<Value> values;
  for (const Edge &edge : edges)
    values.push_back(mapping.lookup(edge.value));
  for (auto [number, value] : llvm::enumerate(values)) {
    unsigned index = main.getNumArguments();
    auto name = builder.getNamedAttr("quern.name",
                                     builder.getStringAttr("quern.exact." + llvm::Twine(number)));
    [[maybe_unused]] LogicalResult inserted =
        main.insertArgument(index, typeOf(value).clone(builder.getF32Type()),
                            builder.getDictionaryAttr(name), value.getLoc());
    assert(succeeded(inserted) && "a function takes any number of arguments");
    forceValue(value, main.getArgument(index));
  }
  for (Value &value : values)
    if (auto quantize = value.getDefiningOp<qir::QuantizeOp>())
      value = makeReals(quantize, getReturn(main));
  setResults(main, values);
  return copy;
}

std::optional<CodeSteps> getCodeSteps(const Edge &edge) {
  qir::QuantizeOp quantize = edge.getQuantize();
  if (!quantize || quantize.getBlockSize())
    return std::nullopt;
  auto scales = readConstant<float>(quantize.getScale());
  auto type = typeOf(edge.value);
  auto scheme = getStorageScheme(type.getElementType());
  if (!scales || !scheme || scheme->isFloat)
    return std::nullopt;
  CodeSteps codes;
  codes.steps = std::move(*scales);
  if (codes.steps.size() > 1) {
    int64_t axis = quantize.getAxis().value_or(0);
    if (axis == 0)
      return std::nullopt;
    for (int64_t d = axis + 1; d < type.getRank(); ++d)
      codes.channelStride *= type.getDimSize(d);
  }
  double zero = 0;
  if (quantize.getZeroPoint()) {
    auto zeros = readConstant<int64_t>(quantize.getZeroPoint());
    if (!zeros || zeros->empty() || !llvm::all_equal(*zeros))
      return std::nullopt;
    zero = static_cast<double>(zeros->front());
  }
  codes.low = static_cast<double>(quantize.getLo().value_or(scheme->min)) - zero;
  codes.high = static_cast<double>(quantize.getHi().value_or(scheme->max)) - zero;
  return codes;
}

} // namespace quern
