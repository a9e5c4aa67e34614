// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Image.h"

#include <algorithm>
#include <cmath>

namespace quern::data {

namespace {

/// Which inputs make one output position of a resize, and how much of each.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};

} // namespace

static std::vector<Taps> makeTaps(int64_t from, int64_t to) {
  double ratio = static_cast<double>(from) / static_cast<double>(to);
  double support = std::max(ratio, 1.0);
  std::vector<Taps> result(to);
  for (int64_t i = 0; i < to; ++i) {
    double center = (static_cast<double>(i) + 0.5) * ratio;
    auto first = std::max<int64_t>(0, static_cast<int64_t>(std::trunc(center - support + 0.5)));
    auto last = std::min<int64_t>(from, static_cast<int64_t>(std::trunc(center + support + 0.5)));
    Taps &taps = result[i];
    taps.first = first;
    double sum = 0;
    for (int64_t x = first; x < last; ++x) {
      double distance = std::abs((static_cast<double>(x) - center + 0.5) / support);
      taps.weights.push_back(std::max(0.0, 1.0 - distance));
      sum += taps.weights.back();
    }
    for (double &weight : taps.weights)
      weight /= sum;
  }
  return result;
}

/// Resizes the middle dimension of pixels seen as [outer, from, inner].
static std::vector<uint8_t> resizeAxis(const std::vector<uint8_t> &pixels, int64_t outer,
                                       int64_t from, int64_t inner, int64_t to) {
  if (from == to)
    return pixels;
  std::vector<Taps> taps = makeTaps(from, to);
  std::vector<uint8_t> result(static_cast<size_t>(outer) * to * inner);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < to; ++i)
      for (int64_t c = 0; c < inner; ++c) {
        double sum = 0.5;
        for (size_t t = 0; t < taps[i].weights.size(); ++t)
          sum += taps[i].weights[t] *
                 pixels[(o * from + taps[i].first + static_cast<int64_t>(t)) * inner + c];
        result[(o * to + i) * inner + c] = static_cast<uint8_t>(std::clamp(sum, 0.0, 255.0));
      }
  return result;
}

Image resizeImage(const Image &image, int64_t height, int64_t width) {
  Image result = {height, width, image.channels, {}};
  std::vector<uint8_t> rows =
      resizeAxis(image.pixels, image.height, image.width, image.channels, width);
  result.pixels = resizeAxis(rows, 1, image.height, width * image.channels, height);
  return result;
}

Image cropImage(const Image &image, int64_t height, int64_t width) {
  Image result = {height, width, image.channels, {}};
  int64_t top = (image.height - height) / 2, left = (image.width - width) / 2;
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t *row = image.pixels.data() + ((top + y) * image.width + left) * image.channels;
    result.pixels.insert(result.pixels.end(), row, row + width * image.channels);
  }
  return result;
}

} // namespace quern::data
