// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

const char quantizeBody[] =
    "%p = arith.mulf %b0, %b1 : f32\n"
    "%c = quern.to_code %p zero_point 3 range [0, 255]\nquern.yield %c : i32";

TEST(MapKernel, Quantize) {
  for (int64_t count : {1, 3, 17, 63, 65, 5000}) {
    DispatchText text;
    TextValue x = text.input({2, count}, "f32"), s = text.input({1}, "f32");
    TextValue q = text.map({{x, identity(2)}, {s, "affine_map<(d0, d1) -> (0)>"}}, {"f32", "f32"},
                           quantizeBody, {2, count}, "ui8");
    expectAgreement(text.finish({q}), {.ranges = {{0, {-100, 100}}, {1, {1, 2}}}});
  }
}

TEST(MapKernel, HugeValuesAreClamped) {
  DispatchText text;
  TextValue x = text.input({3, 50}, "f32"), s = text.input({1}, "f32");
  TextValue q = text.map({{x, identity(2)}, {s, "affine_map<(d0, d1) -> (0)>"}}, {"f32", "f32"},
                         quantizeBody, {3, 50}, "ui8");
  expectAgreement(text.finish({q}), {.ranges = {{0, {-1e30, 1e30}}, {1, {1e9, 1e10}}}});
}

TEST(MapKernel, DynamicZeroPoint) {
  DispatchText text;
  TextValue x = text.input({3, 70}, "f32"), z = text.input({1}, "ui8");
  TextValue q =
      text.map({{x, identity(2)}, {z, "affine_map<(d0, d1) -> (0)>"}}, {"f32", "i32"},
               "%c = quern.to_code %b0 zero_point %b1 + 0 range [0, 255]\nquern.yield %c : i32",
               {3, 70}, "ui8");
  expectAgreement(text.finish({q}), {.ranges = {{0, {-200, 200}}}});
}

TEST(MapKernel, Dequantize) {
  DispatchText text;
  TextValue x = text.input({3, 5, 33}, "si8"), s = text.input({33}, "f32");
  TextValue y = text.map({{x, identity(3)}, {s, dims(3, {2})}}, {"i32", "f32"},
                         "%f = arith.sitofp %b0 : i32 to f32\n%p = arith.mulf %f, %b1 : f32\n"
                         "quern.yield %p : f32",
                         {3, 5, 33}, "f32");
  expectAgreement(text.finish({y}));
}

TEST(MapKernel, AddCodesToPaddedResult) {
  DispatchText text;
  TextValue x = text.input({2, 5, 6, 35}, "ui8"), y = text.input({2, 5, 6, 35}, "ui8");
  TextValue z =
      text.map({{x, identity(4)}, {y, identity(4)}}, {"i32", "i32"},
               "%s = arith.addi %b0, %b1 : i32\n%f = arith.sitofp %s : i32 to f32\n"
               "%c = quern.to_code %f zero_point -60 range [0, 255] bounded\nquern.yield %c : i32",
               {2, 5, 6, 35}, "ui8");
  expectAgreement(text.finish({z}));
  expectAgreement(text.finish({z}, "fill 4 : i64"), {.halo = Shape{1, 1, 1, 1}, .fill = 4});
}

TEST(MapKernel, Permuted) {
  DispatchText text;
  TextValue x = text.input({3, 17, 20}, "f32");
  TextValue y = text.map({{x, "affine_map<(d0, d1, d2) -> (d1, d2, d0)>"}}, {"f32"},
                         "quern.yield %b0 : f32", {20, 3, 17}, "f32");
  expectAgreement(text.finish({y}));
}

TEST(MapKernel, StridedSlice) {
  DispatchText text;
  TextValue x = text.input({8, 40}, "ui8");
  TextValue y = text.map({{x, "affine_map<(d0, d1) -> (d0 * 2 + 1, d1 * 2)>"}}, {"i32"},
                         "quern.yield %b0 : i32", {4, 20}, "ui8");
  expectAgreement(text.finish({y}));
}

TEST(TableKernel, CodesToCodes) {
  for (int64_t count : {1, 17, 63, 64, 65, 4500})
    for (std::string element : {"ui8", "si8"}) {
      DispatchText text;
      TextValue x = text.input({2, count}, element), t = text.input({256}, "ui8");
      TextValue y = text.value("quern.table " + x.name + ", " + t.name + " : " + x.type() + ", " +
                                   t.type() + " -> " + tensor({2, count}, "ui8"),
                               {2, count}, "ui8");
      expectAgreement(text.finish({y}));
    }
}

} // namespace
} // namespace quern::test
