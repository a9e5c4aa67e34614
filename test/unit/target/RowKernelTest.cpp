// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

TEST(SoftmaxKernel, Rows) {
  // More rows than go through a step together.
  for (int64_t columns : {1, 3, 16, 17, 63, 197}) {
    DispatchText text;
    TextValue x = text.input({19, columns}, "f32");
    TextValue y = text.value("quern.softmax " + x.name + " : " + x.type(), x.shape, "f32");
    expectAgreement(text.finish({y}), {.ranges = {{0, {-20, 20}}}});
  }
}

TEST(SoftmaxKernel, BetweenMaps) {
  DispatchText text;
  TextValue x = text.input({5, 65}, "si32"), s = text.input({1}, "f32");
  TextValue p = text.map({{x, identity(2)}, {s, "affine_map<(d0, d1) -> (0)>"}}, {"i32", "f32"},
                         "%f = arith.sitofp %b0 : i32 to f32\n%p = arith.mulf %f, %b1 : f32\n"
                         "quern.yield %p : f32",
                         {5, 65}, "f32");
  TextValue y = text.value("quern.softmax " + p.name + " : " + p.type(), p.shape, "f32");
  TextValue q = text.map({{y, identity(2)}}, {"f32"},
                         "%k = arith.constant 255.0 : f32\n%m = arith.mulf %b0, %k : f32\n"
                         "%c = quern.to_code %m zero_point 0 range [0, 255]\nquern.yield %c : i32",
                         {5, 65}, "ui8");
  expectAgreement(text.finish({q}));
}

TEST(LayerNormKernel, Rows) {
  for (int64_t columns : {1, 15, 16, 65, 384})
    for (std::string rms : {"", " rms"}) {
      DispatchText text;
      TextValue x = text.input({13, columns}, "f32"), s = text.input({columns}, "f32");
      TextValue b = text.input({columns}, "f32");
      TextValue y = text.value("quern.layer_norm " + x.name + ", " + s.name + ", " + b.name +
                                   " epsilon 1.0e-5" + rms + " : " + x.type() + ", " + s.type() +
                                   ", " + b.type() + " -> " + x.type(),
                               x.shape, "f32");
      expectAgreement(text.finish({y}));
    }
}

static void reduceAgrees(const std::string &kind, const Shape &shape, const Shape &axes,
                         const std::string &element, const std::string &result) {
  DispatchText text;
  TextValue x = text.input(shape, element);
  Shape reduced(shape);
  for (int64_t axis : axes)
    reduced[axis] = 1;
  TextValue y = text.value("quern.reduce " + kind + " " + x.name + " axes " + list(axes) + " : " +
                               x.type() + " -> " + tensor(reduced, result),
                           reduced, result);
  expectAgreement(text.finish({y}));
}

TEST(ReduceKernel, Axes) {
  for (const Shape &axes :
       {Shape{1, 2}, Shape{3}, Shape{0}, Shape{2}, Shape{0, 1, 2, 3}, Shape{1, 3}}) {
    reduceAgrees("mean", {2, 5, 6, 35}, axes, "f32", "f32");
    reduceAgrees("sum", {2, 5, 6, 35}, axes, "ui8", "si32");
    reduceAgrees("max", {2, 5, 6, 35}, axes, "si8", "si8");
  }
}

TEST(ReduceKernel, Kinds) {
  for (std::string kind : {"sum", "mean", "max", "min", "prod"}) {
    reduceAgrees(kind, {3, 100}, {1}, "f32", "f32");
    reduceAgrees(kind, {30, 17}, {0}, "f32", "f32");
  }
}

struct Pool {
  Shape input, kernel, strides, pads;
  std::string kind = "max", element = "ui8", result = "ui8";
};

static void poolAgrees(const Pool &pool, const Settings &settings = {}) {
  DispatchText text;
  TextValue x = text.input(pool.input, pool.element);
  Shape shape(pool.input);
  for (int i = 0; i < 2; ++i)
    shape[1 + i] =
        (pool.input[1 + i] + pool.pads[i] + pool.pads[2 + i] - pool.kernel[i]) / pool.strides[i] +
        1;
  TextValue y =
      text.value("quern.pool " + pool.kind + " " + x.name + " kernel " + list(pool.kernel) +
                     " strides " + list(pool.strides) + " pads " + list(pool.pads) +
                     " dilations [1, 1] : " + x.type() + " -> " + tensor(shape, pool.result),
                 shape, pool.result);
  expectAgreement(text.finish({y}, "fill 2 : i64"), settings);
}

TEST(PoolKernel, Kinds) {
  for (int64_t channels : {1, 17, 64, 65}) {
    Shape input{2, 8, 9, channels};
    poolAgrees({input, {3, 3}, {2, 2}, {1, 1, 1, 1}});
    poolAgrees({input, {2, 2}, {2, 2}, {0, 0, 0, 0}, "max", "si8", "si8"});
    poolAgrees({input, {3, 3}, {1, 1}, {1, 1, 1, 1}, "sum", "ui8", "si32"});
    poolAgrees({input, {3, 2}, {2, 1}, {1, 0, 1, 1}, "sum", "f32", "f32"});
    poolAgrees({input, {3, 3}, {2, 2}, {1, 1, 1, 1}, "max", "f32", "f32"});
  }
}

TEST(PoolKernel, PaddedResult) {
  poolAgrees({{2, 8, 9, 70}, {3, 3}, {2, 2}, {1, 1, 1, 1}}, {.halo = Shape{1, 1, 1, 1}, .fill = 2});
}

} // namespace
} // namespace quern::test
