// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

static void concatAgrees(const std::vector<Shape> &shapes, int64_t axis, const std::string &element,
                         const Settings &settings = {}) {
  DispatchText text;
  std::string names, types;
  Shape result(shapes.front());
  result[axis] = 0;
  for (const Shape &shape : shapes) {
    TextValue x = text.input(shape, element);
    names += (names.empty() ? "" : ", ") + x.name;
    types += (types.empty() ? "" : ", ") + x.type();
    result[axis] += shape[axis];
  }
  TextValue y = text.value("quern.concat " + names + " axis " + std::to_string(axis) + " : " +
                               types + " -> " + tensor(result, element),
                           result, element);
  expectAgreement(text.finish({y}), settings);
}

TEST(ConcatKernel, Axes) {
  concatAgrees({{1, 4, 5, 16}, {1, 4, 5, 3}, {1, 4, 5, 65}}, 3, "ui8");
  concatAgrees({{1, 4, 5, 16}, {1, 2, 5, 16}}, 1, "f32");
  concatAgrees({{1, 17}, {3, 17}}, 0, "si32");
  concatAgrees({{2, 4, 5, 16}, {2, 4, 5, 3}}, 3, "ui8", {.halo = Shape{1, 1, 1, 1}});
}

TEST(PadKernel, Borders) {
  for (int64_t channels : {1, 17, 64}) {
    DispatchText text;
    TextValue x = text.input({2, 4, 5, channels}, "ui8"), v = text.input({1}, "ui8");
    Shape shape{2, 7, 9, channels};
    TextValue y =
        text.value("quern.pad " + x.name + ", " + v.name + " low [0, 1, 3, 0] : " + x.type() +
                       ", " + v.type() + " -> " + tensor(shape, "ui8"),
                   shape, "ui8");
    expectAgreement(text.finish({y}));
  }
}

TEST(GatherKernel, Axes) {
  for (int64_t axis : {0, 1, 2})
    for (std::string index : {"si32", "si64"}) {
      DispatchText text;
      TextValue x = text.input({6, 7, 18}, "f32"), i = text.input({2, 3}, index);
      Shape shape;
      for (int64_t d = 0; d < 3; ++d) {
        if (d == axis)
          shape.insert(shape.end(), {2, 3});
        else
          shape.push_back(x.shape[d]);
      }
      TextValue y =
          text.value("quern.gather " + x.name + ", " + i.name + " axis " + std::to_string(axis) +
                         " : " + x.type() + ", " + i.type() + " -> " + tensor(shape, "f32"),
                     shape, "f32");
      // Indices outside are clamped.
      expectAgreement(text.finish({y}), {.ranges = {{1, {-9, 9}}}});
    }
}

} // namespace
} // namespace quern::test
