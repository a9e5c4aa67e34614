// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that pick or add elements: slices, padding, gathering, triangles, and filled tensors.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

/// What Slice says, for the axes that it names.
struct SliceSpec {
  Dims starts, ends, axes, steps;
};

static std::optional<SliceSpec> readSlice(NodeBuilder &n, int64_t rank) {
  SliceSpec spec;
  if (auto starts = n.node.getInts("starts")) {
    spec.starts = Dims(*starts);
    spec.ends = Dims(n.node.getInts("ends").value_or(Shape()));
    if (auto axes = n.node.getInts("axes"))
      spec.axes = Dims(*axes);
  } else {
    auto first = n.ints(1, "the starts"), last = n.ints(2, "the ends");
    auto axes = n.has(3) ? n.ints(3, "the axes") : Dims();
    auto steps = n.has(4) ? n.ints(4, "the steps") : Dims();
    if (!first || !last || !axes || !steps)
      return std::nullopt;
    spec = {*first, *last, *axes, *steps};
  }
  size_t count = spec.starts.size();
  if (spec.axes.empty())
    spec.axes = countUp(0, count);
  if (spec.steps.empty())
    spec.steps.assign(count, 1);
  if (spec.ends.size() != count || spec.axes.size() != count || spec.steps.size() != count ||
      llvm::is_contained(spec.steps, 0)) {
    n.error() << "expected as many starts, ends, axes and steps (not 0), found [" << spec.starts
              << "], [" << spec.ends << "], [" << spec.axes << "], [" << spec.steps << "]";
    return std::nullopt;
  }
  // Longer steps read the same.
  for (int64_t &step : spec.steps)
    step = std::clamp(step, -(int64_t{1} << 40), int64_t{1} << 40);
  for (int64_t &axis : spec.axes) {
    auto position = n.axis(axis, rank);
    if (!position)
      return std::nullopt;
    axis = *position;
  }
  return spec;
}

/// Counts from the end where negative, then keeps inside [low, high].
static int64_t clampIndex(int64_t index, int64_t size, int64_t low, int64_t high) {
  return std::clamp(index < 0 ? index + size : index, low, high);
}

static LogicalResult buildSlice(NodeBuilder &n) {
  Value x = n.in(0);
  auto spec = readSlice(n, rankOf(x));
  if (!spec)
    return failure();
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x));
  for (auto [start, end, axis, step] :
       llvm::zip(spec->starts, spec->ends, spec->axes, spec->steps)) {
    int64_t size = shapeOf(x)[axis], low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    int64_t first = clampIndex(start, size, step > 0 ? 0 : -1, high);
    // A start before the beginning counts as the beginning when going forward only.
    int64_t last = end < -size ? low : clampIndex(end, size, low, high);
    int64_t span = step > 0 ? last - first : first - last, pace = std::abs(step);
    starts[axis] = first;
    steps[axis] = step;
    sizes[axis] = span > 0 ? (span + pace - 1) / pace : 0;
  }
  return n.finish(n.slice(x, starts, steps, sizes));
}

static LogicalResult buildGather(NodeBuilder &n) {
  Value x = n.in(0), indices = n.in(1);
  auto axis = n.axis(n.node.getInt("axis", 0), rankOf(x));
  if (!axis)
    return failure();
  if (auto values = readConstant<int64_t>(indices))
    for (int64_t value : *values)
      if (value < -shapeOf(x)[*axis] || value >= shapeOf(x)[*axis])
        return n.error() << "expected indices in [" << -shapeOf(x)[*axis] << ", "
                         << shapeOf(x)[*axis] << "), found " << value;
  return n.finish(n.gather(x, indices, *axis));
}

/// Attribute `pads` or input 1; sizes are limited so that sums with them stay exact.
static std::optional<Dims> givenPads(NodeBuilder &n) {
  auto attribute = n.node.getInts("pads");
  auto pads = attribute ? std::optional<Dims>(Dims(*attribute)) : n.ints(1, "the pads");
  if (!pads ||
      llvm::all_of(*pads, [](int64_t pad) { return std::abs(pad / 2) < int64_t{1} << 39; }))
    return pads;
  n.error() << "expected pads of at most 2^40, found [" << *pads << "]";
  return std::nullopt;
}

/// The pads of all dimensions: [low..., high...].
static std::optional<Dims> readPads(NodeBuilder &n, int64_t rank) {
  auto given = givenPads(n);
  if (!given)
    return std::nullopt;
  Dims pads = *given;
  if (!n.has(3)) {
    if (static_cast<int64_t>(pads.size()) == 2 * rank)
      return pads;
    n.error() << "expected " << 2 * rank << " pads, found [" << pads << "]";
    return std::nullopt;
  }
  auto axes = n.ints(3, "the axes");
  if (!axes || pads.size() != 2 * axes->size()) {
    if (axes)
      n.error() << "expected two pads for each axis, found [" << pads << "]";
    return std::nullopt;
  }
  Dims all(2 * rank, 0);
  for (auto [i, named] : llvm::enumerate(*axes)) {
    auto axis = n.axis(named, rank);
    if (!axis)
      return std::nullopt;
    all[*axis] = pads[i];
    all[rank + *axis] = pads[axes->size() + i];
  }
  return all;
}

/// Negative pads cut elements off; they become 0.
static Value cropNegative(NodeBuilder &n, Value x, Dims &pads) {
  int64_t rank = rankOf(x);
  Dims starts(rank, 0), steps(rank, 1), sizes(shapeOf(x));
  for (int64_t d = 0; d < rank; ++d) {
    starts[d] = std::max<int64_t>(-pads[d], 0);
    sizes[d] -= starts[d] + std::max<int64_t>(-pads[rank + d], 0);
    if (sizes[d] < 0)
      return n.fail("expected negative pads to leave elements of dimension " + llvm::Twine(d));
  }
  for (int64_t &pad : pads)
    pad = std::max<int64_t>(pad, 0);
  return n.slice(x, starts, steps, sizes);
}

/// `count` elements of dimension `d` from `start` on in steps of `step`; step 0 repeats one.
static Value border(NodeBuilder &n, Value x, int64_t d, int64_t start, int64_t step,
                    int64_t count) {
  Dims starts(rankOf(x), 0), steps(rankOf(x), 1), sizes(shapeOf(x));
  starts[d] = start;
  steps[d] = step == 0 ? 1 : step;
  sizes[d] = step == 0 ? 1 : count;
  Value part = n.slice(x, starts, steps, sizes);
  sizes[d] = count;
  return n.broadcast(part, sizes);
}

/// Modes edge, reflect and wrap: each dimension becomes the concatenation of its borders.
static Value padByCopies(NodeBuilder &n, Value x, Shape pads, llvm::StringRef mode) {
  for (int64_t d = 0, rank = rankOf(x); x && d < rank; ++d) {
    int64_t low = pads[d], high = pads[rank + d], size = shapeOf(x)[d];
    if (low == 0 && high == 0)
      continue;
    int64_t most = mode == "reflect" ? size - 1 : mode == "wrap" ? size : low + high;
    if (low > most || high > most || size == 0)
      return n.fail("expected pads of at most " + llvm::Twine(most) + " in dimension " +
                    llvm::Twine(d) + " for mode " + mode);
    SmallVector<Value> parts;
    if (low > 0)
      parts.push_back(mode == "reflect" ? border(n, x, d, low, -1, low)
                      : mode == "wrap"  ? border(n, x, d, size - low, 1, low)
                                        : border(n, x, d, 0, 0, low));
    parts.push_back(x);
    if (high > 0)
      parts.push_back(mode == "reflect" ? border(n, x, d, size - 2, -1, high)
                      : mode == "wrap"  ? border(n, x, d, 0, 1, high)
                                        : border(n, x, d, size - 1, 0, high));
    x = n.concat(parts, d);
  }
  return x;
}

static LogicalResult buildPad(NodeBuilder &n) {
  Value x = n.in(0);
  if (llvm::isa<FloatType>(elementOf(x)))
    x = n.f32(x);
  auto pads = x ? readPads(n, rankOf(x)) : std::nullopt;
  if (!pads)
    return failure();
  x = cropNegative(n, x, *pads);
  llvm::StringRef mode = n.node.getString("mode", "constant");
  if (mode == "edge" || mode == "reflect" || mode == "wrap")
    return n.finish(padByCopies(n, x, *pads, mode));
  if (mode != "constant")
    return n.error() << "expected mode constant, edge, reflect or wrap, found " << mode;
  if (!x)
    return failure();
  Value value = n.has(2) ? n.in(2) : Value();
  if (!value && elementOf(x).isF32())
    value = n.scalarF32(n.node.getFloat("value", 0.0f));
  else if (!value)
    value = n.integers({0}, {}, elementOf(x));
  value = n.reshape(n.cast(value, elementOf(x)), {});
  Shape all(*pads);
  return n.finish(n.pad(x, value, all.take_front(rankOf(x)), all.drop_front(rankOf(x))));
}

static LogicalResult buildConstantOfShape(NodeBuilder &n) {
  auto shape = n.ints(0, "the shape");
  if (!shape)
    return failure();
  Value fill;
  if (auto value = llvm::dyn_cast_or_null<DenseElementsAttr>(n.node.getNodeAttr("value"))) {
    if (value.getNumElements() != 1)
      return n.error() << "expected a value of one element, found " << value.getType();
    auto type = RankedTensorType::get({}, value.getElementType());
    fill = qir::ConstantOp::create(n.b, type, value.reshape(type), nullptr).getResult();
  } else {
    fill = n.scalarF32(0.0f);
  }
  return n.finish(n.broadcast(fill, *shape));
}

static LogicalResult buildRange(NodeBuilder &n) {
  auto start = n.scalar(0, "the start"), limit = n.scalar(1, "the limit");
  auto delta = n.scalar(2, "the delta");
  if (!start || !limit || !delta)
    return failure();
  double count = *delta == 0 ? -1 : std::ceil((*limit - *start) / *delta);
  if (std::isnan(count) || count < 0 || count > 1 << 24)
    return n.error() << "expected a range of at most 2^24 values, found [" << *start << ", "
                     << *limit << ") in steps of " << *delta;
  std::vector<double> values(static_cast<size_t>(count));
  for (auto [i, value] : llvm::enumerate(values))
    value = *start + static_cast<double>(i) * *delta;
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, elementOf(n.in(0)));
  return n.finish(makeConstant<double>(n.b, n.b.getLoc(), type, values).getResult());
}

static Value number(NodeBuilder &n, unsigned index) {
  Value x = n.in(index);
  return llvm::isa<FloatType>(elementOf(x)) ? n.f32(x) : x;
}

/// The numbers from 0 up along one axis, si64, to broadcast over the others.
static Value countAlong(NodeBuilder &n, int64_t axis, int64_t rank, int64_t count) {
  Dims shape(rank, 1);
  shape[axis] = count;
  return n.reshape(n.indices(countUp(0, count)), shape);
}

/// Keeps what lies on or above (upper) or on or below the k-th diagonal, zeros elsewhere.
static LogicalResult buildTrilu(NodeBuilder &n) {
  Value x = number(n, 0);
  auto k = n.has(1) ? n.scalar(1, "the diagonal") : 0.0;
  if (!x || !k)
    return failure();
  int64_t rank = rankOf(x);
  constexpr int64_t most = 1 << 20;
  if (rank < 2 || shapeOf(x)[rank - 2] > most || shapeOf(x)[rank - 1] > most)
    return n.error() << "expected rank >= 2 and matrices of at most 2^20 rows and columns, found "
                     << x.getType();
  Value rows = countAlong(n, 0, 2, shapeOf(x)[rank - 2]);
  Value diagonal = n.binary(qir::BinaryKind::Sub, countAlong(n, 1, 2, shapeOf(x)[rank - 1]), rows);
  Value bound = n.integers({static_cast<int64_t>(*k)}, {}, elementOf(diagonal));
  bool upper = n.node.getInt("upper", 1) != 0;
  Value keeps =
      n.binary(upper ? qir::BinaryKind::GreaterEqual : qir::BinaryKind::LessEqual, diagonal, bound);
  Value zero = elementOf(x).isF32() ? n.scalarF32(0) : n.integers({0}, {}, elementOf(x));
  return n.finish(n.select(keeps, x, zero));
}

/// values[1] where the new axis counts the index, values[0] elsewhere.
static LogicalResult buildOneHot(NodeBuilder &n) {
  auto depth = n.scalar(1, "the depth");
  Value indices = n.in(0), values = number(n, 2);
  if (!depth || !values)
    return failure();
  auto axis = n.axis(n.node.getInt("axis", -1), rankOf(indices) + 1);
  auto count = static_cast<int64_t>(*depth);
  if (!axis || count < 1 || count > 1 << 24 || shapeOf(values) != Shape({2}))
    return n.error() << "expected a depth from 1 to 2^24 and two values, found " << *depth
                     << " and " << values.getType();
  Type wide = n.b.getIntegerType(64, /*isSigned=*/true);
  Value index = n.cast(indices, wide);
  Value isNegative = n.binary(qir::BinaryKind::Less, index, n.integers({0}, {}, wide));
  Value moved = n.binary(qir::BinaryKind::Add, index, n.integers({count}, {}, wide));
  Dims shape(shapeOf(indices));
  shape.insert(shape.begin() + *axis, 1);
  index = n.reshape(n.select(isNegative, moved, index), shape);
  Value isHot = n.binary(qir::BinaryKind::Equal, index,
                         countAlong(n, *axis, static_cast<int64_t>(shape.size()), count));
  auto value = [&](int64_t at) { return n.reshape(n.slice(values, {at}, {1}, {1}), {}); };
  return n.finish(n.select(isHot, value(1), value(0)));
}

void quern::legalize::addIndexingRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "Slice", 1, latest, 1, "axes ends starts", buildSlice},
                {onnxDomain, "Gather", 1, latest, 2, "axis", buildGather},
                {onnxDomain, "Pad", 2, latest, 1, "mode pads value", buildPad},
                {onnxDomain, "ConstantOfShape", 9, latest, 1, "value", buildConstantOfShape},
                {onnxDomain, "Trilu", 14, latest, 1, "upper", buildTrilu},
                {onnxDomain, "OneHot", 9, latest, 3, "axis", buildOneHot},
                {onnxDomain, "Range", 11, latest, 3, "", buildRange},
            });
}
