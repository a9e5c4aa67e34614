// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmCpus.h"
#include "compiler/target/Arm/ArmDots.h"
#include "compiler/target/Arm/ArmStores.h"
#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Targets.h"
#include "passes/Codegen/CostModel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "runtime/include/quern/cpu.h"

#include <map>
#include <memory>
#include <mutex>

using namespace mlir;

namespace quern {

static std::unique_ptr<DotKernel> makeIntegerDot(ArmLevel level, const ArmCpu &cpu) {
  switch (level) {
  case ArmLevel::Neon:
    return makeSmull(cpu);
  case ArmLevel::Dotprod:
    return makeSdot(cpu);
  case ArmLevel::I8mm:
    return makeSmmla(cpu);
  }
  llvm_unreachable("a level of no known name");
}

namespace {
/// NEON of one level, its tiles for one processor. Vectors of 16 lanes are four registers: codes
/// are loaded, widened and narrowed 16 at a time.
class ArmIsa : public CpuIsa {
public:
  ArmIsa(ArmLevel level, const ArmCpu &cpu)
      : integers(makeIntegerDot(level, cpu)), floats(makeArmFloatDot(cpu)) {}
  int64_t lanes() const override { return 16; }
  const StoreEmitter &stores() const override { return storeEmitter; }
  void prepare(KernelBuilder &b) const override {
    b.setRounding("llvm.aarch64.neon.fcvtns.v4i32.v4f32", 4);
  }
  const DotKernel *integerDot() const override { return integers.get(); }
  /// Narrower weights are multiplied by plain loops.
  const DotKernel *floatDot(Type weights) const override {
    return weights.isF32() ? floats.get() : nullptr;
  }

  DepthwiseGroup depthwiseGroup(bool isFloat, int64_t taps) const override {
    if (isFloat)
      return {4, taps <= 9 ? 2 : 1};
    return {16, 1};
  }
  /// SMLAL on the low halves of the lanes.
  Value multiplyAddWords(KernelBuilder &b, Value accumulator, Value x, Value w) const override {
    int64_t lanes = KernelBuilder::lanesOf(accumulator.getType());
    if (lanes < 4)
      return CpuIsa::multiplyAddWords(b, accumulator, x, w);
    auto words = VectorType::get({lanes}, b.getI16Type());
    auto quad = VectorType::get({4}, b.getI32Type());
    Value left = arith::TruncIOp::create(b, words, x), right = arith::TruncIOp::create(b, words, w);
    SmallVector<Value> products;
    for (int64_t first = 0; first < lanes; first += 4)
      products.push_back(b.intrinsic("llvm.aarch64.neon.smull.v4i32", quad,
                                     {b.extract(left, first, 4), b.extract(right, first, 4)}));
    return arith::AddIOp::create(b, accumulator, b.concatenate(products));
  }

  bool multipliesBytes() const override { return true; }
  /// SMULL and SMLAL in 16 bits, then SADDW.
  Value multiplyAddBytes(KernelBuilder &b, Value accumulator, ValueRange x,
                         ValueRange w) const override {
    int64_t lanes = KernelBuilder::lanesOf(accumulator.getType());
    auto half = VectorType::get({8}, b.getI16Type());
    SmallVector<Value> sums;
    for (int64_t first = 0; first < lanes; first += 8) {
      Value sum;
      for (auto [left, right] : llvm::zip(x, w)) {
        Value product = b.intrinsic("llvm.aarch64.neon.smull.v8i16", half,
                                    {b.extract(left, first, 8), b.extract(right, first, 8)});
        sum = sum ? arith::AddIOp::create(b, sum, product).getResult() : product;
      }
      sums.push_back(sum);
    }
    Value wide = arith::ExtSIOp::create(b, accumulator.getType(), b.concatenate(sums));
    return arith::AddIOp::create(b, accumulator, wide);
  }

  int64_t tableLanes() const override { return 16; }
  SmallVector<Value> loadTable(KernelBuilder &b, Value table) const override {
    SmallVector<Value> registers;
    for (int64_t first = 0; first < 256; first += 16)
      registers.push_back(b.loadRaw(table, b.index(first), 16, 16));
    return registers;
  }
  /// Four look-ups of a quarter each: codes past it give 0, or leave what was found before. Signed
  /// codes count from -128, so their halves are the other way round.
  Value lookUp(KernelBuilder &b, ValueRange table, Value codes, bool isSigned) const override {
    Value found;
    for (int64_t quarter = 0; quarter < 4; ++quarter) {
      int64_t first = 4 * (isSigned ? (quarter + 2) % 4 : quarter);
      SmallVector<Value> operands(table.slice(first, 4));
      if (quarter > 0)
        operands.insert(operands.begin(), found);
      operands.push_back(
          quarter == 0
              ? codes
              : arith::SubIOp::create(
                    b, codes, b.integer(codes.getType(), static_cast<int8_t>(64 * quarter))));
      found = b.intrinsic(quarter == 0 ? "llvm.aarch64.neon.tbl4.v16i8"
                                       : "llvm.aarch64.neon.tbx4.v16i8",
                          codes.getType(), operands);
    }
    return found;
  }

private:
  ArmStores storeEmitter;
  std::unique_ptr<DotKernel> integers, floats;
};

/// What tells the three targets apart.
struct ArmFamily {
  ArmLevel level;
  llvm::StringLiteral name, description, features, defaultCpu;
  uint64_t required; ///< bits of runtime/include/quern/cpu.h
};

/// One target, for the processor that it names or for its default one.
class ArmBackend : public CpuBackend {
public:
  ArmBackend(const ArmFamily &family, const ArmCpu &cpu, bool isNamed)
      : CpuBackend(isa), family(family), cpu(cpu), isa(family.level, cpu), name(family.name) {
    if (isNamed)
      name += ":" + cpu.name.str();
  }
  StringRef getName() const override { return name; }
  StringRef getDescription() const override { return family.description; }
  bool wantsUnsignedActivations() const override { return false; }
  bool wantsPaddedInputs() const override { return true; }
  TargetInfo getTargetInfo() const override {
    std::string features = family.features.str();
    if (cpu.splitsPairs)
      features += features.empty() ? "+slow-paired-128" : ",+slow-paired-128";
    return {"aarch64-unknown-linux-gnu", "generic", cpu.tuning().str(), features, family.required};
  }
  TargetRates getRates() const override {
    TargetRates rates;
    rates.elementOps = 4 * cpu.products * modelClock; // lanes of a register
    rates.bytes = std::min(16.0, 16 * cpu.loads) * modelClock;
    return rates;
  }
  double estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const override;
  llvm::SmallVector<StringRef> getProcessors() const override {
    llvm::SmallVector<StringRef> names;
    for (const ArmCpu &known : getArmCpus())
      if (known.level >= family.level)
        names.push_back(known.name);
    return names;
  }
  const TargetBackend *forProcessor(StringRef processor) const override;

private:
  const ArmFamily &family;
  const ArmCpu &cpu;
  ArmIsa isa;
  std::string name;
};
} // namespace

/// Instructions for one tap of 16 outputs in the shared depthwise kernel: codes are loaded, widened
/// twice and multiplied as words (9), or multiplied as bytes, two taps to a widening sum (5);
/// floats are loaded and multiplied by FMLA.
static double countDepthwiseOps(qir::ConvOp conv, bool isFloat) {
  if (isFloat)
    return 8;
  auto weights = llvm::cast<RankedTensorType>(conv.getWeights().getType());
  auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(weights.getEncoding());
  return packed && packed.getForm() == depthwisePairsForm ? 5 : 9;
}

double ArmBackend::estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const {
  for (auto conv : dispatch.getBody().front().getOps<qir::ConvOp>()) {
    if (!conv.isDepthwise())
      continue;
    auto input = llvm::cast<RankedTensorType>(conv.getInput().getType());
    bool isFloat = asFloat || input.getElementType().isF32();
    return static_cast<double>(macs) / 16 * countDepthwiseOps(conv, isFloat) / cpu.products /
           modelClock;
  }
  return CpuBackend::estimateProducts(dispatch, macs, asFloat);
}

const TargetBackend *ArmBackend::forProcessor(StringRef processor) const {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<ArmBackend>> made;
  const ArmCpu *named = findArmCpu(processor);
  if (!named || named->level < family.level)
    return nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<ArmBackend> &backend = made[(family.name + ":" + processor).str()];
  if (!backend)
    backend = std::make_unique<ArmBackend>(family, *named, /*isNamed=*/true);
  return backend.get();
}

static constexpr uint64_t bit(quern_aarch64_feature feature) { return uint64_t{1} << feature; }

const TargetBackend &getArmNeonBackend() {
  static const ArmFamily family{ArmLevel::Neon,
                                "arm-neon",
                                "AArch64 with nothing but its base (Cortex-A53, A72 and later)",
                                "",
                                "cortex-a53",
                                0};
  static const ArmBackend backend(family, *findArmCpu(family.defaultCpu), /*isNamed=*/false);
  return backend;
}

const TargetBackend &getArmDotprodBackend() {
  static const ArmFamily family{ArmLevel::Dotprod,
                                "arm-dotprod",
                                "AArch64 with SDOT (Cortex-A55, A76, Neoverse N1 and later)",
                                "+dotprod",
                                "cortex-a76",
                                bit(QUERN_AARCH64_DOTPROD)};
  static const ArmBackend backend(family, *findArmCpu(family.defaultCpu), /*isNamed=*/false);
  return backend;
}

const TargetBackend &getArmI8mmBackend() {
  static const ArmFamily family{
      ArmLevel::I8mm,
      "arm-i8mm",
      "AArch64 with SDOT and I8MM (Cortex-A510, A710, Neoverse N2, V1 and later)",
      "+dotprod,+i8mm",
      "neoverse-n2",
      bit(QUERN_AARCH64_DOTPROD) | bit(QUERN_AARCH64_I8MM)};
  static const ArmBackend backend(family, *findArmCpu(family.defaultCpu), /*isNamed=*/false);
  return backend;
}

} // namespace quern
