// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

Dims Window::allPads() const { return {pads[0], pads[1], pads[2] + extra[0], pads[3] + extra[1]}; }

/// Larger windows make no sense; the limit keeps sums and products of them exact.
static constexpr int64_t longest = 1 << 20;

/// The attribute with one value for each spatial dimension, brought to two dimensions.
static std::optional<Dims> readSizes(NodeBuilder &n, llvm::StringRef name, size_t count,
                                     int64_t low) {
  Dims sizes(count, 1);
  if (auto given = n.node.getInts(name))
    sizes.assign(given->begin(), given->end());
  auto isLegal = [=](int64_t size) { return size >= low && size <= longest; };
  if (sizes.size() != count || !llvm::all_of(sizes, isLegal)) {
    n.error() << "expected attribute '" << name << "' with " << count << " values from " << low
              << " to " << longest << ", found [" << sizes << "]";
    return std::nullopt;
  }
  if (count == 1)
    sizes.insert(sizes.begin(), 1);
  return sizes;
}

static std::optional<Dims> readPads(NodeBuilder &n, size_t count) {
  Dims pads(2 * count, 0);
  if (auto given = n.node.getInts("pads"))
    pads.assign(given->begin(), given->end());
  auto isLegal = [](int64_t pad) { return pad >= 0 && pad <= longest; };
  if (pads.size() != 2 * count || !llvm::all_of(pads, isLegal)) {
    n.error() << "expected attribute 'pads' with " << 2 * count << " values from 0 to " << longest
              << ", found [" << pads
              << "]; nearest supported form: a Slice before the node instead of negative pads";
    return std::nullopt;
  }
  if (count == 1)
    pads = {0, pads[0], 0, pads[1]};
  return pads;
}

static int64_t extent(const Window &window, int i) {
  return (window.kernel[i] - 1) * window.dilations[i] + 1;
}

/// SAME_UPPER and SAME_LOWER: as many positions as input / stride, rounded up.
static void padToSame(Window &window, Shape spatial, bool lower) {
  for (int i = 0; i < 2; ++i) {
    int64_t positions = (spatial[i] + window.strides[i] - 1) / window.strides[i];
    int64_t total = (positions - 1) * window.strides[i] + extent(window, i) - spatial[i];
    total = std::max<int64_t>(total, 0);
    window.pads[i] = (total + (lower ? 1 : 0)) / 2;
    window.pads[2 + i] = total - window.pads[i];
  }
}

static bool applyAutoPad(NodeBuilder &n, Window &window, Shape spatial) {
  llvm::StringRef mode = n.node.getString("auto_pad", "NOTSET");
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER")
    padToSame(window, spatial, mode == "SAME_LOWER");
  else if (mode == "VALID")
    window.pads = {0, 0, 0, 0};
  else if (mode != "NOTSET" && !mode.empty())
    return n.fail("expected auto_pad NOTSET, SAME_UPPER, SAME_LOWER or VALID, found " + mode) !=
           nullptr;
  return true;
}

/// Counts the positions; with ceil_mode a last window may hang over, unless it would start in the
/// padding after the input.
static bool countPositions(NodeBuilder &n, Window &window, Shape spatial) {
  bool ceil = n.node.getInt("ceil_mode", 0) != 0;
  for (int i = 0; i < 2; ++i) {
    int64_t padded = spatial[i] + window.pads[i] + window.pads[2 + i], stride = window.strides[i];
    int64_t span = padded - extent(window, i);
    if (span < 0)
      return n.fail("expected a window of " + llvm::Twine(extent(window, i)) +
                    " to fit into the padded input of " + llvm::Twine(padded)) != nullptr;
    int64_t count = (span + (ceil ? stride - 1 : 0)) / stride + 1;
    if (ceil && (count - 1) * stride >= spatial[i] + window.pads[i])
      --count;
    window.positions[i] = count;
    window.extra[i] = std::max<int64_t>((count - 1) * stride + extent(window, i) - padded, 0);
    // When the last window is dropped, the padding after the input shrinks with it.
    int64_t unread = span - ((count - 1) * stride);
    if (unread >= stride)
      window.extra[i] = -(unread - stride + 1);
  }
  return true;
}

std::optional<Window> quern::legalize::readWindow(NodeBuilder &n, Shape spatial, Shape kernel) {
  size_t count = spatial.size();
  if (count != 1 && count != 2) {
    n.error() << "expected 1 or 2 spatial dimensions, found " << count
              << "; nearest supported form: the 2-D operator on a reshaped tensor";
    return std::nullopt;
  }
  if (auto given = n.node.getInts("kernel_shape"); given && !kernel.empty() && *given != kernel) {
    n.error() << "expected kernel_shape to be the weights' [" << kernel << "], found [" << *given
              << "]";
    return std::nullopt;
  }
  Dims sizes(spatial);
  if (count == 1)
    sizes.insert(sizes.begin(), 1);
  auto kernels = readSizes(n, "kernel_shape", count, 1);
  if (!kernel.empty()) {
    kernels = Dims(kernel);
    if (count == 1)
      kernels->insert(kernels->begin(), 1);
  }
  auto strides = readSizes(n, "strides", count, 1);
  auto dilations = readSizes(n, "dilations", count, 1);
  auto pads = readPads(n, count);
  if (!kernels || !strides || !dilations || !pads)
    return std::nullopt;
  Window window{*kernels, *strides, *dilations, *pads, {0, 0}, {0, 0}};
  if (!applyAutoPad(n, window, sizes) || !countPositions(n, window, sizes) ||
      !n.fits(window.positions))
    return std::nullopt;
  return window;
}

Value quern::legalize::toChannelsLast(NodeBuilder &n, Value x) {
  if (!x)
    return nullptr;
  if (rankOf(x) == 4)
    return n.transpose(x, {0, 2, 3, 1});
  Value moved = n.transpose(x, {0, 2, 1});
  Shape shape = shapeOf(moved);
  return n.reshape(moved, {shape[0], 1, shape[1], shape[2]});
}

Value quern::legalize::toChannelsFirst(NodeBuilder &n, Value x, int64_t spatialRank) {
  if (!x || spatialRank == 2)
    return x ? n.transpose(x, {0, 3, 1, 2}) : nullptr;
  Shape shape = shapeOf(x);
  return n.transpose(n.reshape(x, {shape[0], shape[2], shape[3]}), {0, 2, 1});
}

/// [O, I, spatial...] to OHWI, below a dequantize.
static Value toOhwi(NodeBuilder &n, Value weights) {
  if (rankOf(weights) == 4)
    return n.transposeStored(weights, {0, 2, 3, 1});
  Value moved = n.transposeStored(weights, {0, 2, 1});
  Shape shape = shapeOf(moved);
  return n.reshapeStored(moved, {shape[0], 1, shape[1], shape[2]});
}

static bool checkConvolution(NodeBuilder &n, Value x, Value weights, int64_t groups) {
  int64_t rank = rankOf(x);
  if ((rank != 3 && rank != 4) || rankOf(weights) != rank) {
    n.error() << "expected an input and weights of rank 3 or 4, found " << x.getType() << " and "
              << weights.getType() << "; nearest supported form: 1-D and 2-D convolution";
    return false;
  }
  Shape shape = shapeOf(weights);
  if (groups < 1 || shapeOf(x)[1] != groups * shape[1] || shape[0] % groups != 0) {
    n.error() << "expected input channels = group * " << shape[1] << " and " << shape[0]
              << " outputs divisible by group, found " << shapeOf(x)[1] << " channels and group "
              << groups;
    return false;
  }
  return true;
}

Value quern::legalize::convolve(NodeBuilder &n, Value x, Value weights, Value bias) {
  int64_t groups = n.node.getInt("group", 1);
  if (!x || !weights || !checkConvolution(n, x, weights, groups))
    return nullptr;
  int64_t outputs = shapeOf(weights)[0], spatialRank = rankOf(x) - 2;
  auto window = readWindow(n, shapeOf(x).drop_front(2), shapeOf(weights).drop_front(2));
  if (!window)
    return nullptr;
  Value input = toChannelsLast(n, x), filter = toOhwi(n, weights);
  Dims shape{shapeOf(x)[0], window->positions[0], window->positions[1], outputs};
  auto type = RankedTensorType::get(shape, n.b.getF32Type());
  Value result = qir::ConvOp::create(n.b, type, Type(), input, filter, /*pad_value=*/Value(),
                                     window->strides, window->pads, window->dilations, groups)
                     .getResult();
  if (bias) {
    if (shapeOf(bias) != Shape({outputs}))
      return n.fail("expected a bias of " + llvm::Twine(outputs) + " elements, found " +
                    llvm::Twine(typeOf(bias).getNumElements()));
    result = n.binary(qir::BinaryKind::Add, result, bias);
  }
  return toChannelsFirst(n, result, spatialRank);
}

/// How many positions of the window at `position` count along dimension i.
static int64_t countMembers(const Window &window, int i, int64_t size, int64_t position,
                            bool includePad) {
  int64_t begin = position * window.strides[i] - window.pads[i];
  int64_t low = includePad ? -window.pads[i] : 0;
  int64_t high = includePad ? size + window.pads[2 + i] : size;
  // The first k with begin + k * dilation >= bound.
  auto firstAt = [&](int64_t bound) {
    int64_t k = llvm::divideCeilSigned(bound - begin, window.dilations[i]);
    return std::clamp<int64_t>(k, 0, window.kernel[i]);
  };
  return firstAt(high) - firstAt(low);
}

/// 1 / count, as one value where all windows are full, else as [1, OH, OW, 1].
static Value averageFactor(NodeBuilder &n, const Window &window, Shape sizes) {
  bool includePad = n.node.getInt("count_include_pad", 0) != 0;
  std::vector<float> factors;
  if (product(window.positions) > 1 << 24)
    return n.fail("expected at most 2^24 window positions, found [" +
                  llvm::Twine(window.positions[0]) + ", " + llvm::Twine(window.positions[1]) + "]");
  for (int64_t y = 0; y < window.positions[0]; ++y)
    for (int64_t x = 0; x < window.positions[1]; ++x)
      factors.push_back(1.0f /
                        std::max<int64_t>(countMembers(window, 0, sizes[0], y, includePad) *
                                              countMembers(window, 1, sizes[1], x, includePad),
                                          1));
  if (llvm::all_equal(factors))
    return n.scalarF32(factors.empty() ? 1.0f : factors.front());
  return n.floats(factors, {1, window.positions[0], window.positions[1], 1});
}

Value quern::legalize::poolWindows(NodeBuilder &n, Pooling kind, Value x, bool channelsLast) {
  if (!x)
    return nullptr;
  int64_t spatialRank = rankOf(x) - 2;
  if (spatialRank < 1 || spatialRank > 2 || (channelsLast && spatialRank != 2))
    return n.fail("expected an input of rank 3 or 4 (channels last: 4), found rank " +
                  llvm::Twine(rankOf(x)));
  if (!n.node.getInts("kernel_shape"))
    return n.fail("expected attribute 'kernel_shape', found none");
  auto window = readWindow(n, shapeOf(x).slice(channelsLast ? 1 : 2, spatialRank), {});
  if (!window)
    return nullptr;
  Value input = channelsLast ? x : toChannelsLast(n, x);
  Dims pads = window->allPads();
  if (llvm::any_of(pads, [](int64_t pad) { return pad < 0; }))
    return n.fail("expected the pooling windows to reach the padding, found one that no window "
                  "reads; nearest supported form: smaller pads");
  Dims shape{shapeOf(input)[0], window->positions[0], window->positions[1], shapeOf(input)[3]};
  auto poolKind = kind == Pooling::Max ? qir::PoolKind::Max : qir::PoolKind::Sum;
  Value result = qir::PoolOp::create(n.b, typeOf(input).clone(shape), poolKind, input,
                                     window->kernel, window->strides, pads, window->dilations)
                     .getResult();
  if (kind == Pooling::Average)
    result = n.binary(qir::BinaryKind::Mul, result,
                      averageFactor(n, *window, shapeOf(input).slice(1, 2)));
  return channelsLast ? result : toChannelsFirst(n, result, spatialRank);
}

Value quern::legalize::poolGlobalAverage(NodeBuilder &n, Value x, bool channelsLast) {
  if (!x)
    return nullptr;
  if (rankOf(x) < 3)
    return n.fail("expected an input of rank >= 3, found rank " + llvm::Twine(rankOf(x)));
  if (rankOf(x) == 4 && !channelsLast) {
    Value mean = n.reduce(qir::ReduceKind::Mean, toChannelsLast(n, x), {1, 2}, /*keep=*/true);
    return toChannelsFirst(n, mean, 2);
  }
  int64_t first = channelsLast ? 1 : 2;
  Dims axes = countUp(first, rankOf(x) - (channelsLast ? 1 : 0));
  return n.reduce(qir::ReduceKind::Mean, x, axes, /*keep=*/true);
}
