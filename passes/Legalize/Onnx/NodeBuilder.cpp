// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Onnx/NodeBuilder.h"

#include "dialects/Quern/Ops/Verify.h"
#include "passes/Legalize/Onnx/Evaluate.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

int64_t quern::legalize::product(Shape shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Dims quern::legalize::countUp(int64_t begin, int64_t end) {
  Dims numbers;
  llvm::append_range(numbers, llvm::seq<int64_t>(begin, end));
  return numbers;
}

NodeBuilder::NodeBuilder(onnxir::NodeOp node, SiteNames &sites)
    : node(node), b(node.getLoc(), node), sites(sites) {}

InFlightDiagnostic NodeBuilder::error() {
  InFlightDiagnostic diagnostic = mlir::emitError(node.getLoc());
  diagnostic << "'" << node.getOpType() << "': ";
  return diagnostic;
}

Value NodeBuilder::fail(const llvm::Twine &message) {
  error() << message;
  return nullptr;
}

LogicalResult NodeBuilder::finish(ValueRange results) {
  if (llvm::is_contained(results, Value()))
    return failure();
  for (auto [index, old] : llvm::enumerate(node.getResults())) {
    if (index < results.size()) {
      old.replaceAllUsesWith(results[index]);
      sites.try_emplace(results[index], node.getOutputName(index));
    } else if (!old.use_empty()) {
      return error() << "expected output " << index << " ('" << node.getOutputName(index).getValue()
                     << "') to be unused, found a use of it; only the first " << results.size()
                     << " output(s) are supported";
    }
  }
  node.erase();
  return success();
}

Value NodeBuilder::f32(unsigned index) { return f32(in(index)); }

Value NodeBuilder::f32(Value value) {
  if (!value)
    return nullptr;
  Type element = elementOf(value);
  if (element.isF32())
    return value;
  if (llvm::isa<Float16Type, BFloat16Type, Float64Type>(element))
    return cast(value, b.getF32Type());
  error() << "expected '" << nameOf(value) << "' to be f32, f16, bf16 or f64, found " << element;
  return nullptr;
}

std::optional<Dims> NodeBuilder::ints(unsigned index, llvm::StringRef what) {
  std::optional<std::vector<int64_t>> values;
  if (has(index) && elementOf(in(index)).isInteger())
    values = readConstant<int64_t>(in(index));
  if (!values) {
    error() << "expected " << what << " as a constant integer tensor, found "
            << (has(index) ? ("'" + nameOf(in(index)) + "' computed at run time").str() : "nothing")
            << "; nearest supported form: an initializer or shapes fixed at compile time";
    return std::nullopt;
  }
  return Dims(values->begin(), values->end());
}

std::optional<double> NodeBuilder::scalar(unsigned index, llvm::StringRef what) {
  std::optional<double> value;
  if (has(index))
    value = readScalarConstant<double>(in(index));
  if (!value)
    error() << "expected " << what << " as a constant of one element, found "
            << (has(index) ? ("'" + nameOf(in(index)) + "', which is not").str() : "nothing");
  return value;
}

std::optional<int64_t> NodeBuilder::axis(int64_t axis, int64_t rank, bool end) {
  int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive >= 0 && positive < rank + (end ? 1 : 0))
    return positive;
  error() << "expected an axis in [" << -rank << ", " << rank << (end ? "]" : ")") << ", found "
          << axis;
  return std::nullopt;
}

bool NodeBuilder::fits(Shape shape) {
  constexpr int64_t most = int64_t{1} << 40;
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size >= 0 && size <= most && (size == 0 || count <= most / size)) {
      count *= std::max<int64_t>(size, 1);
      continue;
    }
    error() << "expected sizes >= 0 and at most 2^40 elements, found shape [" << shape << "]";
    return false;
  }
  return true;
}

llvm::StringRef NodeBuilder::nameOf(Value value) {
  if (StringAttr name = sites.lookup(value))
    return name.getValue();
  if (auto constant = getConstant(value))
    return constant.getSite().value_or("?");
  return "?";
}

Value NodeBuilder::floats(llvm::ArrayRef<float> values, Shape shape) {
  return makeConstant<float>(b, b.getLoc(), RankedTensorType::get(shape, b.getF32Type()), values)
      .getResult();
}

Value NodeBuilder::integers(llvm::ArrayRef<int64_t> values, Shape shape, Type element) {
  return makeConstant<int64_t>(b, b.getLoc(), RankedTensorType::get(shape, element), values)
      .getResult();
}

Value NodeBuilder::indices(llvm::ArrayRef<int64_t> values) {
  return integers(values, {static_cast<int64_t>(values.size())},
                  b.getIntegerType(64, /*isSigned=*/true));
}

template <typename OpTy, typename... Args> Value NodeBuilder::make(Args &&...args) {
  auto op = OpTy::create(b, std::forward<Args>(args)...);
  return evaluateIfSmall(op.getOperation());
}

//===- Elementwise --------------------------------------------------------------------------===//

Value NodeBuilder::unary(qir::UnaryKind kind, Value x, std::optional<float> alpha,
                         std::optional<float> beta) {
  if (!x)
    return nullptr;
  auto attribute = [&](std::optional<float> value) {
    return value ? b.getF32FloatAttr(*value) : FloatAttr();
  };
  return make<qir::UnaryOp>(x.getType(), kind, x, attribute(alpha), attribute(beta));
}

static bool isComparison(qir::BinaryKind kind) {
  return llvm::is_contained({qir::BinaryKind::Equal, qir::BinaryKind::Less,
                             qir::BinaryKind::LessEqual, qir::BinaryKind::Greater,
                             qir::BinaryKind::GreaterEqual},
                            kind);
}

Value NodeBuilder::binary(qir::BinaryKind kind, Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return nullptr;
  if (elementOf(lhs) != elementOf(rhs)) {
    error() << "expected operands of one element type, found " << lhs.getType() << " and "
            << rhs.getType();
    return nullptr;
  }
  auto shape = qir::broadcastShapes({shapeOf(lhs), shapeOf(rhs)});
  if (failed(shape)) {
    error() << "expected shapes that broadcast, found " << lhs.getType() << " ('" << nameOf(lhs)
            << "') and " << rhs.getType() << " ('" << nameOf(rhs) << "')";
    return nullptr;
  }
  // A weight on the left goes right, where later patterns look for it.
  bool commutes = kind == qir::BinaryKind::Add || kind == qir::BinaryKind::Mul;
  if (commutes && isStored(lhs) && !isStored(rhs))
    std::swap(lhs, rhs);
  Type element = isComparison(kind) ? b.getI1Type() : elementOf(lhs);
  return make<qir::BinaryOp>(RankedTensorType::get(*shape, element), kind, lhs, rhs);
}

Value NodeBuilder::binary(qir::BinaryKind kind, Value lhs, float rhs) {
  return lhs ? binary(kind, lhs, scalarF32(rhs)) : nullptr;
}

Value NodeBuilder::clamp(Value x, float low, float high) {
  if (!x)
    return nullptr;
  if (!(low <= high)) {
    error() << "expected min <= max, found [" << low << ", " << high << "]";
    return nullptr;
  }
  return make<qir::ClampOp>(x.getType(), x, llvm::APFloat(low), llvm::APFloat(high));
}

Value NodeBuilder::select(Value condition, Value onTrue, Value onFalse) {
  if (!condition || !onTrue || !onFalse)
    return nullptr;
  auto shape = qir::broadcastShapes({shapeOf(condition), shapeOf(onTrue), shapeOf(onFalse)});
  if (failed(shape) || elementOf(onTrue) != elementOf(onFalse) ||
      !elementOf(condition).isInteger(1)) {
    error() << "expected a bool condition and operands of one type that broadcast, found "
            << condition.getType() << ", " << onTrue.getType() << " and " << onFalse.getType();
    return nullptr;
  }
  return make<qir::SelectOp>(RankedTensorType::get(*shape, elementOf(onTrue)), condition, onTrue,
                             onFalse);
}

Value NodeBuilder::cast(Value x, Type element) {
  if (!x || elementOf(x) == element)
    return x;
  return make<qir::CastOp>(typeOf(x).clone(element), x);
}

//===- Layout -------------------------------------------------------------------------------===//

Value NodeBuilder::reshape(Value x, Shape shape) {
  if (!x || shapeOf(x) == shape)
    return x;
  if (!fits(shape))
    return nullptr;
  if (product(shape) != typeOf(x).getNumElements()) {
    error() << "expected a shape of " << typeOf(x).getNumElements() << " elements for "
            << x.getType() << ", found [" << shape << "]";
    return nullptr;
  }
  return make<qir::ReshapeOp>(typeOf(x).clone(shape), x);
}

Value NodeBuilder::transpose(Value x, Shape permutation) {
  if (!x || llvm::equal(permutation, llvm::seq<int64_t>(0, rankOf(x))))
    return x;
  // Two in a row are one, or none.
  if (auto inner = x.getDefiningOp<qir::TransposeOp>()) {
    Dims both;
    for (int64_t from : permutation)
      both.push_back(inner.getPermutation()[from]);
    return transpose(inner.getInput(), both);
  }
  Dims shape;
  for (int64_t from : permutation)
    shape.push_back(shapeOf(x)[from]);
  return make<qir::TransposeOp>(typeOf(x).clone(shape), x, permutation);
}

Value NodeBuilder::broadcast(Value x, Shape shape) {
  if (!x || shapeOf(x) == shape)
    return x;
  if (!fits(shape))
    return nullptr;
  auto common = qir::broadcastShapes({shapeOf(x), shape});
  if (failed(common) || Shape(*common) != shape) {
    error() << "expected a shape that broadcasts to [" << shape << "], found " << x.getType();
    return nullptr;
  }
  return make<qir::BroadcastOp>(typeOf(x).clone(shape), x);
}

Value NodeBuilder::concat(ValueRange values, int64_t axis) {
  if (values.empty() || llvm::is_contained(values, Value()))
    return nullptr;
  if (values.size() == 1)
    return values.front();
  Dims shape(shapeOf(values.front()));
  shape[axis] = 0;
  for (Value value : values) {
    Dims other(shapeOf(value));
    if (other.size() == shape.size()) {
      shape[axis] += other[axis];
      other[axis] = shape[axis];
    }
    if (other != shape || elementOf(value) != elementOf(values.front())) {
      error() << "expected inputs that agree in type and in all dimensions but " << axis
              << ", found " << values.front().getType() << " and " << value.getType();
      return nullptr;
    }
  }
  if (!fits(shape))
    return nullptr;
  return make<qir::ConcatOp>(typeOf(values.front()).clone(shape), values, axis);
}

Value NodeBuilder::slice(Value x, Shape starts, Shape steps, Shape sizes) {
  if (!x || (sizes == shapeOf(x) && llvm::all_of(steps, [](int64_t step) { return step == 1; })))
    return x;
  return make<qir::SliceOp>(typeOf(x).clone(sizes), x, starts, steps);
}

Value NodeBuilder::pad(Value x, Value value, Shape low, Shape high) {
  if (!x || !value)
    return nullptr;
  Dims shape;
  for (auto [size, before, after] : llvm::zip(shapeOf(x), low, high))
    shape.push_back(size + before + after);
  if (Shape(shape) == shapeOf(x))
    return x;
  if (!fits(shape))
    return nullptr;
  return make<qir::PadOp>(typeOf(x).clone(shape), x, value, low);
}

Value NodeBuilder::gather(Value x, Value indices, int64_t axis) {
  if (!x || !indices)
    return nullptr;
  Type element = elementOf(indices);
  if (!element.isSignedInteger(32) && !element.isSignedInteger(64)) {
    error() << "expected int32 or int64 indices, found " << element;
    return nullptr;
  }
  Dims shape(shapeOf(x).take_front(axis));
  llvm::append_range(shape, shapeOf(indices));
  llvm::append_range(shape, shapeOf(x).drop_front(axis + 1));
  if (!fits(shape))
    return nullptr;
  return make<qir::GatherOp>(typeOf(x).clone(shape), x, indices, axis);
}
