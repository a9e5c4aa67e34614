// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that change how elements are arranged, and those that speak about shapes.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

static LogicalResult buildIdentity(NodeBuilder &n) { return n.finish(n.in(0)); }

static LogicalResult buildDropout(NodeBuilder &n) {
  if (n.has(2) && readScalarConstant<int64_t>(n.in(2)) != int64_t{0})
    return n.error() << "expected training_mode to be constant false";
  return n.finish(n.in(0));
}

/// One dimension may be -1 (what is left), and 0 keeps the input's dimension.
static LogicalResult buildReshape(NodeBuilder &n) {
  auto shape = n.ints(1, "the shape");
  if (!shape)
    return failure();
  Value x = n.in(0);
  int64_t open = -1;
  for (auto [d, size] : llvm::enumerate(*shape)) {
    if (size == 0 && !n.node.getInt("allowzero", 0)) {
      if (static_cast<int64_t>(d) >= rankOf(x))
        return n.error() << "expected a 0 in the shape to stand for a dimension of " << x.getType()
                         << ", found it at position " << d;
      size = shapeOf(x)[d];
    }
    if (size == -1 && open < 0) {
      open = d;
      size = 1;
    }
  }
  if (!n.fits(*shape))
    return failure();
  if (open >= 0)
    (*shape)[open] = typeOf(x).getNumElements() / std::max<int64_t>(product(*shape), 1);
  return n.finish(n.reshapeStored(x, *shape));
}

static LogicalResult buildFlatten(NodeBuilder &n) {
  Value x = n.in(0);
  auto axis = n.axis(n.node.getInt("axis", 1), rankOf(x), /*end=*/true);
  if (!axis)
    return failure();
  Shape shape = shapeOf(x);
  return n.finish(
      n.reshape(x, {product(shape.take_front(*axis)), product(shape.drop_front(*axis))}));
}

static LogicalResult buildTranspose(NodeBuilder &n) {
  Value x = n.in(0);
  Dims permutation = countUp(0, rankOf(x));
  std::reverse(permutation.begin(), permutation.end());
  if (auto given = n.node.getInts("perm"))
    permutation.assign(given->begin(), given->end());
  Dims sorted = permutation;
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rankOf(x))))
    return n.error() << "expected perm to be a permutation of " << rankOf(x)
                     << " dimensions, found [" << permutation << "]";
  return n.finish(n.transposeStored(x, permutation));
}

/// Attribute `axes` (older schemas) or input 1; none when both are missing.
static LogicalResult readAxes(NodeBuilder &n, int64_t rank, std::optional<Dims> &axes) {
  if (auto given = n.node.getInts("axes")) {
    axes = Dims(*given);
  } else if (n.has(1)) {
    axes = n.ints(1, "the axes");
    if (!axes)
      return failure();
  }
  if (!axes)
    return success();
  for (int64_t &axis : *axes) {
    auto position = n.axis(axis, rank);
    if (!position)
      return failure();
    axis = *position;
  }
  return success();
}

static LogicalResult buildSqueeze(NodeBuilder &n) {
  Value x = n.in(0);
  std::optional<Dims> axes;
  if (failed(readAxes(n, rankOf(x), axes)))
    return failure();
  Dims shape;
  for (auto [d, size] : llvm::enumerate(shapeOf(x))) {
    bool isGone = axes ? llvm::is_contained(*axes, static_cast<int64_t>(d)) : size == 1;
    if (isGone && size != 1)
      return n.error() << "expected dimension " << d << " of " << x.getType()
                       << " to be 1 to squeeze it, found " << size;
    if (!isGone)
      shape.push_back(size);
  }
  return n.finish(n.reshapeStored(x, shape));
}

static LogicalResult buildUnsqueeze(NodeBuilder &n) {
  Value x = n.in(0);
  auto given = n.node.getInts("axes");
  auto count = given ? std::optional<Dims>(Dims(*given)) : n.ints(1, "the axes");
  std::optional<Dims> axes;
  if (!count || failed(readAxes(n, rankOf(x) + static_cast<int64_t>(count->size()), axes)))
    return failure();
  llvm::sort(*axes);
  Dims shape(shapeOf(x));
  for (int64_t axis : *axes) {
    if (axis > static_cast<int64_t>(shape.size()))
      return n.error() << "expected different axes, found [" << *axes << "]";
    shape.insert(shape.begin() + axis, 1);
  }
  return n.finish(n.reshapeStored(x, shape));
}

static LogicalResult buildConcat(NodeBuilder &n) {
  Value first = n.in(0);
  auto axis = n.axis(n.node.getInt("axis", 1), rankOf(first));
  if (!axis)
    return failure();
  SmallVector<Value> values;
  bool isFloat = llvm::isa<FloatType>(elementOf(first));
  for (unsigned i = 0; i < n.node.getInputs().size(); ++i)
    values.push_back(isFloat ? n.f32(i) : n.in(i));
  return n.finish(n.concat(values, *axis));
}

/// Attribute `split`, input 1, or equal parts (the last one smaller).
static std::optional<Dims> readSplit(NodeBuilder &n, int64_t size) {
  if (auto given = n.node.getInts("split"))
    return Dims(*given);
  if (n.has(1))
    return n.ints(1, "the split sizes");
  int64_t parts = n.node.getNumResults();
  if (n.node.getInt("num_outputs", parts) != parts) {
    n.error() << "expected num_outputs to be the number of outputs, " << parts << ", found "
              << n.node.getInt("num_outputs", parts);
    return std::nullopt;
  }
  int64_t each = (size + parts - 1) / std::max<int64_t>(parts, 1);
  Dims split(parts, each);
  split.back() = size - each * (parts - 1);
  return split;
}

static LogicalResult buildSplit(NodeBuilder &n) {
  Value x = n.in(0);
  auto axis = n.axis(n.node.getInt("axis", 0), rankOf(x));
  if (!axis)
    return failure();
  auto split = readSplit(n, shapeOf(x)[*axis]);
  if (!split)
    return failure();
  int64_t sum = 0;
  for (int64_t size : *split)
    sum += size < 0 || size > shapeOf(x)[*axis] ? shapeOf(x)[*axis] + 1 : size;
  if (split->size() != n.node.getNumResults() || sum != shapeOf(x)[*axis])
    return n.error() << "expected one size for each of " << n.node.getNumResults()
                     << " outputs that add up to " << shapeOf(x)[*axis] << ", found [" << *split
                     << "]";
  SmallVector<Value> parts;
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x));
  for (int64_t size : *split) {
    sizes[*axis] = size;
    parts.push_back(n.slice(x, starts, steps, sizes));
    starts[*axis] += size;
  }
  return n.finish(parts);
}

static LogicalResult buildExpand(NodeBuilder &n) {
  auto shape = n.ints(1, "the shape");
  if (!shape)
    return failure();
  Value x = n.in(0);
  // Dimensions of 1 in the target keep the input's size.
  Dims target(*shape);
  int64_t offset = static_cast<int64_t>(target.size()) - rankOf(x);
  target.insert(target.begin(), std::max<int64_t>(-offset, 0), 1);
  offset = std::max<int64_t>(offset, 0);
  for (auto [d, size] : llvm::enumerate(shapeOf(x)))
    if (target[offset + d] == 1)
      target[offset + d] = size;
  return n.finish(n.broadcast(x, target));
}

/// Each dimension d becomes [repeats, d] by broadcasting [1, d].
static LogicalResult buildTile(NodeBuilder &n) {
  auto repeats = n.ints(1, "the repeats");
  Value x = n.in(0);
  if (!repeats)
    return failure();
  if (static_cast<int64_t>(repeats->size()) != rankOf(x) ||
      llvm::any_of(*repeats, [](int64_t count) { return count < 0; }))
    return n.error() << "expected " << rankOf(x) << " repeats >= 0, found [" << *repeats << "]";
  Dims split, wide, result;
  for (auto [size, count] : llvm::zip(shapeOf(x), *repeats)) {
    split.append({1, size});
    wide.append({count, size});
  }
  if (!n.fits(wide))
    return failure();
  for (auto [size, count] : llvm::zip(shapeOf(x), *repeats))
    result.push_back(count * size);
  return n.finish(n.reshape(n.broadcast(n.reshape(x, split), wide), result));
}

static LogicalResult buildShape(NodeBuilder &n) {
  Shape shape = shapeOf(n.in(0));
  int64_t rank = shape.size();
  auto clampIndex = [&](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + rank : index, 0, rank);
  };
  int64_t start = clampIndex(n.node.getInt("start", 0));
  int64_t end = std::max(clampIndex(n.node.getInt("end", rank)), start);
  return n.finish(n.indices(shape.slice(start, end - start)));
}

static LogicalResult buildSize(NodeBuilder &n) {
  int64_t count = typeOf(n.in(0)).getNumElements();
  return n.finish(n.reshape(n.indices({count}), {}));
}

/// [N, C, H, W] by blocks: `order` is where the two halves of a block come from (DCR or CRD).
static LogicalResult buildDepthToSpace(NodeBuilder &n) {
  Value x = n.in(0);
  int64_t block = n.node.getInt("blocksize", 0);
  if (rankOf(x) != 4 || block < 1 || block > 1 << 16 || shapeOf(x)[1] % (block * block) != 0)
    return n.error() << "expected [N, C, H, W] with C divisible by blocksize^2, found "
                     << x.getType() << " and blocksize " << block;
  Shape s = shapeOf(x);
  int64_t depth = s[1] / (block * block);
  bool columnFirst = n.node.getString("mode", "DCR") == "DCR";
  Value split = columnFirst ? n.reshape(x, {s[0], block, block, depth, s[2], s[3]})
                            : n.reshape(x, {s[0], depth, block, block, s[2], s[3]});
  Value moved =
      columnFirst ? n.transpose(split, {0, 3, 4, 1, 5, 2}) : n.transpose(split, {0, 1, 4, 2, 5, 3});
  return n.finish(n.reshape(moved, {s[0], depth, s[2] * block, s[3] * block}));
}

static LogicalResult buildSpaceToDepth(NodeBuilder &n) {
  Value x = n.in(0);
  int64_t block = n.node.getInt("blocksize", 0);
  if (rankOf(x) != 4 || block < 1 || shapeOf(x)[2] % block || shapeOf(x)[3] % block)
    return n.error() << "expected [N, C, H, W] with H and W divisible by blocksize, found "
                     << x.getType() << " and blocksize " << block;
  Shape s = shapeOf(x);
  // Empty dimensions are divisible by any block: the product of channels must not overflow.
  if (!n.fits({s[1], block, block}))
    return failure();
  int64_t h = s[2] / block, w = s[3] / block;
  Value split = n.reshape(x, {s[0], s[1], h, block, w, block});
  Value moved = n.transpose(split, {0, 3, 5, 1, 2, 4});
  return n.finish(n.reshape(moved, {s[0], s[1] * block * block, h, w}));
}

void quern::legalize::addShapeRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "Identity", 1, latest, 1, "", buildIdentity},
                {onnxDomain, "Dropout", 7, latest, 1, "ratio seed", buildDropout},
                {onnxDomain, "Reshape", 5, latest, 2, "allowzero", buildReshape},
                {onnxDomain, "Flatten", 1, latest, 1, "axis", buildFlatten},
                {onnxDomain, "Transpose", 1, latest, 1, "perm", buildTranspose},
                {onnxDomain, "Squeeze", 1, latest, 1, "axes", buildSqueeze},
                {onnxDomain, "Unsqueeze", 1, latest, 1, "axes", buildUnsqueeze},
                {onnxDomain, "Concat", 4, latest, 1, "axis", buildConcat},
                {onnxDomain, "Split", 2, latest, 1, "axis num_outputs split", buildSplit},
                {onnxDomain, "Expand", 8, latest, 2, "", buildExpand},
                {onnxDomain, "Tile", 6, latest, 2, "", buildTile},
                {onnxDomain, "Shape", 1, latest, 1, "end start", buildShape},
                {onnxDomain, "Size", 1, latest, 1, "", buildSize},
                {onnxDomain, "DepthToSpace", 1, latest, 1, "blocksize mode", buildDepthToSpace},
                {onnxDomain, "SpaceToDepth", 1, latest, 1, "blocksize", buildSpaceToDepth},
            });
}
