// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/Program.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Codegen/BufferPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace quern::artifact {

static void collectNodeNames(Location location, llvm::StringSet<> &seen,
                             SmallVector<std::string> &names) {
  if (auto name = llvm::dyn_cast<NameLoc>(location)) {
    if (seen.insert(name.getName().getValue()).second)
      names.push_back(name.getName().str());
    return;
  }
  if (auto fused = llvm::dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      collectNodeNames(part, seen, names);
  if (auto call = llvm::dyn_cast<CallSiteLoc>(location))
    collectNodeNames(call.getCallee(), seen, names);
}

SmallVector<std::string> getNodeNames(Location location) {
  SmallVector<std::string> names;
  llvm::StringSet<> seen;
  collectNodeNames(location, seen, names);
  return names;
}

static quern_type getIntegerType(IntegerType type) {
  bool isSigned = !type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return QUERN_BOOL;
  case 4: // one code per byte
  case 8:
    return isSigned ? QUERN_S8 : QUERN_U8;
  case 16:
    return isSigned ? QUERN_S16 : QUERN_U16;
  case 32:
    return isSigned ? QUERN_S32 : QUERN_U32;
  case 64:
    return isSigned ? QUERN_S64 : QUERN_U64;
  default:
    return QUERN_INVALID;
  }
}

static quern_type getElementTypeCode(Type type) {
  if (auto integer = llvm::dyn_cast<IntegerType>(type))
    return getIntegerType(integer);
  return llvm::TypeSwitch<Type, quern_type>(type)
      .Case<Float32Type>([](auto) { return QUERN_F32; })
      .Case<Float16Type>([](auto) { return QUERN_F16; })
      .Case<BFloat16Type>([](auto) { return QUERN_BF16; })
      .Case<Float64Type>([](auto) { return QUERN_F64; })
      .Case<Float8E4M3FNType>([](auto) { return QUERN_F8E4M3FN; })
      .Case<Float8E5M2Type>([](auto) { return QUERN_F8E5M2; })
      .Default([](Type) { return QUERN_INVALID; });
}

namespace {

/// Collects a Program from @main.
class Reader {
public:
  explicit Reader(func::FuncOp main) : main(main) {}
  FailureOr<Program> read(ModuleOp module);

private:
  LogicalResult addTensor(Type type, DictionaryAttr attributes, const char *kind,
                          std::vector<Tensor> &tensors);
  LogicalResult addLaunch(qir::DispatchOp dispatch);
  FailureOr<Argument> getArgument(qir::DispatchOp dispatch, Value value);
  FailureOr<uint64_t> addConstant(qir::ConstantOp constant, uint64_t bytes);
  LogicalResult checkOutputs(func::ReturnOp op);
  void recordArena(const BufferRef &buffer);

  func::FuncOp main;
  Program program;
  llvm::DenseMap<Operation *, uint64_t> placed; ///< offset of each constant op
  llvm::StringMap<uint64_t> contents;           ///< offset of each content
  llvm::DenseMap<Value, unsigned> arenaIndex;
};

} // namespace

LogicalResult Reader::addTensor(Type type, DictionaryAttr attributes, const char *kind,
                                std::vector<Tensor> &tensors) {
  auto tensorType = llvm::dyn_cast<RankedTensorType>(type);
  if (!tensorType || !tensorType.hasStaticShape())
    return main.emitError(kind) << ' ' << tensors.size()
                                << ": expected a tensor of static shape, found " << type;
  Tensor tensor;
  auto name = attributes ? attributes.getAs<StringAttr>("quern.name") : StringAttr();
  tensor.name = name ? name.str() : (kind + llvm::Twine(tensors.size())).str();
  tensor.type = getElementTypeCode(tensorType.getElementType());
  if (tensor.type == QUERN_INVALID)
    return main.emitError(kind) << " '" << tensor.name << "': elements of type "
                                << tensorType.getElementType()
                                << " cannot cross the interface; the nearest supported type is f32";
  tensor.dims.assign(tensorType.getShape().begin(), tensorType.getShape().end());
  tensor.bytes = getBufferBytes(tensorType);
  tensor.align = getElementBytes(tensorType.getElementType());
  if (attributes) {
    if (auto low = attributes.getAs<IntegerAttr>("quern.low"))
      tensor.low = low.getInt();
    if (auto high = attributes.getAs<IntegerAttr>("quern.high"))
      tensor.high = high.getInt();
    if (auto scale = attributes.getAs<FloatAttr>("quern.scale"))
      tensor.scale = scale.getValue().convertToFloat();
    if (auto zeroPoint = attributes.getAs<IntegerAttr>("quern.zero_point"))
      tensor.zeroPoint = static_cast<int32_t>(zeroPoint.getInt());
  }
  tensors.push_back(std::move(tensor));
  return success();
}

FailureOr<uint64_t> Reader::addConstant(qir::ConstantOp constant, uint64_t bytes) {
  auto known = placed.find(constant);
  if (known != placed.end())
    return known->second;
  std::vector<char> storage;
  ArrayRef<char> content = getConstantBytes(constant, storage);
  if (content.size() != bytes)
    return constant.emitError("the constant's bytes are not at hand: expected ")
               << bytes << ", found " << content.size()
               << "; the blobs of a dumped stage belong in the folder 'blobs' beside it",
           failure();
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(
      ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(content.data()), content.size()));
  std::string key = llvm::utohexstr(hash.high64) + ":" + llvm::utohexstr(hash.low64) + ":" +
                    llvm::utostr(content.size());
  uint64_t offset = llvm::alignTo(program.segmentBytes, bufferAlignment);
  auto [entry, isNew] = contents.try_emplace(key, offset);
  placed[constant] = entry->second;
  if (isNew) {
    program.constants.push_back({constant, offset, content.size()});
    // The slack of one constant is the next one, or the end of the segment.
    program.segmentBytes = offset + content.size();
  }
  return entry->second;
}

void Reader::recordArena(const BufferRef &buffer) {
  uint32_t launch = program.launches.size();
  auto [entry, isNew] = arenaIndex.try_emplace(buffer.root, program.arena.size());
  if (isNew) {
    auto names = getNodeNames(buffer.root.getLoc());
    program.arena.push_back({names.empty() ? "" : names.back(),
                             static_cast<uint64_t>(buffer.offset),
                             static_cast<uint64_t>(buffer.bytes), launch, launch});
  }
  program.arena[entry->second].lastLaunch = launch;
}

FailureOr<Argument> Reader::getArgument(qir::DispatchOp dispatch, Value value) {
  FailureOr<BufferRef> buffer = resolveBuffer(value);
  if (failed(buffer))
    return dispatch.emitError("a buffer of the dispatch has no place yet: expected "
                              "'quern.offsets' on the dispatch that makes it"),
           failure();
  Argument argument;
  argument.bytes = buffer->bytes;
  argument.index = buffer->index;
  switch (buffer->space) {
  case BufferRef::Arena:
    argument.offset = buffer->offset;
    if (argument.offset + argument.bytes > program.arenaBytes)
      return dispatch.emitError("a buffer ends at byte ")
                 << argument.offset + argument.bytes << " of an arena of " << program.arenaBytes,
             failure();
    recordArena(*buffer);
    break;
  case BufferRef::Constant: {
    auto offset = addConstant(buffer->root.getDefiningOp<qir::ConstantOp>(), argument.bytes);
    if (failed(offset))
      return failure();
    argument.space = Argument::Segment;
    argument.offset = *offset;
    break;
  }
  case BufferRef::Input:
    argument.space = Argument::Input;
    break;
  case BufferRef::Output:
    argument.space = Argument::Output;
    break;
  }
  return argument;
}

static std::string describe(qir::DispatchOp dispatch) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto reason = dispatch->getAttrOfType<StringAttr>(reasonAttrName))
    stream << reason.getValue();
  if (DictionaryAttr tile = dispatch.getTileAttr())
    stream << (text.empty() ? "" : " ") << tile;
  return text;
}

/// What the dispatch multiplies, if it does.
static quern_type getMultipliedType(qir::DispatchOp dispatch) {
  for (Operation &op : dispatch.getBody().front())
    if (llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
      return getElementTypeCode(
          llvm::cast<RankedTensorType>(op.getOperand(0).getType()).getElementType());
  return QUERN_INVALID;
}

LogicalResult Reader::addLaunch(qir::DispatchOp dispatch) {
  auto kernel = dispatch->getAttrOfType<FlatSymbolRefAttr>("kernel");
  if (!kernel)
    return dispatch.emitError("expected a 'kernel' attribute that names the dispatch's function");
  Launch launch;
  launch.kernel = kernel.getValue().str();
  launch.nodes = getNodeNames(dispatch.getLoc());
  launch.form = describe(dispatch);
  auto number = [&](StringRef name, int64_t fallback) {
    auto attribute = dispatch->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : fallback;
  };
  launch.units = number(unitsAttrName, 1);
  launch.grain = std::max<int64_t>(number(grainAttrName, launch.units), 1);
  launch.macs = number(macsAttrName, 0);
  launch.bytes = number(bytesAttrName, 0);
  launch.element = getMultipliedType(dispatch);
  for (Value input : dispatch.getInputs()) {
    FailureOr<Argument> argument = getArgument(dispatch, input);
    if (failed(argument))
      return failure();
    launch.arguments.push_back(*argument);
  }
  for (Value result : dispatch.getResults()) {
    FailureOr<Argument> argument = getArgument(dispatch, result);
    if (failed(argument))
      return failure();
    argument->written = true;
    launch.arguments.push_back(*argument);
  }
  program.launches.push_back(std::move(launch));
  return success();
}

/// Every result must have been written to the caller's buffer by some launch.
LogicalResult Reader::checkOutputs(func::ReturnOp op) {
  for (auto [index, value] : llvm::enumerate(op.getOperands())) {
    FailureOr<BufferRef> buffer = resolveBuffer(value);
    if (failed(buffer) || buffer->space != BufferRef::Output ||
        buffer->index != static_cast<int64_t>(index))
      return op.emitError("output ") << index << " is not written by any dispatch";
  }
  return success();
}

FailureOr<Program> Reader::read(ModuleOp module) {
  auto arena = module->getAttrOfType<IntegerAttr>(arenaBytesAttrName);
  program.arenaBytes = arena ? arena.getInt() : 0;
  FunctionType type = main.getFunctionType();
  for (unsigned i = 0; i < type.getNumInputs(); ++i)
    if (failed(addTensor(type.getInput(i), main.getArgAttrDict(i), "input", program.inputs)))
      return failure();
  for (unsigned i = 0; i < type.getNumResults(); ++i)
    if (failed(addTensor(type.getResult(i), main.getResultAttrDict(i), "output", program.outputs)))
      return failure();
  for (Operation &op : main.getBody().front()) {
    if (auto dispatch = llvm::dyn_cast<qir::DispatchOp>(op)) {
      if (failed(addLaunch(dispatch)))
        return failure();
    } else if (auto results = llvm::dyn_cast<func::ReturnOp>(op)) {
      if (failed(checkOutputs(results)))
        return failure();
    } else if (!llvm::isa<qir::ConstantOp, qir::ReshapeOp>(op)) {
      return op.emitError("expected only dispatches, constants and reshapes in @main"), failure();
    }
  }
  // Empty constants need a segment to point into, too.
  if (!program.constants.empty())
    program.segmentBytes = llvm::alignTo(program.segmentBytes, bufferAlignment) + readableSlack;
  return std::move(program);
}

FailureOr<Program> Program::read(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isDeclaration())
    return module.emitError("expected a function @main"), failure();
  return Reader(main).read(module);
}

} // namespace quern::artifact
