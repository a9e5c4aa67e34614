// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plans of random programs keep their promises: what lives at the same time does not overlap.

#include "dialects/Quern/QuernOps.h"
#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Codegen/ArenaLayout.h"
#include "passes/Codegen/BufferPlan.h"
#include "passes/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace mlir;

namespace quern {
namespace {

class PlanMemoryTest : public testing::TestWithParam<int> {
protected:
  PlanMemoryTest() : random(GetParam()), builder(&context) {
    context.loadDialect<qir::QuernDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random); }

  RankedTensorType makeType() {
    static constexpr int64_t sizes[] = {1, 7, 64, 100, 1000, 4096, 5000};
    return RankedTensorType::get({sizes[pick(7)]}, builder.getIntegerType(8, /*isSigned=*/false));
  }

  /// Values and those that can be read at every index of `type`.
  Value pickInput(RankedTensorType type, AffineMap &map) {
    Value value = values[pick(static_cast<int>(values.size()))];
    auto from = llvm::cast<RankedTensorType>(value.getType());
    map = from.getShape() == type.getShape()
              ? builder.getMultiDimIdentityMap(1)
              : AffineMap::get(1, 0, builder.getAffineConstantExpr(0));
    if (from.getRank() != 1)
      map = AffineMap::get(
          1, 0, SmallVector<AffineExpr>(from.getRank(), builder.getAffineConstantExpr(0)),
          &context);
    return value;
  }

  void addDispatch() {
    Location location = builder.getUnknownLoc();
    RankedTensorType type =
        pick(2) && llvm::cast<RankedTensorType>(values.back().getType()).getRank() == 1
            ? llvm::cast<RankedTensorType>(values.back().getType())
            : makeType();
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (int i = 0, count = 1 + pick(3); i < count; ++i) {
      AffineMap map;
      Value input = pickInput(type, map);
      if (llvm::is_contained(inputs, input))
        continue;
      inputs.push_back(input);
      maps.push_back(map);
    }
    SmallVector<Type> types(1 + pick(2), type);
    auto dispatch =
        qir::DispatchOp::create(builder, location, types, inputs, DictionaryAttr(), Attribute());
    OpBuilder::InsertionGuard guard(builder);
    Block *body = builder.createBlock(&dispatch.getBody(), {}, ValueRange(inputs).getTypes(),
                                      SmallVector<Location>(inputs.size(), location));
    auto map = qir::MapOp::create(builder, location, types, body->getArguments(),
                                  builder.getAffineMapArrayAttr(maps), nullptr);
    qir::ReturnOp::create(builder, location, map.getResults());
    Block *scalars = builder.createBlock(&map.getBody());
    scalars->addArguments(SmallVector<Type>(inputs.size(), builder.getI32Type()),
                          SmallVector<Location>(inputs.size(), location));
    qir::YieldOp::create(builder, location,
                         SmallVector<Value>(types.size(), scalars->getArgument(0)));
    llvm::append_range(values, dispatch.getResults());
  }

  void addReshape() {
    Value value = values[pick(static_cast<int>(values.size()))];
    auto type = llvm::cast<RankedTensorType>(value.getType());
    auto view = RankedTensorType::get({1, type.getNumElements()}, type.getElementType());
    values.push_back(qir::ReshapeOp::create(builder, builder.getUnknownLoc(), view, value));
  }

  OwningOpRef<ModuleOp> makeModule() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder, builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
    SmallVector<Type> arguments{makeType(), makeType()};
    auto function = func::FuncOp::create(builder, builder.getUnknownLoc(), "main",
                                         builder.getFunctionType(arguments, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    values.assign(function.getArguments().begin(), function.getArguments().end());
    for (int i = 0, count = 1 + pick(60); i < count; ++i)
      pick(5) ? addDispatch() : addReshape();
    SmallVector<Value> returned;
    for (Value value : llvm::reverse(values))
      if (returned.size() < 3 && value.getDefiningOp<qir::DispatchOp>())
        returned.push_back(value);
    func::ReturnOp::create(builder, builder.getUnknownLoc(), returned);
    function.setFunctionType(builder.getFunctionType(arguments, ValueRange(returned).getTypes()));
    return module;
  }

  MLIRContext context;
  std::mt19937 random;
  OpBuilder builder;
  SmallVector<Value> values;
};

/// Runs the plan: every byte of the arena remembers who wrote it last, every read checks that.
class Simulation {
public:
  explicit Simulation(int64_t arenaBytes) : arena(arenaBytes, nullptr) {}

  void run(qir::DispatchOp dispatch) {
    for (Value operand : dispatch.getInputs())
      read(operand);
    for (Value result : dispatch.getResults())
      write(result);
    for (Value result : dispatch.getResults())
      read(result);
  }

  void read(Value value) {
    auto buffer = resolveBuffer(value);
    ASSERT_TRUE(succeeded(buffer));
    if (buffer->space == BufferRef::Output)
      EXPECT_EQ(outputs[buffer->index], buffer->root.getAsOpaquePointer());
    if (buffer->space != BufferRef::Arena)
      return;
    for (int64_t i = 0; i < buffer->bytes; ++i)
      ASSERT_EQ(arena[buffer->offset + i], buffer->root.getAsOpaquePointer());
  }

  void write(Value value) {
    auto buffer = resolveBuffer(value);
    ASSERT_TRUE(succeeded(buffer));
    if (buffer->space == BufferRef::Output) {
      outputs[buffer->index] = value.getAsOpaquePointer();
      return;
    }
    ASSERT_EQ(buffer->space, BufferRef::Arena);
    ASSERT_EQ(buffer->offset % bufferAlignment, 0);
    ASSERT_LE(buffer->offset + buffer->bytes + readableSlack, static_cast<int64_t>(arena.size()));
    std::fill_n(arena.begin() + buffer->offset, buffer->bytes, value.getAsOpaquePointer());
  }

private:
  std::vector<const void *> arena;
  std::map<int64_t, const void *> outputs;
};

/// A result may lie over an operand only where the plan says so, and then the dispatch reads that
/// operand at its own index.
void checkOverlapsWithOperands(qir::DispatchOp dispatch) {
  auto inPlace = dispatch->getAttrOfType<DenseI64ArrayAttr>(inPlaceAttrName);
  for (OpResult result : dispatch->getResults()) {
    BufferRef to = *resolveBuffer(result);
    for (OpOperand &operand : dispatch->getOpOperands()) {
      BufferRef from = *resolveBuffer(operand.get());
      bool overlap = to.space == BufferRef::Arena && from.space == BufferRef::Arena &&
                     to.offset < from.offset + from.bytes && from.offset < to.offset + to.bytes;
      bool allowed = inPlace && inPlace[result.getResultNumber()] ==
                                    static_cast<int64_t>(operand.getOperandNumber());
      EXPECT_EQ(overlap, allowed);
      auto map = llvm::cast<qir::MapOp>(dispatch.getBody().front().front());
      if (allowed)
        EXPECT_TRUE(llvm::cast<AffineMapAttr>(map.getMaps()[operand.getOperandNumber()])
                        .getValue()
                        .isIdentity());
    }
  }
}

TEST_P(PlanMemoryTest, LiveBuffersDoNotOverlap) {
  OwningOpRef<ModuleOp> module = makeModule();
  ASSERT_TRUE(succeeded(verify(*module)));
  PassManager manager(&context);
  manager.addPass(createPlanMemory());
  ASSERT_TRUE(succeeded(manager.run(*module)));
  ASSERT_TRUE(succeeded(verify(*module)));
  auto bytes = (*module)->getAttrOfType<IntegerAttr>(arenaBytesAttrName);
  ASSERT_TRUE(bytes);
  Simulation simulation(bytes.getInt());
  auto function = *module->getOps<func::FuncOp>().begin();
  for (auto dispatch : function.getOps<qir::DispatchOp>()) {
    checkOverlapsWithOperands(dispatch);
    simulation.run(dispatch);
  }
  for (Value returned : function.front().getTerminator()->getOperands())
    simulation.read(returned);
}

INSTANTIATE_TEST_SUITE_P(Random, PlanMemoryTest, testing::Range(0, 200));

TEST(ArenaLayout, ReusesWhatIsFree) {
  // a and c do not meet, b meets both.
  ArenaLayout layout = layOutArena({{100, 0, 1}, {64, 1, 2}, {120, 2, 3}}, 64);
  EXPECT_EQ(layout.offsets[0], layout.offsets[2]);
  EXPECT_EQ(layout.end, 192);
}

TEST(ArenaLayout, AlignsOffsetsNotTheEnd) {
  EXPECT_EQ(layOutArena({}, 64).end, 0);
  EXPECT_EQ(layOutArena({{1, 0, 0}, {1, 0, 0}}, 64).end, 65);
}

TEST(BufferBytes, CountsHaloPanelsAndNarrowElements) {
  MLIRContext context;
  context.loadDialect<qir::QuernDialect>();
  auto u4 = IntegerType::get(&context, 4, IntegerType::Unsigned);
  EXPECT_EQ(getBufferBytes(RankedTensorType::get({3, 5}, u4)), 15);
  auto halo = qir::PaddedAttr::get(&context, 1, 2, 3, 4);
  EXPECT_EQ(getBufferBytes(RankedTensorType::get({2, 5, 6, 3}, u4, halo)), 2 * 9 * 12 * 3);
  auto packed = qir::PackedAttr::get(&context, "fake", 16, 4, 128);
  EXPECT_EQ(getBufferBytes(RankedTensorType::get({3, 5}, u4, packed)), 128);
  EXPECT_EQ(getBufferBytes(RankedTensorType::get({}, Float32Type::get(&context))), 4);
}

} // namespace
} // namespace quern
