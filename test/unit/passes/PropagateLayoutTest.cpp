// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random graphs compute the same before and after `propagate-layout`: both forms are given constant
// arguments and evaluated by the folding of constants.

#include "dialects/Quern/ConstantData.h"
#include "passes/Legalize/FoldConstants.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>
#include <random>

namespace quern {
namespace {

using namespace mlir;
using Shape = llvm::SmallVector<int64_t>;

/// Builds functions of random ops that move elements or work on each.
class RandomGraph {
public:
  RandomGraph(MLIRContext &context, unsigned seed)
      : module(ModuleOp::create(UnknownLoc::get(&context))),
        b(UnknownLoc::get(&context), module->getBodyRegion()), random(seed) {
    Type f32 = b.getF32Type();
    llvm::SmallVector<Type> arguments{RankedTensorType::get({1, 2, 3, 4}, f32),
                                      RankedTensorType::get({2, 3, 1, 5}, f32)};
    function = func::FuncOp::create(b, "main", b.getFunctionType(arguments, {}));
    b.setInsertionPointToStart(function.addEntryBlock());
    llvm::append_range(values, function.getArguments());
    for (int i = 0; i < 14; ++i)
      addOp();
    llvm::SmallVector<Value> results(values.end() - 3, values.end());
    func::ReturnOp::create(b, results);
    function.setType(b.getFunctionType(arguments, TypeRange(ValueRange(results))));
  }
  OwningOpRef<ModuleOp> module;

private:
  int64_t pick(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  }
  static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
  static Type of(Value value, const Shape &shape) { return typeOf(value).clone(shape); }
  Value constant(const Shape &shape) {
    std::vector<float> data(ShapedType::getNumElements(shape));
    for (float &value : data)
      value = static_cast<float>(pick(-4, 4));
    return makeConstant<float>(b, b.getLoc(), RankedTensorType::get(shape, b.getF32Type()), data);
  }
  Value transpose(Value x) {
    Shape permutation = llvm::to_vector(llvm::seq<int64_t>(0, typeOf(x).getRank()));
    std::shuffle(permutation.begin(), permutation.end(), random);
    Shape shape;
    for (int64_t dimension : permutation)
      shape.push_back(typeOf(x).getDimSize(dimension));
    return qir::TransposeOp::create(b, of(x, shape), x, permutation);
  }
  Value quantize(Value x, int64_t axis) {
    std::vector<float> scales(typeOf(x).getDimSize(axis));
    for (float &scale : scales)
      scale = static_cast<float>(pick(1, 4));
    auto type = RankedTensorType::get({typeOf(x).getDimSize(axis)}, b.getF32Type());
    Value scale = makeConstant<float>(b, b.getLoc(), type, scales);
    Type codes = RankedTensorType::get(typeOf(x).getShape(), b.getIntegerType(8, true));
    IntegerAttr axisAttr = b.getI64IntegerAttr(axis);
    Value code = qir::QuantizeOp::create(b, codes, x, scale, Value(), axisAttr, nullptr, nullptr,
                                         nullptr, nullptr);
    return qir::DequantizeOp::create(b, x.getType(), code, scale, Value(), Value(), axisAttr,
                                     nullptr, nullptr);
  }
  Value reshape(Value x) {
    Shape shape(typeOf(x).getShape());
    int64_t d = pick(0, static_cast<int64_t>(shape.size()) - 1);
    if (shape.size() > 2 && d > 0) {
      shape[d - 1] *= shape[d];
      shape.erase(shape.begin() + d);
    } else if (shape.size() < 5) {
      bool splits = shape[d] % 2 == 0;
      shape[d] /= splits ? 2 : 1;
      shape.insert(shape.begin() + d + pick(0, 1), splits ? 2 : 1);
    }
    return qir::ReshapeOp::create(b, of(x, shape), x);
  }
  Value binary(Value x) {
    Shape shape(typeOf(x).getShape());
    for (int64_t &size : shape)
      size = pick(0, 1) ? size : 1;
    Shape shorter(shape.begin() + pick(0, 2), shape.end());
    Value other = constant(shorter);
    for (Value candidate : values)
      if (candidate.getType() == x.getType() && pick(0, 1))
        other = candidate;
    return qir::BinaryOp::create(b, x.getType(), qir::BinaryKind::Add, x, other);
  }
  void addOp() {
    Value x = values[pick(std::max<int64_t>(0, static_cast<int64_t>(values.size()) - 4),
                          static_cast<int64_t>(values.size()) - 1)];
    Shape shape(typeOf(x).getShape());
    auto rank = static_cast<int64_t>(shape.size());
    int64_t d = pick(0, rank - 1);
    values.push_back(makeOp(x, shape, rank, d));
  }
  Value makeOp(Value x, Shape shape, int64_t rank, int64_t d) {
    Shape zeros(rank, 0);
    Shape ones(rank, 1);
    switch (pick(0, 10)) {
    case 0:
      return binary(x);
    case 1:
      return quantize(x, d);
    case 2:
      return reshape(x);
    case 3:
      shape[d] *= 2;
      return qir::ConcatOp::create(b, of(x, shape), ValueRange{x, x}, d);
    case 4:
      zeros[d] = shape[d] - 1;
      ones[d] = -1;
      return qir::SliceOp::create(b, x.getType(), x, zeros, ones);
    case 5:
      zeros[d] = 1;
      shape[d] += 2;
      return qir::PadOp::create(b, of(x, shape), x, constant({1}), zeros);
    case 6:
      shape[d] = 1;
      return qir::ReduceOp::create(b, of(x, shape), qir::ReduceKind::Max, x, Shape{d});
    case 7: {
      auto type = RankedTensorType::get({2}, b.getIntegerType(64, true));
      Value indices = makeConstant<int64_t>(b, b.getLoc(), type, {0, -1});
      shape[d] = 2;
      return qir::GatherOp::create(b, of(x, shape), x, indices, d);
    }
    default:
      return transpose(x);
    }
  }

  ImplicitLocOpBuilder b;
  std::mt19937 random;
  func::FuncOp function;
  std::vector<Value> values;
};

/// What the function returns for fixed arguments.
std::vector<std::vector<float>> evaluate(ModuleOp module) {
  auto function = cast<func::FuncOp>(module.getBody()->front());
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  for (Value argument : function.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    std::vector<float> data(type.getNumElements());
    for (auto [i, value] : llvm::enumerate(data))
      value = static_cast<float>(i);
    argument.replaceAllUsesWith(makeConstant<float>(builder, module.getLoc(), type, data));
  }
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    // The pass leaves stored codes alone; here they are values like others.
    builder.setInsertionPoint(&op);
    qir::ConstantOp folded = foldMovement(builder, &op);
    if (!folded)
      folded = foldComputation(builder, &op);
    if (folded)
      op.getResult(0).replaceAllUsesWith(folded);
  }
  std::vector<std::vector<float>> results;
  for (Value value : function.getBody().front().getTerminator()->getOperands()) {
    auto data = readConstant<float>(value);
    EXPECT_TRUE(data);
    results.push_back(data.value_or(std::vector<float>()));
  }
  return results;
}

int countTransposes(ModuleOp module) {
  int count = 0;
  module.walk([&](qir::TransposeOp) { ++count; });
  return count;
}

TEST(PropagateLayout, KeepsWhatRandomGraphsCompute) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context
      .loadDialect<func::FuncDialect, arith::ArithDialect, math::MathDialect, qir::QuernDialect>();
  int before = 0;
  int after = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    RandomGraph graph(context, seed);
    ASSERT_TRUE(succeeded(verify(*graph.module))) << seed;
    OwningOpRef<ModuleOp> moved = graph.module->clone();
    PassManager manager(&context, "builtin.module");
    manager.addNestedPass<func::FuncOp>(createPropagateLayout());
    ASSERT_TRUE(succeeded(manager.run(*moved))) << seed;
    before += countTransposes(*graph.module);
    after += countTransposes(*moved);
    ASSERT_EQ(evaluate(*graph.module), evaluate(*moved)) << seed;
  }
  EXPECT_LT(after, before);
}

} // namespace
} // namespace quern
