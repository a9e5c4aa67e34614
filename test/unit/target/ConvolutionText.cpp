// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ConvolutionText.h"

namespace quern::test {

TextValue Convolution::write(DispatchText &text) const {
  bool isFloat = element == "f32", isPadded = pads != Shape{0, 0, 0, 0};
  std::string accumulator = isFloat ? "f32" : "si32";
  TextValue x = text.input(input, element);
  std::string right = !weights.empty() ? weights : isFloat ? "f32" : "si8";
  TextValue w = text.input({outputs, kernel[0], kernel[1], input[3] / groups}, right);
  Shape shape{input[0], 0, 0, outputs};
  for (int i = 0; i < 2; ++i)
    shape[1 + i] =
        (input[1 + i] + pads[i] + pads[2 + i] - dilations[i] * (kernel[i] - 1) - 1) / strides[i] +
        1;
  // Floats are padded with 0.
  bool hasPadValue = isPadded && !isFloat;
  TextValue pad;
  if (hasPadValue)
    pad = text.input({1}, element);
  std::string op = "quern.conv " + x.name + ", " + w.name +
                   (hasPadValue ? " pad " + pad.name : "") + " strides " + list(strides) +
                   " pads " + list(pads) + " dilations " + list(dilations) + " groups " +
                   std::to_string(groups) + " : " + x.type() + ", " + w.type() +
                   (hasPadValue ? " pad " + pad.type() : "") + " -> " + tensor(shape, accumulator);
  if (!windowSum)
    return text.value(op, shape, accumulator);
  Shape sums(shape);
  sums[3] = groups;
  return text.value(op + ", " + tensor(sums, "si32"), shape, accumulator, 2);
}

std::string Convolution::accumulated() const {
  DispatchText text;
  TextValue accumulator = write(text);
  return text.finish({accumulator}, fill ? "fill " + std::to_string(fill) + " : i64" : "");
}

std::string Convolution::requantized(const std::string &output) const {
  DispatchText text;
  TextValue accumulator = write(text);
  std::string attributes = fill ? "fill " + std::to_string(fill) + " : i64" : "";
  if (!windowSum)
    return text.finish({residual ? text.requantizeWithResidual(accumulator, output)
                                 : text.requantize(accumulator, output)},
                       attributes);
  TextValue first{accumulator.name + "#0", accumulator.shape, "si32"};
  TextValue sums{accumulator.name + "#1", accumulator.shape, "si32"};
  sums.shape[3] = groups;
  TextValue m = text.input({outputs}, "f32");
  std::string sumMap = groups == outputs ? identity(4)
                       : groups == 1     ? "affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>"
                                         : "affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 1)>";
  TextValue codes =
      text.map({{first, identity(4)}, {sums, sumMap}, {m, dims(4, {3})}}, {"i32", "i32", "f32"},
               "%s = arith.subi %b0, %b1 : i32\n%f = arith.sitofp %s : i32 to f32\n"
               "%p = arith.mulf %f, %b2 : f32\n"
               "%c = quern.to_code %p zero_point 5 range [0, 250]\nquern.yield %c : i32",
               first.shape, output);
  return text.finish({codes}, attributes);
}

} // namespace quern::test
