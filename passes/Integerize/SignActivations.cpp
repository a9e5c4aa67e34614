// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Integerize/BlockedProducts.h"
#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/ValueMovers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace quern {
#define GEN_PASS_DEF_SIGNACTIVATIONS
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

/// Codes of exactly 8 bits.
static bool isEightBit(Value value) {
  auto type = llvm::dyn_cast<RankedTensorType>(value.getType());
  return type && isByteCode(type.getElementType()) &&
         type.getElementType().getIntOrFloatBitWidth() == 8;
}

namespace {

/// What the readers of codes ask for.
enum class Wish { None, Right, Left };

/// Values that must change their type together.
struct Component {
  SmallVector<Value> values;
  Wish wish = Wish::None;
  bool fixed = false; ///< some value's type is not ours to change
};

} // namespace

/// Zero points that can be moved now.
template <typename Op> static bool hasKnownZero(Op op) {
  return !op.getZeroPoint() || getConstant(op.getZeroPoint());
}

static Wish wishOf(qir::DequantizeOp op) {
  Wish wish = Wish::None;
  for (OpOperand &use : op.getResult().getUses()) {
    if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(use.getOwner()))
      continue;
    // Weights with scales by blocks are the unsigned operand, of all targets.
    auto matmul = llvm::dyn_cast<qir::MatMulOp>(use.getOwner());
    bool isLeft = use.getOperandNumber() == 0 && !(matmul && hasBlockedWeights(matmul));
    wish = std::max(wish, isLeft ? Wish::Left : Wish::Right);
  }
  return wish;
}

static void examine(Component &component, Value value) {
  Operation *source = value.getDefiningOp();
  auto quantize = llvm::dyn_cast_or_null<qir::QuantizeOp>(source);
  if (!source || !((quantize && hasKnownZero(quantize)) || movesValues(source)))
    component.fixed = true;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    auto dequantize = llvm::dyn_cast<qir::DequantizeOp>(user);
    if (dequantize && use.getOperandNumber() == 0 && hasKnownZero(dequantize) &&
        !dequantize.getCodebook())
      component.wish = std::max(component.wish, wishOf(dequantize));
    else if (!movesValues(user) || use.getOperandNumber() >= movedOperands(user).size())
      component.fixed = true;
  }
  if (auto pad = llvm::dyn_cast_or_null<qir::PadOp>(source))
    component.fixed |= !getConstant(pad.getValue());
}

static Value shiftConstant(OpBuilder &builder, Value constant, Type element, int64_t change) {
  auto values = *readConstant<int64_t>(constant);
  for (int64_t &value : values)
    value += change;
  auto type = RankedTensorType::get(tensorOf(constant).getShape(), element);
  return makeConstant<int64_t>(builder, constant.getLoc(), type, values);
}

/// A missing zero point is 0.
template <typename Op> static void shiftZeroPoint(Op op, Type element, int64_t change) {
  OpBuilder builder(op);
  Value zero = op.getZeroPoint();
  if (!zero) {
    auto type = RankedTensorType::get(tensorOf(op.getScale()).getShape(), element);
    std::vector<int64_t> zeros(type.getNumElements(), change);
    zero = makeConstant<int64_t>(builder, op.getLoc(), type, zeros);
  } else {
    zero = shiftConstant(builder, zero, element, change);
  }
  op.getZeroPointMutable().assign(zero);
}

static void shiftBounds(qir::QuantizeOp op, int64_t change) {
  if (op.getLo())
    op.setLo(*op.getLo() + change);
  if (op.getHi())
    op.setHi(*op.getHi() + change);
}

static void convert(const Component &component, Type element) {
  int64_t change = element.isUnsignedInteger() ? 128 : -128;
  for (Value value : component.values) {
    Operation *source = value.getDefiningOp();
    value.setType(RankedTensorType::get(tensorOf(value).getShape(), element));
    if (auto quantize = llvm::dyn_cast<qir::QuantizeOp>(source)) {
      shiftZeroPoint(quantize, element, change);
      shiftBounds(quantize, change);
    }
    if (auto pad = llvm::dyn_cast<qir::PadOp>(source)) {
      OpBuilder builder(pad);
      pad.getValueMutable().set(shiftConstant(builder, pad.getValue(), element, change));
    }
    for (Operation *user : value.getUsers())
      if (auto dequantize = llvm::dyn_cast<qir::DequantizeOp>(user))
        shiftZeroPoint(dequantize, element, change);
  }
}

/// All 8-bit code values that are not constants, in components connected by movers.
static SmallVector<Component> findComponents(func::FuncOp function) {
  llvm::EquivalenceClasses<void *> classes;
  SmallVector<Value> values;
  auto add = [&](Value value) {
    if (isEightBit(value)) {
      classes.insert(value.getAsOpaquePointer());
      values.push_back(value);
    }
  };
  llvm::for_each(function.getArguments(), add);
  function.walk([&](Operation *op) { llvm::for_each(op->getResults(), add); });
  function.walk([&](Operation *op) {
    if (!movesValues(op) || !isEightBit(op->getResult(0)))
      return;
    for (OpOperand &operand : movedOperands(op))
      classes.unionSets(operand.get().getAsOpaquePointer(), op->getResult(0).getAsOpaquePointer());
  });
  llvm::MapVector<void *, Component> components;
  for (Value value : values)
    components[classes.getLeaderValue(value.getAsOpaquePointer())].values.push_back(value);
  SmallVector<Component> result;
  for (auto &entry : components)
    result.push_back(std::move(entry.second));
  return result;
}

namespace {

class SignActivationsPass : public impl::SignActivationsBase<SignActivationsPass> {
public:
  using SignActivationsBase::SignActivationsBase;

  void runOnOperation() override {
    for (Component &component : findComponents(getOperation())) {
      for (Value value : component.values)
        examine(component, value);
      if (component.fixed || component.wish == Wish::None)
        continue;
      bool toUnsigned = component.wish == Wish::Left && isUnsigned;
      Type element = IntegerType::get(&getContext(), 8,
                                      toUnsigned ? IntegerType::Unsigned : IntegerType::Signed);
      if (elementOf(component.values.front()) != element)
        convert(component, element);
    }
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }
};

} // namespace

} // namespace quern
