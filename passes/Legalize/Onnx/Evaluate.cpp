// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Onnx/Evaluate.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/QuernOps.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace quern;
using namespace quern::qir;

namespace {

constexpr int64_t smallElements = 4096;
using Shape = ArrayRef<int64_t>;
using Index = SmallVector<int64_t>;
using Bytes = std::optional<std::vector<char>>;

RankedTensorType typeOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

/// Calls `visit` with every index of `shape` in row-major order.
void forEachIndex(Shape shape, llvm::function_ref<void(Shape)> visit) {
  Index index(shape.size(), 0);
  int64_t count = ShapedType::getNumElements(shape);
  for (int64_t i = 0; i < count; ++i) {
    visit(index);
    for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0; --d) {
      if (++index[d] < shape[d])
        break;
      index[d] = 0;
    }
  }
}

int64_t linearize(Shape index, Shape shape) {
  int64_t position = 0;
  for (auto [i, size] : llvm::zip(index, shape))
    position = position * size + i;
  return position;
}

/// The position in a tensor of `shape` that broadcasting reads at `index`.
int64_t broadcastPosition(Shape index, Shape shape) {
  Index own(index.take_back(shape.size()));
  for (auto [i, size] : llvm::zip(own, shape))
    i = size == 1 ? 0 : i;
  return linearize(own, shape);
}

/// A result whose elements are elements of one constant, at `position(index)`.
Bytes permute(Value source, RankedTensorType result, llvm::function_ref<int64_t(Shape)> position) {
  std::vector<char> storage, out;
  ArrayRef<char> bytes = getConstantBytes(getConstant(source), storage);
  int64_t size = getElementBytes(result.getElementType());
  forEachIndex(result.getShape(), [&](Shape index) {
    ArrayRef<char> element = bytes.slice(position(index) * size, size);
    out.insert(out.end(), element.begin(), element.end());
  });
  return out;
}

Bytes evaluate(ReshapeOp op) {
  std::vector<char> storage;
  ArrayRef<char> bytes = getConstantBytes(getConstant(op.getInput()), storage);
  return std::vector<char>(bytes.begin(), bytes.end());
}

Bytes evaluate(TransposeOp op) {
  Shape shape = typeOf(op.getInput()).getShape(), permutation = op.getPermutation();
  return permute(op.getInput(), op.getType(), [&](Shape index) {
    Index source(index.size());
    for (auto [i, from] : llvm::enumerate(permutation))
      source[from] = index[i];
    return linearize(source, shape);
  });
}

Bytes evaluate(BroadcastOp op) {
  Shape shape = typeOf(op.getInput()).getShape();
  return permute(op.getInput(), op.getType(),
                 [&](Shape index) { return broadcastPosition(index, shape); });
}

Bytes evaluate(SliceOp op) {
  Shape shape = typeOf(op.getInput()).getShape();
  return permute(op.getInput(), op.getType(), [&](Shape index) {
    Index source;
    for (auto [i, start, step] : llvm::zip(index, op.getStarts(), op.getSteps()))
      source.push_back(start + i * step);
    return linearize(source, shape);
  });
}

Bytes evaluate(GatherOp op) {
  Shape shape = typeOf(op.getInput()).getShape();
  Shape indexShape = typeOf(op.getIndices()).getShape();
  std::vector<int64_t> indices = *readConstant<int64_t>(op.getIndices());
  int64_t axis = op.getAxis(), size = shape[axis];
  if (size == 0)
    return std::nullopt;
  return permute(op.getInput(), op.getType(), [&](Shape index) {
    Index source(index.take_front(axis));
    int64_t at = indices[linearize(index.slice(axis, indexShape.size()), indexShape)];
    source.push_back(std::clamp<int64_t>(at < 0 ? at + size : at, 0, size - 1));
    llvm::append_range(source, index.drop_front(axis + indexShape.size()));
    return linearize(source, shape);
  });
}

Bytes evaluate(ConcatOp op) {
  std::vector<char> out;
  int64_t axis = op.getAxis(), size = getElementBytes(op.getType().getElementType());
  int64_t outer = ShapedType::getNumElements(op.getType().getShape().take_front(axis));
  std::vector<std::vector<char>> storage(op.getInputs().size());
  SmallVector<ArrayRef<char>> parts;
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    parts.push_back(getConstantBytes(getConstant(input), storage[i]));
  for (int64_t row = 0; row < outer; ++row)
    for (auto [part, input] : llvm::zip(parts, op.getInputs())) {
      int64_t length = ShapedType::getNumElements(typeOf(input).getShape().drop_front(axis)) * size;
      ArrayRef<char> piece = part.slice(row * length, length);
      out.insert(out.end(), piece.begin(), piece.end());
    }
  return out;
}

/// The bytes of values of one of the types that `makeConstant` takes; codes of at most 64 bits.
template <typename T> std::vector<char> encode(ArrayRef<T> values, Type element) {
  std::vector<char> bytes;
  int64_t size = getElementBytes(element);
  for (T value : values) {
    uint64_t raw = 0;
    if (auto floating = llvm::dyn_cast<FloatType>(element)) {
      llvm::APFloat number(static_cast<double>(value));
      bool losesInfo;
      number.convert(floating.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      raw = number.bitcastToAPInt().getZExtValue();
    } else {
      raw = static_cast<uint64_t>(static_cast<int64_t>(value));
      if (element.isInteger(1))
        raw = value != 0;
    }
    for (int64_t i = 0; i < size; ++i)
      bytes.push_back(static_cast<char>(raw >> (8 * i)));
  }
  return bytes;
}

/// Truncates toward zero and saturates to the type, NaN being 0.
int64_t saturate(double value, IntegerType type) {
  unsigned bits = std::min(type.getWidth(), 63u) - (type.isUnsigned() ? 0 : 1);
  double high = type.getWidth() == 64 ? 9223372036854774784.0 : std::ldexp(1.0, bits) - 1;
  double low = type.isUnsigned() ? 0 : -std::ldexp(1.0, type.getWidth() == 64 ? 63 : bits);
  return std::isnan(value) ? 0 : static_cast<int64_t>(std::clamp(std::trunc(value), low, high));
}

/// Keeps the low bits, as storage in the type does.
int64_t wrap(int64_t value, IntegerType type) {
  unsigned shift = 64 - type.getWidth();
  uint64_t raw = static_cast<uint64_t>(value) << shift;
  return type.isUnsigned() ? static_cast<int64_t>(raw >> shift)
                           : static_cast<int64_t>(raw) >> shift;
}

Bytes evaluate(CastOp op) {
  Type from = typeOf(op.getInput()).getElementType(), to = typeOf(op.getResult()).getElementType();
  auto integer = llvm::dyn_cast<IntegerType>(to);
  if (llvm::isa<FloatType>(from)) {
    std::vector<double> values = *readConstant<double>(op.getInput());
    if (integer)
      for (double &value : values)
        value = to.isInteger(1) ? value != 0 : static_cast<double>(saturate(value, integer));
    return encode<double>(values, to);
  }
  std::vector<int64_t> values = *readConstant<int64_t>(op.getInput());
  if (integer)
    for (int64_t &value : values)
      value = to.isInteger(1) ? value != 0 : wrap(value, integer);
  return encode<int64_t>(values, to);
}

/// Integers wrap around: the least one is its own negative.
template <typename T> T negate(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(x));
  else
    return -x;
}

/// Whether `kind` is exactly rounded or exact here; others are left to `fold-constants`.
template <typename T> std::optional<T> apply(UnaryKind kind, T x) {
  switch (kind) {
  case UnaryKind::Abs:
    return x < 0 ? negate(x) : x;
  case UnaryKind::Neg:
    return negate(x);
  case UnaryKind::Relu:
    return x < 0 ? T(0) : x;
  case UnaryKind::Not:
    return T(x == 0);
  case UnaryKind::Sign:
    return T((x > 0) - (x < 0));
  case UnaryKind::Sqrt:
    return static_cast<T>(std::sqrt(x));
  case UnaryKind::Reciprocal:
    return x == 0 && std::is_integral_v<T> ? std::optional<T>() : T(1) / x;
  case UnaryKind::Floor:
    return static_cast<T>(std::floor(x));
  case UnaryKind::Ceil:
    return static_cast<T>(std::ceil(x));
  default:
    return std::nullopt;
  }
}

template <typename T> T wrappingArithmetic(BinaryKind kind, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(kind == BinaryKind::Add   ? x + y
                          : kind == BinaryKind::Sub ? x - y
                                                    : x * y);
  } else {
    return kind == BinaryKind::Add ? a + b : kind == BinaryKind::Sub ? a - b : a * b;
  }
}

template <typename T> std::optional<T> divide(BinaryKind kind, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == 0 || (b == -1 && a == std::numeric_limits<T>::min()))
      return std::nullopt;
    if (kind == BinaryKind::Div)
      return a / b;
    T rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  } else {
    return kind == BinaryKind::Div ? std::optional<T>(a / b) : std::nullopt;
  }
}

template <typename T> std::optional<T> apply(BinaryKind kind, T a, T b) {
  switch (kind) {
  case BinaryKind::Add:
  case BinaryKind::Sub:
  case BinaryKind::Mul:
    return wrappingArithmetic(kind, a, b);
  case BinaryKind::Div:
  case BinaryKind::Mod:
    return divide(kind, a, b);
  case BinaryKind::Max:
    return std::max(a, b);
  case BinaryKind::Min:
    return std::min(a, b);
  case BinaryKind::Equal:
    return T(a == b);
  case BinaryKind::Less:
    return T(a < b);
  case BinaryKind::LessEqual:
    return T(a <= b);
  case BinaryKind::Greater:
    return T(a > b);
  case BinaryKind::GreaterEqual:
    return T(a >= b);
  case BinaryKind::And:
    return T(a != 0 && b != 0);
  case BinaryKind::Or:
    return T(a != 0 || b != 0);
  default:
    return std::nullopt;
  }
}

template <typename T> Bytes evaluateUnary(UnaryOp op) {
  std::vector<T> values = *readConstant<T>(op.getInput());
  for (T &value : values) {
    std::optional<T> result = apply(op.getKind(), value);
    if (!result)
      return std::nullopt;
    value = *result;
  }
  return encode<T>(values, typeOf(op.getResult()).getElementType());
}

template <typename T> Bytes evaluateBinary(BinaryOp op) {
  std::vector<T> lhs = *readConstant<T>(op.getLhs()), rhs = *readConstant<T>(op.getRhs()), values;
  Shape left = typeOf(op.getLhs()).getShape(), right = typeOf(op.getRhs()).getShape();
  bool defined = true;
  RankedTensorType type = typeOf(op.getResult());
  forEachIndex(type.getShape(), [&](Shape index) {
    std::optional<T> result = apply(op.getKind(), lhs[broadcastPosition(index, left)],
                                    rhs[broadcastPosition(index, right)]);
    defined &= result.has_value();
    values.push_back(result.value_or(T(0)));
  });
  auto integer = llvm::dyn_cast<IntegerType>(type.getElementType());
  if constexpr (std::is_integral_v<T>)
    if (integer && !integer.isInteger(1))
      for (T &value : values)
        value = wrap(value, integer);
  return defined ? Bytes(encode<T>(values, type.getElementType())) : std::nullopt;
}

bool isFloat(Value value) { return typeOf(value).getElementType().isF32(); }

Bytes evaluate(UnaryOp op) {
  return isFloat(op.getInput()) ? evaluateUnary<float>(op) : evaluateUnary<int64_t>(op);
}

Bytes evaluate(BinaryOp op) {
  return isFloat(op.getLhs()) ? evaluateBinary<float>(op) : evaluateBinary<int64_t>(op);
}

Bytes evaluate(SelectOp op) {
  RankedTensorType type = typeOf(op.getResult());
  std::vector<int64_t> condition = *readConstant<int64_t>(op.getCondition());
  Shape conditionShape = typeOf(op.getCondition()).getShape();
  std::vector<char> storageTrue, storageFalse, out;
  ArrayRef<char> onTrue = getConstantBytes(getConstant(op.getOnTrue()), storageTrue);
  ArrayRef<char> onFalse = getConstantBytes(getConstant(op.getOnFalse()), storageFalse);
  int64_t size = getElementBytes(type.getElementType());
  forEachIndex(type.getShape(), [&](Shape index) {
    bool first = condition[broadcastPosition(index, conditionShape)] != 0;
    Shape shape = typeOf(first ? op.getOnTrue() : op.getOnFalse()).getShape();
    ArrayRef<char> element =
        (first ? onTrue : onFalse).slice(broadcastPosition(index, shape) * size, size);
    out.insert(out.end(), element.begin(), element.end());
  });
  return out;
}

Bytes evaluateAny(Operation *op) {
  return llvm::TypeSwitch<Operation *, Bytes>(op)
      .Case<ReshapeOp, TransposeOp, BroadcastOp, SliceOp, GatherOp, ConcatOp, CastOp, UnaryOp,
            BinaryOp, SelectOp>([](auto typed) { return evaluate(typed); })
      .Default([](Operation *) { return std::nullopt; });
}

bool isSmallConstant(Value value) {
  return getConstant(value) && typeOf(value).getNumElements() <= smallElements;
}

/// Layout ops keep what a constant is called.
StringAttr keptSite(Operation *op) {
  if (!llvm::isa<ReshapeOp, TransposeOp, CastOp>(op))
    return nullptr;
  return getConstant(op->getOperand(0)).getSiteAttr();
}

} // namespace

Value quern::legalize::evaluateIfSmall(Operation *op) {
  Value result = op->getResult(0);
  RankedTensorType type = typeOf(result);
  if (type.getNumElements() > smallElements || op->getNumOperands() == 0 ||
      !llvm::all_of(op->getOperands(), isSmallConstant))
    return result;
  Bytes bytes = evaluateAny(op);
  if (!bytes)
    return result;
  OpBuilder builder(op);
  ConstantOp constant = makeConstantFromBytes(builder, op->getLoc(), type, std::move(*bytes));
  constant.setSiteAttr(keptSite(op));
  op->erase();
  return constant.getResult();
}
