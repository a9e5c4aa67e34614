// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_DISPATCHTEXT_H
#define QUERN_TEST_UNIT_TARGET_DISPATCHTEXT_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace quern::test {

using Shape = std::vector<int64_t>;

/// "tensor<1x2xui8>"
std::string tensor(const Shape &shape, const std::string &element);
/// "[1, 2]"
std::string list(const Shape &values);
/// The affine map of `rank` dimensions that keeps these: "affine_map<(d0, d1) -> (d1)>".
std::string dims(int64_t rank, const Shape &kept);
std::string identity(int64_t rank);

/// A value of the text: its name and its type.
struct TextValue {
  std::string name;
  Shape shape;
  std::string element;
  std::string type() const { return tensor(shape, element); }
};

/// Writes a module whose @main is one dispatch, without encodings.
class DispatchText {
public:
  TextValue input(const Shape &shape, const std::string &element);
  /// A value that `text` (behind "%name = ") computes; with several `results` the name needs a
  /// number ("%v0#1").
  TextValue value(const std::string &text, const Shape &shape, const std::string &element,
                  int results = 1);
  /// A map: inputs and their affine maps; `body` uses %b0, %b1, … and ends in a yield.
  TextValue map(const std::vector<std::pair<TextValue, std::string>> &operands,
                const std::vector<std::string> &scalars, const std::string &body,
                const Shape &shape, const std::string &element);
  /// code = to_code(float(acc + k[c]) * m[c]); adds the inputs k and m.
  TextValue requantize(const TextValue &accumulator, const std::string &element);
  /// The same, with another tensor of codes added behind.
  TextValue requantizeWithResidual(const TextValue &accumulator, const std::string &element);

  /// `attributes` stand before the body: "fill 3 : i64".
  std::string finish(const std::vector<TextValue> &results,
                     const std::string &attributes = "") const;

private:
  std::vector<TextValue> inputs;
  std::string body;
  int next = 0;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_DISPATCHTEXT_H
