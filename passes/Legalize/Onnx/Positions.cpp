// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that read or write single elements or slices at positions that a tensor lists. All
// become one gather along the first dimension of a flattened tensor, at positions computed from the
// indices.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;

/// Tables of positions with more entries than this are not made.
static constexpr int64_t mostPositions = 1 << 24;

static Value number(NodeBuilder &n, unsigned index) {
  Value x = n.in(index);
  return llvm::isa<FloatType>(elementOf(x)) ? n.f32(x) : x;
}

/// For each index into `shape`, row-major, the sum of index times stride.
static std::vector<int64_t> listOffsets(Shape shape, Shape strides) {
  std::vector<int64_t> offsets(1, 0);
  for (auto [size, stride] : llvm::zip(shape, strides)) {
    std::vector<int64_t> next;
    next.reserve(offsets.size() * size);
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < size; ++i)
        next.push_back(offset + i * stride);
    offsets = std::move(next);
  }
  return offsets;
}

static Dims rowMajorStrides(Shape shape) {
  Dims strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

/// Indices as si64, those below 0 counted from the end of a dimension; constants must lie inside.
static Value countFromFront(NodeBuilder &n, Value indices, int64_t size) {
  if (!indices)
    return nullptr;
  if (!elementOf(indices).isSignedInteger(32) && !elementOf(indices).isSignedInteger(64))
    return n.fail("expected int32 or int64 indices");
  if (auto values = readConstant<int64_t>(indices))
    for (int64_t value : *values)
      if (value < -size || value >= size)
        return n.fail("expected indices in [" + llvm::Twine(-size) + ", " + llvm::Twine(size) +
                      "), found " + llvm::Twine(value));
  Type wide = n.b.getIntegerType(64, /*isSigned=*/true);
  indices = n.cast(indices, wide);
  Value isNegative = n.binary(BinaryKind::Less, indices, n.integers({0}, {}, wide));
  Value moved = n.binary(BinaryKind::Add, indices, n.integers({size}, {}, wide));
  return n.select(isNegative, moved, indices);
}

static bool isListable(NodeBuilder &n, Shape shape) {
  if (product(shape) <= mostPositions)
    return true;
  n.error() << "expected at most 2^24 positions, found a shape of [" << shape << "]";
  return false;
}

/// result[i, j, k] = data[i, indices[i, j, k], k], for axis 1.
static LogicalResult buildGatherElements(NodeBuilder &n) {
  Value x = number(n, 0), indices = n.in(1);
  auto axis = x ? n.axis(n.node.getInt("axis", 0), rankOf(x)) : std::nullopt;
  if (!axis)
    return failure();
  Dims shape(shapeOf(indices)), strides = rowMajorStrides(shapeOf(x));
  bool fits = rankOf(indices) == rankOf(x);
  for (int64_t d = 0; fits && d < rankOf(x); ++d)
    fits = d == *axis || shape[d] <= shapeOf(x)[d];
  if (!fits)
    return n.error()
           << "expected indices of the data's rank and no larger but along the axis, found "
           << x.getType() << " and " << indices.getType();
  if (!isListable(n, shape))
    return failure();
  int64_t pace = strides[*axis];
  strides[*axis] = 0;
  Value position = countFromFront(n, indices, shapeOf(x)[*axis]);
  Type wide = n.b.getIntegerType(64, /*isSigned=*/true);
  position = n.binary(BinaryKind::Mul, position, n.integers({pace}, {}, wide));
  position =
      n.binary(BinaryKind::Add, position, n.integers(listOffsets(shape, strides), shape, wide));
  return n.finish(n.gather(n.reshape(x, {typeOf(x).getNumElements()}), position, 0));
}

/// The row-major positions of index tuples (the last dimension of `indices`) in `sizes`.
static Value foldTuples(NodeBuilder &n, Value indices, Shape sizes) {
  Dims shape(shapeOf(indices).drop_back()), strides = rowMajorStrides(sizes);
  Type wide = n.b.getIntegerType(64, /*isSigned=*/true);
  Value position;
  for (auto [d, size] : llvm::enumerate(sizes)) {
    Dims starts(rankOf(indices), 0), steps(rankOf(indices), 1), part(shapeOf(indices));
    starts.back() = static_cast<int64_t>(d);
    part.back() = 1;
    Value index = n.reshape(n.slice(indices, starts, steps, part), shape);
    index = countFromFront(n, index, size);
    index = n.binary(BinaryKind::Mul, index, n.integers({strides[d]}, {}, wide));
    position = position ? n.binary(BinaryKind::Add, position, index) : index;
    if (!position)
      return nullptr;
  }
  return position;
}

/// result[b, i, ...] = data[b, indices[b, i, 0], indices[b, i, 1], ...], with one batch dimension.
static LogicalResult buildGatherND(NodeBuilder &n) {
  Value x = number(n, 0), indices = n.in(1);
  if (!x)
    return failure();
  int64_t batch = n.node.getInt("batch_dims", 0),
          depth = rankOf(indices) ? shapeOf(indices).back() : 0;
  if (batch < 0 || depth < 1 || batch >= rankOf(indices) || depth > rankOf(x) - batch ||
      shapeOf(x).take_front(batch) != shapeOf(indices).take_front(batch))
    return n.error() << "expected index tuples that fit the data behind " << batch
                     << " common dimensions, found " << x.getType() << " and " << indices.getType();
  Dims whole(shapeOf(x)), rows(shapeOf(indices).drop_back());
  Shape shape(whole), sizes = shape.slice(batch, depth), row = shape.drop_front(batch + depth);
  Value position = foldTuples(n, indices, sizes);
  if (batch > 0) {
    if (!isListable(n, rows))
      return failure();
    // Each batch has its own rows.
    Dims strides = rowMajorStrides(shape.take_front(batch));
    for (int64_t &stride : strides)
      stride *= product(sizes);
    strides.resize(rows.size(), 0);
    Type wide = n.b.getIntegerType(64, /*isSigned=*/true);
    position =
        n.binary(BinaryKind::Add, position, n.integers(listOffsets(rows, strides), rows, wide));
  }
  Dims flat{product(shape.take_front(batch + depth))};
  llvm::append_range(flat, row);
  return n.finish(n.gather(n.reshape(x, flat), position, 0));
}

/// The constant indices of a scatter, counted from the front of the dimension that each one is for:
/// of tuples the dimensions in turn.
static std::optional<Dims> readTargets(NodeBuilder &n, Shape sizes) {
  auto indices = n.ints(1, "the indices");
  if (!indices)
    return std::nullopt;
  for (auto [i, index] : llvm::enumerate(*indices)) {
    int64_t size = sizes[i % sizes.size()];
    if (index < -size || index >= size) {
      n.error() << "expected indices in [" << -size << ", " << size << "), found " << index;
      return std::nullopt;
    }
    index += index < 0 ? size : 0;
  }
  return indices;
}

/// The data with rows replaced: row targets[i] becomes row i of the updates, the last one wins.
static Value replaceRows(NodeBuilder &n, Value data, Value updates, Shape targets, int64_t rows) {
  if (elementOf(data) != elementOf(updates))
    return n.fail("expected data and updates of one element type");
  if (rows > mostPositions)
    return n.fail("expected data of at most 2^24 rows, found " + llvm::Twine(rows));
  std::vector<int64_t> source(rows);
  std::iota(source.begin(), source.end(), 0);
  for (auto [i, target] : llvm::enumerate(targets))
    source[target] = rows + static_cast<int64_t>(i);
  int64_t width = rows ? typeOf(data).getNumElements() / rows : 0;
  Value both = n.concat({n.reshape(data, {rows, width}),
                         n.reshape(updates, {static_cast<int64_t>(targets.size()), width})},
                        0);
  return n.reshape(n.gather(both, n.indices(source), 0), shapeOf(data));
}

static bool hasNoReduction(NodeBuilder &n) {
  llvm::StringRef reduction = n.node.getString("reduction", "none");
  return reduction == "none" || n.fail("expected reduction none, found " + reduction) != nullptr;
}

static LogicalResult buildScatterND(NodeBuilder &n) {
  Value x = number(n, 0), indices = n.in(1), updates = number(n, 2);
  if (!x || !updates || !hasNoReduction(n))
    return failure();
  int64_t depth = rankOf(indices) ? shapeOf(indices).back() : 0;
  Dims expected(shapeOf(indices).drop_back(rankOf(indices) ? 1 : 0));
  if (depth >= 1 && depth <= rankOf(x))
    llvm::append_range(expected, shapeOf(x).drop_front(depth));
  if (depth < 1 || depth > rankOf(x) || shapeOf(updates) != Shape(expected))
    return n.error() << "expected index tuples that fit the data and updates of shape [" << expected
                     << "], found " << x.getType() << ", " << indices.getType() << " and "
                     << updates.getType();
  Shape sizes = shapeOf(x).take_front(depth);
  auto tuples = readTargets(n, sizes);
  if (!tuples)
    return failure();
  Dims strides = rowMajorStrides(sizes), targets(tuples->size() / depth, 0);
  for (auto [i, index] : llvm::enumerate(*tuples))
    targets[i / depth] += index * strides[i % depth];
  return n.finish(replaceRows(n, x, updates, targets, product(sizes)));
}

static LogicalResult buildScatterElements(NodeBuilder &n) {
  Value x = number(n, 0), indices = n.in(1), updates = number(n, 2);
  auto axis = x ? n.axis(n.node.getInt("axis", 0), rankOf(x)) : std::nullopt;
  if (!axis || !updates || !hasNoReduction(n))
    return failure();
  Dims shape(shapeOf(indices)), strides = rowMajorStrides(shapeOf(x));
  bool fits = rankOf(indices) == rankOf(x) && shapeOf(updates) == Shape(shape);
  for (int64_t d = 0; fits && d < rankOf(x); ++d)
    fits = shape[d] <= shapeOf(x)[d];
  if (!fits)
    return n.error() << "expected indices and updates of one shape inside the data's, found "
                     << x.getType() << ", " << indices.getType() << " and " << updates.getType();
  if (!isListable(n, shape))
    return failure();
  auto targets = readTargets(n, shapeOf(x)[*axis]);
  if (!targets)
    return failure();
  int64_t pace = strides[*axis];
  strides[*axis] = 0;
  for (auto [target, offset] : llvm::zip(*targets, listOffsets(shape, strides)))
    target = target * pace + offset;
  return n.finish(replaceRows(n, x, updates, *targets, typeOf(x).getNumElements()));
}

void quern::legalize::addPositionRows(Rows &rows) {
  llvm::append_range(
      rows,
      std::initializer_list<Row>{
          {onnxDomain, "GatherElements", 11, latest, 2, "axis", buildGatherElements},
          {onnxDomain, "GatherND", 11, latest, 2, "batch_dims", buildGatherND},
          {onnxDomain, "Scatter", 9, 10, 3, "axis", buildScatterElements},
          {onnxDomain, "ScatterElements", 11, latest, 3, "axis reduction", buildScatterElements},
          {onnxDomain, "ScatterND", 11, latest, 3, "reduction", buildScatterND},
      });
}
