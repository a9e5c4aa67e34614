// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample: each dimension is resized on its own. A result is a weighted sum of a few
// elements (taps), picked by gathers at constant positions; nearest by whole factors repeats
// elements.

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;

/// Results longer than this along one dimension are refused before lists are made of them.
static constexpr int64_t longest = 1 << 20;

namespace {

/// How one dimension is resized.
struct Scaling {
  int64_t axis = 0, input = 0, output = 0;
  double scale = 1; ///< output per input, as the file says or from the sizes
};

/// What all elements of one dimension of the result are made of: `positions[t][i]` is where tap t
/// of element i reads, `weights[t][i]` its factor.
struct Taps {
  std::vector<std::vector<int64_t>> positions;
  std::vector<std::vector<float>> weights;
};

} // namespace

/// Where element i of the result lies in the input, in elements.
static double findCoordinate(NodeBuilder &n, const Scaling &s, int64_t i) {
  llvm::StringRef mode = n.node.getString("coordinate_transformation_mode", "half_pixel");
  auto position = static_cast<double>(i);
  if (mode == "asymmetric")
    return position / s.scale;
  double length =
      s.scale * static_cast<double>(s.input); // before it is rounded to the output's size
  if (mode == "align_corners")
    return length == 1 ? 0 : position * static_cast<double>(s.input - 1) / (length - 1);
  if (mode == "pytorch_half_pixel" && s.output == 1)
    return 0;
  double offset = 0;
  if (mode == "half_pixel_symmetric") {
    // What the scale leaves over is cut off on both sides alike.
    double kept = static_cast<double>(s.output) / length;
    offset = static_cast<double>(s.input) / 2 * (1 - kept);
  }
  return offset + (position + 0.5) / s.scale - 0.5;
}

static int64_t roundCoordinate(NodeBuilder &n, double coordinate) {
  llvm::StringRef mode = n.node.getString("nearest_mode", "round_prefer_floor");
  double rounded = mode == "floor"               ? std::floor(coordinate)
                   : mode == "ceil"              ? std::ceil(coordinate)
                   : mode == "round_prefer_ceil" ? std::floor(coordinate + 0.5)
                                                 : std::ceil(coordinate - 0.5);
  return static_cast<int64_t>(rounded);
}

/// The weights of the neighbours at -1, 0, 1 and 2 for a fraction in [0, 1).
static std::vector<double> cubicWeights(double t, double a) {
  auto near = [&](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  auto far = [&](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

static Taps makeTaps(NodeBuilder &n, const Scaling &s) {
  llvm::StringRef mode = n.node.getString("mode", "nearest");
  bool isCubic = mode == "cubic", isNearest = mode == "nearest";
  bool excludes = n.node.getInt("exclude_outside", 0) != 0;
  size_t count = isCubic ? 4 : isNearest ? 1 : 2;
  Taps taps{std::vector(count, std::vector<int64_t>(s.output)),
            std::vector(count, std::vector<float>(s.output, 1.0f))};
  for (int64_t i = 0; i < s.output; ++i) {
    double coordinate = findCoordinate(n, s, i), base = std::floor(coordinate);
    double fraction = coordinate - base;
    int64_t first =
        isNearest ? roundCoordinate(n, coordinate) : static_cast<int64_t>(base) - (isCubic ? 1 : 0);
    std::vector<double> weights =
        isNearest ? std::vector<double>{1}
        : isCubic ? cubicWeights(fraction, n.node.getFloat("cubic_coeff_a", -0.75f))
                  : std::vector<double>{1 - fraction, fraction};
    double sum = 0;
    for (size_t t = 0; t < count; ++t) {
      int64_t position = first + static_cast<int64_t>(t);
      if (excludes && (position < 0 || position >= s.input))
        weights[t] = 0;
      sum += weights[t];
      taps.positions[t][i] = std::clamp<int64_t>(position, 0, s.input - 1);
    }
    for (size_t t = 0; t < count; ++t)
      taps.weights[t][i] = static_cast<float>(excludes && sum != 0 ? weights[t] / sum : weights[t]);
  }
  return taps;
}

/// Resizes one dimension: the sum over the taps of what they pick times their weights.
static Value resizeDimension(NodeBuilder &n, Value x, const Scaling &s, int64_t axis) {
  Taps taps = makeTaps(n, s);
  Dims shape(rankOf(x), 1);
  shape[axis] = s.output;
  Value sum;
  for (auto [positions, weights] : llvm::zip(taps.positions, taps.weights)) {
    Value part = n.gather(x, n.indices(positions), axis);
    if (taps.positions.size() > 1)
      part = n.binary(BinaryKind::Mul, part, n.floats(weights, shape));
    sum = sum ? n.binary(BinaryKind::Add, sum, part) : part;
  }
  return sum;
}

/// The axes that are resized: all, or those that the attribute names.
static std::optional<Dims> readAxes(NodeBuilder &n, int64_t rank) {
  auto given = n.node.getInts("axes");
  if (!given)
    return countUp(0, rank);
  Dims axes;
  for (int64_t named : *given) {
    auto axis = n.axis(named, rank);
    if (!axis)
      return std::nullopt;
    axes.push_back(*axis);
  }
  return axes;
}

/// The scales from attribute or input, or the sizes from an input; one for each of `count` axes.
static std::optional<std::vector<double>> readScales(NodeBuilder &n, unsigned at, size_t count) {
  std::vector<double> scales;
  if (auto attribute = n.node.getFloats("scales"))
    scales.assign(attribute->begin(), attribute->end());
  else if (n.has(at))
    scales = readConstant<double>(n.in(at)).value_or(std::vector<double>());
  auto isLegal = [](double scale) { return scale > 0 && scale <= longest; };
  if (scales.size() == count && llvm::all_of(scales, isLegal))
    return scales;
  n.error() << "expected " << count << " constant scales above 0 or constant sizes, found "
            << scales.size() << " legal scales or fewer";
  return std::nullopt;
}

static bool checkSizes(NodeBuilder &n, llvm::ArrayRef<Scaling> scalings) {
  for (const Scaling &s : scalings)
    if (s.input < 1 || s.output < 1 || s.output > longest)
      return n.fail("expected sizes from 1 to 2^20, found " + llvm::Twine(s.input) + " to become " +
                    llvm::Twine(s.output) + " in dimension " + llvm::Twine(s.axis)) != nullptr;
  return true;
}

static std::optional<llvm::SmallVector<Scaling>> readScalings(NodeBuilder &n, Value x,
                                                              unsigned scalesAt, int sizesAt) {
  auto axes = readAxes(n, rankOf(x));
  if (!axes)
    return std::nullopt;
  llvm::SmallVector<Scaling> scalings;
  for (int64_t axis : *axes)
    scalings.push_back({axis, shapeOf(x)[axis], 0, 1});
  if (sizesAt >= 0 && n.has(sizesAt)) {
    auto sizes = n.ints(sizesAt, "the sizes");
    if (!sizes || sizes->size() != axes->size()) {
      if (sizes)
        n.error() << "expected a size for each of " << axes->size() << " axes, found [" << *sizes
                  << "]";
      return std::nullopt;
    }
    for (auto [s, size] : llvm::zip(scalings, *sizes)) {
      s.output = size;
      s.scale = static_cast<double>(size) / static_cast<double>(std::max<int64_t>(s.input, 1));
    }
  } else {
    auto scales = readScales(n, scalesAt, axes->size());
    if (!scales)
      return std::nullopt;
    for (auto [s, scale] : llvm::zip(scalings, *scales)) {
      s.output = static_cast<int64_t>(std::floor(static_cast<double>(s.input) * scale));
      s.scale = scale;
    }
  }
  if (!checkSizes(n, scalings))
    return std::nullopt;
  return scalings;
}

/// Nearest by whole factors repeats each element: [d] to [d, 1], broadcast to [d, factor].
static Value repeatElements(NodeBuilder &n, Value x, llvm::ArrayRef<Scaling> scalings) {
  Dims factors(rankOf(x), 1), split, wide, result;
  for (const Scaling &s : scalings)
    factors[s.axis] = s.output / s.input;
  for (auto [size, factor] : llvm::zip(shapeOf(x), factors)) {
    split.push_back(size);
    wide.push_back(size);
    if (factor != 1) {
      split.push_back(1);
      wide.push_back(factor);
    }
    result.push_back(size * factor);
  }
  return n.reshape(n.broadcast(n.reshape(x, split), wide), result);
}

/// Whether the taps are floor(i / factor) for a whole factor.
static bool repeats(NodeBuilder &n, llvm::ArrayRef<Scaling> scalings) {
  return llvm::all_of(scalings, [&](const Scaling &s) {
    if (s.output % s.input != 0)
      return false;
    Taps taps = makeTaps(n, s);
    for (auto [i, position] : llvm::enumerate(taps.positions[0]))
      if (position != static_cast<int64_t>(i) / (s.output / s.input))
        return false;
    return true;
  });
}

/// Resizes one dimension after the other. Spatial dimensions are resized channels last, as the
/// convolutions around work.
static Value resize(NodeBuilder &n, Value x, llvm::ArrayRef<Scaling> scalings) {
  auto changes = [](const Scaling &s) { return s.input != s.output || s.scale != 1; };
  bool isSpatial = rankOf(x) == 4 && llvm::all_of(scalings, [&](const Scaling &s) {
                     return s.axis >= 2 || !changes(s);
                   });
  if (isSpatial)
    x = toChannelsLast(n, x);
  for (const Scaling &s : scalings)
    if (changes(s))
      x = resizeDimension(n, x, s, isSpatial ? s.axis - 1 : s.axis);
  return isSpatial ? toChannelsFirst(n, x, 2) : x;
}

static bool checkModes(NodeBuilder &n) {
  auto check = [&](llvm::StringRef name, llvm::StringRef fallback,
                   std::initializer_list<llvm::StringRef> known) {
    llvm::StringRef found = n.node.getString(name, fallback);
    return llvm::is_contained(known, found) ||
           n.fail("expected " + name + " " + llvm::join(known, ", ") + ", found " + found) !=
               nullptr;
  };
  if (n.node.getInt("antialias", 0))
    return n.fail("expected antialias = 0, found 1") != nullptr;
  return check("mode", "nearest", {"nearest", "linear", "cubic"}) &&
         check("coordinate_transformation_mode", "half_pixel",
               {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric",
                "align_corners"}) &&
         check("nearest_mode", "round_prefer_floor",
               {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) &&
         check("keep_aspect_ratio_policy", "stretch", {"stretch"});
}

static LogicalResult buildResize(NodeBuilder &n) {
  Value x = n.in(0);
  bool isNearest = n.node.getString("mode", "nearest") == "nearest";
  if (!isNearest || llvm::isa<FloatType>(elementOf(x)))
    x = n.f32(x);
  if (!x || !checkModes(n))
    return failure();
  auto scalings = readScalings(n, x, 2, 3);
  if (!scalings)
    return failure();
  return n.finish(isNearest && repeats(n, *scalings) ? repeatElements(n, x, *scalings)
                                                     : resize(n, x, *scalings));
}

/// Upsample reads floor(i / scale), which whole scales make a repetition.
static LogicalResult buildUpsample(NodeBuilder &n) {
  Value x = n.in(0);
  if (n.node.getString("mode", "nearest") != "nearest")
    return n.error() << "expected mode nearest, found " << n.node.getString("mode", "nearest");
  auto scalings = readScalings(n, x, 1, -1);
  if (!scalings)
    return failure();
  for (const Scaling &s : *scalings)
    if (s.scale != std::floor(s.scale))
      return n.error() << "expected whole scales, found " << s.scale
                       << "; nearest supported form: Resize";
  return n.finish(repeatElements(n, x, *scalings));
}

void quern::legalize::addResizeRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "Resize", 11, latest, 1,
                 "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside "
                 "extrapolation_value keep_aspect_ratio_policy mode nearest_mode",
                 buildResize},
                {onnxDomain, "Upsample", 7, latest, 1, "mode scales", buildUpsample},
            });
}
