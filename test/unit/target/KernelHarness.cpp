// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"

#include "RandomTensors.h"

#include "compiler/target/Kernel/Depthwise.h"
#include "compiler/target/LLVM/CodeGen.h"
#include "compiler/target/LLVM/LowerKernels.h"
#include "compiler/target/Targets.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Codegen/DispatchParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>

using namespace mlir;

namespace quern::test {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static RankedTensorType withEncoding(RankedTensorType type, Attribute encoding) {
  return RankedTensorType::get(type.getShape(), type.getElementType(), encoding);
}

static size_t denseBytes(RankedTensorType type) {
  return type.getNumElements() * getElementBytes(type.getElementType());
}

static size_t storageBytes(RankedTensorType type) {
  if (auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding()))
    return packed.getBytes();
  auto padded = llvm::dyn_cast_if_present<qir::PaddedAttr>(type.getEncoding());
  if (!padded)
    return denseBytes(type);
  int64_t height = type.getDimSize(1) + padded.getTop() + padded.getBottom();
  int64_t width = type.getDimSize(2) + padded.getLeft() + padded.getRight();
  return type.getDimSize(0) * height * width * type.getDimSize(3) *
         getElementBytes(type.getElementType());
}

/// Calls `run` with the places of each row of a dense tensor, in it and in its padded buffer.
template <typename Function> static void forEachPaddedRow(RankedTensorType type, Function run) {
  auto padded = llvm::cast<qir::PaddedAttr>(type.getEncoding());
  int64_t pixel = type.getDimSize(3) * getElementBytes(type.getElementType());
  int64_t row = type.getDimSize(2) * pixel;
  int64_t paddedRow = row + (padded.getLeft() + padded.getRight()) * pixel;
  int64_t height = type.getDimSize(1), paddedHeight = height + padded.getTop() + padded.getBottom();
  for (int64_t n = 0; n < type.getDimSize(0); ++n)
    for (int64_t y = 0; y < height; ++y)
      run((n * height + y) * row,
          (n * paddedHeight + padded.getTop() + y) * paddedRow + padded.getLeft() * pixel, row);
}

static qir::DispatchOp asDispatch(Operation *op) { return llvm::cast<qir::DispatchOp>(op); }

/// The form that the target chooses, or a shared one of depthwise weights: in pairs only for
/// targets of signed activations.
static qir::PackedAttr getForm(const TargetBackend &backend, Operation *anchor,
                               const std::string &wanted) {
  bool isKnown = wanted != depthwisePairsForm || !backend.wantsUnsignedActivations();
  if (wanted.empty() || !isKnown)
    return llvm::isa<qir::PoolOp>(anchor) ? qir::PackedAttr() : backend.getPackedForm(anchor);
  RankedTensorType weights = typeOf(anchor->getOperand(1));
  return qir::PackedAttr::get(anchor->getContext(), wanted, weights.getDimSize(0), 1,
                              denseBytes(weights));
}

static Operation *findWindowOrProduct(qir::DispatchOp dispatch) {
  for (Operation &op : dispatch.getBody().front())
    if (llvm::isa<qir::ConvOp, qir::MatMulOp, qir::PoolOp>(op))
      return &op;
  return nullptr;
}

/// The number of the dispatch's input that the value is, or -1.
static int64_t inputNumber(Value value) {
  auto argument = llvm::dyn_cast_if_present<BlockArgument>(value);
  return argument ? static_cast<int64_t>(argument.getArgNumber()) : -1;
}

CompiledDispatch::CompiledDispatch(const TargetBackend &backend) : backend(backend) {}
CompiledDispatch::~CompiledDispatch() = default;

bool CompiledDispatch::parse(const std::string &text) {
  DialectRegistry registry;
  registry
      .insert<qir::QuernDialect, arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect,
              math::MathDialect, memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect>();
  registerLoweringDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    return false;
  module->walk([&](qir::DispatchOp dispatch) { dispatchOp = dispatch; });
  return true;
}

static void setInputEncoding(qir::DispatchOp dispatch, unsigned input, Attribute encoding) {
  Value outside = dispatch.getInputs()[input];
  auto type = withEncoding(typeOf(outside), encoding);
  outside.setType(type);
  dispatch.getBody().getArgument(input).setType(type);
}

/// The packed form with panels of so many channels instead.
static qir::PackedAttr withPanels(qir::PackedAttr form, int64_t columns) {
  return qir::PackedAttr::get(form.getContext(), form.getForm(), columns, form.getDepth(),
                              form.getBytes());
}

/// The tile with another number of pixels; its channels follow from the packed form.
static DictionaryAttr withRows(DictionaryAttr tile, int64_t rows) {
  NamedAttrList list(tile);
  list.set("rows", Builder(tile.getContext()).getI64IntegerAttr(rows));
  return list.getDictionary(tile.getContext());
}

/// Shares its memory between the dispatch's operand and the argument.
static void setInputElement(qir::DispatchOp dispatch, int64_t input, Type element) {
  Value outside = dispatch.getInputs()[input];
  auto type = RankedTensorType::get(typeOf(outside).getShape(), element);
  outside.setType(type);
  dispatch.getBody().getArgument(input).setType(type);
}

/// What sign-activations does for a target that wants it.
void CompiledDispatch::makeSigned() {
  Operation *anchor = findWindowOrProduct(asDispatch(dispatchOp));
  if (!llvm::isa_and_present<qir::ConvOp, qir::MatMulOp>(anchor) ||
      !typeOf(anchor->getOperand(0)).getElementType().isUnsignedInteger(8))
    return;
  Type element = IntegerType::get(context.get(), 8, IntegerType::Signed);
  setInputElement(asDispatch(dispatchOp), inputNumber(anchor->getOperand(0)), element);
  if (auto conv = llvm::dyn_cast<qir::ConvOp>(anchor); conv && conv.getPadValue())
    setInputElement(asDispatch(dispatchOp), inputNumber(conv.getPadValue()), element);
}

/// Scales and zero points by blocks; their panels are those of the weights.
static void assignBlockForms(const TargetBackend &backend, qir::DispatchOp dispatch,
                             qir::MatMulOp matmul, int64_t columns) {
  for (Value parameter : {matmul.getScales(), matmul.getZeroPoints()})
    if (qir::PackedAttr form =
            parameter ? backend.getBlockForm(matmul, parameter) : qir::PackedAttr())
      setInputEncoding(dispatch, inputNumber(parameter),
                       columns ? withPanels(form, columns) : form);
}

/// What the passes would have done: layouts, tile, units.
void CompiledDispatch::assignLayouts(const Settings &settings) {
  qir::DispatchOp dispatch = asDispatch(dispatchOp);
  fill = settings.fill;
  if (settings.isSigned)
    makeSigned();
  if (Operation *anchor = findWindowOrProduct(dispatch)) {
    qir::PackedAttr form = getForm(backend, anchor, settings.form);
    if (form)
      setInputEncoding(dispatch, inputNumber(anchor->getOperand(1)),
                       settings.tile ? withPanels(form, settings.tile->second) : form);
    if (auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor))
      assignBlockForms(backend, dispatch, matmul, settings.tile ? settings.tile->second : 0);
    auto pads = anchor->getAttrOfType<DenseI64ArrayAttr>("pads");
    bool hasPads = pads && llvm::any_of(pads.asArrayRef(), [](int64_t pad) { return pad > 0; });
    if (hasPads && backend.readsHalo(anchor) && inputNumber(anchor->getOperand(0)) >= 0)
      setInputEncoding(dispatch, inputNumber(anchor->getOperand(0)),
                       qir::PaddedAttr::get(context.get(), pads[0], pads[1], pads[2], pads[3]));
  }
  if (settings.halo && backend.wantsPaddedInputs()) {
    const Shape &halo = *settings.halo;
    Attribute padded = qir::PaddedAttr::get(context.get(), halo[0], halo[1], halo[2], halo[3]);
    for (Value value :
         {dispatch.getBody().front().getTerminator()->getOperand(0), Value(dispatch->getResult(0))})
      value.setType(withEncoding(typeOf(value), padded));
  }
  auto main = llvm::cast<func::FuncOp>(dispatch->getParentOp());
  main.setFunctionType(FunctionType::get(context.get(), main.getBody().getArgumentTypes(),
                                         dispatch->getResultTypes()));
  if (DictionaryAttr tile = backend.chooseTile(dispatch))
    dispatch.setTileAttr(settings.tile ? withRows(tile, settings.tile->first) : tile);
  unitCount = backend.getUnits(dispatch);
}

/// Compiles as the driver does and loads the object.
bool CompiledDispatch::link(bool wantsAssembly) {
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto lowered = lowerKernels(*module, *llvmContext, backend.getTargetInfo());
  auto machine = createTargetMachine(backend.getTargetInfo(), /*shared=*/true);
  if (failed(lowered) || !machine)
    return false;
  std::string name = dispatchOp->getAttrOfType<FlatSymbolRefAttr>("kernel").getValue().str();
  bool isForeign = (*machine)->getTargetTriple().getArch() !=
                   llvm::Triple(llvm::sys::getProcessTriple()).getArch();
  for (llvm::Function &function : **lowered)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
  if (isForeign)
    (*lowered)->getFunction(name)->setName(EmulatedKernel::symbol);
  optimizeModule(**lowered, **machine);
  llvm::SmallVector<char> text, object;
  if (wantsAssembly)
    llvm::cantFail(generateCode(*llvm::CloneModule(**lowered), **machine,
                                llvm::CodeGenFileType::AssemblyFile, text));
  assemblyText.assign(text.begin(), text.end());
  llvm::cantFail(generateCode(**lowered, **machine, llvm::CodeGenFileType::ObjectFile, object));
  if (isForeign) {
    emulated = EmulatedKernel::link(llvm::StringRef(object.data(), object.size()));
    return emulated != nullptr;
  }
  jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(jit->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()), name)));
  kernel = llvm::cantFail(jit->lookup(name)).toPtr<void *>();
  return true;
}

std::unique_ptr<CompiledDispatch> CompiledDispatch::compile(const TargetBackend &backend,
                                                            const std::string &text,
                                                            const Settings &settings) {
  std::unique_ptr<CompiledDispatch> compiled(new CompiledDispatch(backend));
  std::string step = "parse";
  bool done = compiled->parse(text);
  if (done) {
    step = "emit";
    compiled->assignLayouts(settings);
    done = succeeded(mlir::verify(*compiled->module)) &&
           succeeded(backend.emitKernels(*compiled->module)) &&
           succeeded(mlir::verify(*compiled->module));
  }
  if (done) {
    step = "lower";
    done = compiled->link(settings.assembly);
  }
  if (done)
    return compiled;
  ADD_FAILURE() << "cannot " << step << " for " << backend.getName().str() << ":\n" << text;
  return nullptr;
}

std::vector<Bytes> CompiledDispatch::randomInputs(const Settings &settings) const {
  std::vector<Bytes> inputs =
      makeRandomTensors(asDispatch(dispatchOp).getInputs().getTypes(), settings);
  if (settings.prepare)
    settings.prepare(inputs);
  return inputs;
}

std::vector<Bytes> CompiledDispatch::randomInputsOf(const std::string &text,
                                                    const Settings &settings) {
  CompiledDispatch dispatch(getPortableBackend());
  if (dispatch.parse(text))
    return dispatch.randomInputs(settings);
  ADD_FAILURE() << "cannot parse\n" << text;
  return {};
}

bool CompiledDispatch::takesFollower(const TargetBackend &backend, const std::string &text) {
  CompiledDispatch dispatch(backend);
  if (!dispatch.parse(text))
    return false;
  DispatchParts parts = DispatchParts::of(asDispatch(dispatch.dispatchOp));
  return parts.follower && backend.takesFollower(parts.anchor, parts.follower);
}

size_t CompiledDispatch::inputCount() const { return asDispatch(dispatchOp).getInputs().size(); }

std::string CompiledDispatch::storedElement(unsigned input) const {
  RankedTensorType type = typeOf(asDispatch(dispatchOp).getInputs()[input]);
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type.getElementType();
  if (type.getEncoding())
    stream << ", " << type.getEncoding();
  return text;
}

Bytes CompiledDispatch::toStorage(unsigned input, const std::vector<Bytes> &inputs) const {
  qir::DispatchOp dispatch = asDispatch(dispatchOp);
  RankedTensorType type = typeOf(dispatch.getInputs()[input]);
  Operation *anchor = findWindowOrProduct(dispatch);
  if (auto form = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding()))
    return backend.pack(anchor, form, inputs[input]);
  if (!type.getEncoding())
    return inputs[input];
  char pad = 0;
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  if (int64_t value = conv ? inputNumber(conv.getPadValue()) : -1; value >= 0)
    pad = inputs[value].front();
  Bytes storage(storageBytes(type), pad);
  forEachPaddedRow(type, [&](int64_t from, int64_t to, int64_t count) {
    std::memcpy(&storage[to], &inputs[input][from], count);
  });
  return storage;
}

/// The dense tensor; the halo must hold the fill.
Bytes CompiledDispatch::fromStorage(RankedTensorType type, const GuardedBuffer &buffer) const {
  const char *data = buffer.data();
  if (!llvm::isa_and_present<qir::PaddedAttr>(type.getEncoding()))
    return Bytes(data, data + buffer.size());
  Bytes dense(denseBytes(type)), halo(data, data + buffer.size());
  forEachPaddedRow(type, [&](int64_t to, int64_t from, int64_t count) {
    std::memcpy(&dense[to], &data[from], count);
    std::memset(&halo[from], static_cast<char>(fill), count);
  });
  EXPECT_EQ(halo, Bytes(halo.size(), static_cast<char>(fill))) << "halo of the result";
  return dense;
}

std::vector<GuardedBuffer> CompiledDispatch::makeBuffers(const std::vector<Bytes> &inputs) const {
  std::vector<GuardedBuffer> buffers;
  for (unsigned i = 0; i < inputs.size(); ++i) {
    Bytes storage = toStorage(i, inputs);
    buffers.emplace_back(storage.size());
    std::memcpy(buffers.back().data(), storage.data(), storage.size());
  }
  for (Type type : dispatchOp->getResultTypes())
    buffers.emplace_back(storageBytes(llvm::cast<RankedTensorType>(type)), 0x5a);
  return buffers;
}

template <size_t... I>
static void callWith(void *kernel, const std::vector<GuardedBuffer> &buffers, int64_t begin,
                     int64_t end, std::index_sequence<I...>) {
  using Pointers =
      void (*)(decltype(static_cast<void>(I), static_cast<char *>(nullptr))..., int64_t, int64_t);
  reinterpret_cast<Pointers>(kernel)(buffers[I].data()..., begin, end);
}

void CompiledDispatch::call(const std::vector<GuardedBuffer> &buffers, int64_t begin,
                            int64_t end) const {
  auto with = [&](auto count) {
    if (buffers.size() == count.value)
      callWith(kernel, buffers, begin, end, std::make_index_sequence<count.value>());
  };
  with(std::integral_constant<size_t, 1>());
  with(std::integral_constant<size_t, 2>());
  with(std::integral_constant<size_t, 3>());
  with(std::integral_constant<size_t, 4>());
  with(std::integral_constant<size_t, 5>());
  with(std::integral_constant<size_t, 6>());
  with(std::integral_constant<size_t, 7>());
  with(std::integral_constant<size_t, 8>());
  ASSERT_LE(buffers.size(), 8u) << "more arguments than this harness passes";
}

std::vector<Bytes> CompiledDispatch::run(const std::vector<Bytes> &inputs,
                                         const std::vector<int64_t> &cuts) {
  std::vector<GuardedBuffer> buffers = makeBuffers(inputs);
  if (emulated)
    emulated->run(buffers, cuts);
  for (size_t i = 0; !emulated && i + 1 < cuts.size(); ++i)
    call(buffers, cuts[i], cuts[i + 1]);
  std::vector<Bytes> results;
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    EXPECT_TRUE(buffer.isIntactAround())
        << backend.getName().str() << " wrote around argument " << i;
    if (i < inputs.size()) {
      Bytes before = toStorage(i, inputs);
      EXPECT_EQ(std::memcmp(before.data(), buffer.data(), buffer.size()), 0)
          << backend.getName().str() << " changed input " << i;
      continue;
    }
    Type type = dispatchOp->getResult(i - inputs.size()).getType();
    results.push_back(fromStorage(llvm::cast<RankedTensorType>(type), buffer));
  }
  return results;
}

bool runsHere(const TargetBackend &backend) {
  llvm::StringRef name = backend.getName();
  if (name == "x86-vnni")
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
  if (name == "x86-avx2")
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (name.starts_with("arm-"))
    return EmulatedKernel::isAvailable();
  return name == "portable";
}

static void expectEqual(const std::vector<Bytes> &found, const std::vector<Bytes> &expected,
                        const std::string &what) {
  for (auto [r, pair] : llvm::enumerate(llvm::zip(found, expected))) {
    auto &[bytes, wanted] = pair;
    ASSERT_EQ(bytes.size(), wanted.size()) << what;
    size_t different = 0, first = 0;
    for (size_t i = bytes.size(); i-- > 0;)
      if (bytes[i] != wanted[i])
        ++different, first = i;
    EXPECT_EQ(different, 0u) << what << ": result " << r << ", " << different << " of "
                             << bytes.size() << " bytes differ, the first at " << first
                             << ": found " << int(bytes[first]) << ", expected "
                             << int(wanted[first]);
  }
}

/// Random cuts of [0, units), first and last included.
static std::vector<int64_t> randomCuts(int64_t units, std::mt19937 &random) {
  std::vector<int64_t> cuts{0, units};
  for (int i = 0; i < 3; ++i)
    cuts.push_back(random() % (units + 1));
  llvm::sort(cuts);
  return cuts;
}

/// Whether it is the turn of this emulated target: one of them for each text.
static bool isItsTurn(const TargetBackend &backend) {
  static const bool runsAll = std::getenv("QUERN_EMULATE_ALL") != nullptr;
  if (runsAll || !backend.getName().starts_with("arm-"))
    return true;
  constexpr unsigned stride = 5; // prime to the number of targets, so that each sees every kind
  static unsigned started = 0;
  return started++ % stride == 0;
}

/// What the portable kernels make of the inputs, one dispatch after the other; nothing if one of
/// them does not compile.
static std::vector<Bytes> runReference(const std::vector<std::string> &steps,
                                       const Settings &settings, const std::vector<Bytes> &inputs) {
  std::vector<Bytes> results;
  size_t next = 0;
  for (const std::string &text : steps) {
    bool isFirst = &text == &steps.front();
    auto compiled =
        CompiledDispatch::compile(getPortableBackend(), text, isFirst ? settings : Settings());
    if (!compiled)
      return {};
    while (results.size() < compiled->inputCount())
      results.push_back(inputs.at(next++));
    results = compiled->run(results);
  }
  return results;
}

void expectAgreement(const std::string &text, const Settings &settings) {
  expectAgreement(text, {text}, settings);
}

void expectAgreement(const std::string &text, const std::vector<std::string> &steps,
                     const Settings &settings) {
  Settings signedSettings = settings;
  signedSettings.isSigned = true;
  std::vector<Bytes> inputs = CompiledDispatch::randomInputsOf(text, settings);
  std::vector<Bytes> expected = runReference(steps, settings, inputs), expectedSigned;
  if (expected.empty())
    return;
  std::mt19937 random(settings.seed);
  bool isTaken = false;
  for (const TargetBackend *backend : getTargetBackends()) {
    if (steps.size() > 1 && !CompiledDispatch::takesFollower(*backend, text))
      continue;
    isTaken = true;
    if (!runsHere(*backend) || !isItsTurn(*backend))
      continue;
    bool isSigned = !backend->wantsUnsignedActivations();
    if (isSigned && expectedSigned.empty()) {
      expectedSigned = runReference(steps, signedSettings, inputs);
      if (expectedSigned.empty())
        return;
    }
    auto compiled = CompiledDispatch::compile(*backend, text, isSigned ? signedSettings : settings);
    if (!compiled)
      continue;
    const std::vector<Bytes> &wanted = isSigned ? expectedSigned : expected;
    std::string name = backend->getName().str();
    expectEqual(compiled->run(inputs), wanted, name);
    expectEqual(compiled->run(inputs, randomCuts(compiled->units(), random)), wanted,
                name + " in pieces");
    if (testing::Test::HasFailure())
      ADD_FAILURE() << text;
  }
  EXPECT_TRUE(isTaken) << "no target takes\n" << text;
}

} // namespace quern::test
