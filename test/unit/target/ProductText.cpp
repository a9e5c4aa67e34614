// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ProductText.h"

namespace quern::test {

std::string Product::text(const std::string &output) const {
  DispatchText dispatch;
  bool isFloat = element == "f32";
  std::string accumulator = isFloat ? "f32" : "si32";
  std::string right = !weights.empty() ? weights : isFloat ? "f32" : "si8";
  TextValue a = dispatch.input(lhs, element), w = dispatch.input(rhs, right);
  Shape shape(lhs), sums(lhs);
  shape.back() = isTransposed ? rhs[rhs.size() - 2] : rhs.back();
  sums.back() = 1;
  std::string op = "quern.matmul " + a.name + ", " + w.name + (isTransposed ? " transposed" : "") +
                   " : " + a.type() + ", " + w.type() + " -> " + tensor(shape, accumulator);
  if (!leftSum) {
    TextValue product = dispatch.value(op, shape, accumulator);
    return dispatch.finish(
        {output == accumulator ? product : dispatch.requantize(product, output)});
  }
  TextValue both = dispatch.value(op + " lhs_sum " + tensor(sums, "si32"), shape, accumulator, 2);
  TextValue product{both.name + "#0", shape, "si32"}, sum{both.name + "#1", sums, "si32"};
  TextValue m = dispatch.input({shape[1]}, "f32");
  TextValue codes = dispatch.map(
      {{product, identity(2)}, {sum, "affine_map<(d0, d1) -> (d0, 0)>"}, {m, dims(2, {1})}},
      {"i32", "i32", "f32"},
      "%s = arith.subi %b0, %b1 : i32\n%f = arith.sitofp %s : i32 to f32\n"
      "%p = arith.mulf %f, %b2 : f32\n"
      "%c = quern.to_code %p zero_point 128 range [0, 255]\nquern.yield %c : i32",
      shape, output);
  return dispatch.finish({codes});
}

std::string BlockedProduct::text() const {
  DispatchText dispatch;
  int64_t depth = lhs.back(), blocks = depth / block;
  Shape shape(lhs), left(lhs), matrix{depth, columns};
  shape.back() = columns;
  left.back() = blocks;
  if (isTransposed)
    std::swap(matrix[0], matrix[1]);
  TextValue a = dispatch.input(lhs, "si8"), w = dispatch.input(matrix, weights);
  std::string operands = a.name + ", " + w.name + (isTransposed ? " transposed" : "") + " blocks " +
                         std::to_string(block),
              types = a.type() + ", " + w.type();
  auto add = [&](const std::string &name, const Shape &of, const std::string &element) {
    TextValue value = dispatch.input(of, element);
    operands += " " + name + " " + value.name;
    types += " " + name + " " + value.type();
  };
  add("scales", {blocks, columns}, "f32");
  if (zeros != None)
    add("zeros", zeros == Shared ? Shape{1} : Shape{blocks, columns}, weights);
  if (leftScales)
    add("lhs_scales", left, "f32");
  add("lhs_sums", left, "si32");
  return dispatch.finish({dispatch.value(
      "quern.matmul " + operands + " : " + types + " -> " + tensor(shape, "f32"), shape, "f32")});
}

} // namespace quern::test
