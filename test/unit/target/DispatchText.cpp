// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DispatchText.h"

#include "llvm/ADT/STLExtras.h"

namespace quern::test {

template <typename Range, typename Function>
static std::string join(const Range &range, Function function) {
  std::string text;
  for (const auto &item : range)
    text += (text.empty() ? "" : ", ") + function(item);
  return text;
}

std::string tensor(const Shape &shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string list(const Shape &values) {
  return "[" + join(values, [](int64_t value) { return std::to_string(value); }) + "]";
}

std::string dims(int64_t rank, const Shape &kept) {
  auto name = [](int64_t d) { return "d" + std::to_string(d); };
  return "affine_map<(" + join(llvm::seq<int64_t>(0, rank), name) + ") -> (" + join(kept, name) +
         ")>";
}

std::string identity(int64_t rank) {
  Shape all(rank);
  for (int64_t d = 0; d < rank; ++d)
    all[d] = d;
  return dims(rank, all);
}

TextValue DispatchText::input(const Shape &shape, const std::string &element) {
  inputs.push_back({"%a" + std::to_string(inputs.size()), shape, element});
  return inputs.back();
}

TextValue DispatchText::value(const std::string &text, const Shape &shape,
                              const std::string &element, int results) {
  TextValue result{"%v" + std::to_string(next++), shape, element};
  std::string count = results == 1 ? "" : ":" + std::to_string(results);
  body += "    " + result.name + count + " = " + text + "\n";
  return result;
}

TextValue DispatchText::map(const std::vector<std::pair<TextValue, std::string>> &operands,
                            const std::vector<std::string> &scalars, const std::string &lines,
                            const Shape &shape, const std::string &element) {
  std::string arguments;
  for (size_t i = 0; i < scalars.size(); ++i)
    arguments += (i ? ", " : "") + ("%b" + std::to_string(i) + ": " + scalars[i]);
  std::string text = "quern.map ins(" + join(operands, [](auto &o) { return o.first.name; }) +
                     " : " + join(operands, [](auto &o) { return o.first.type(); }) + ") maps [" +
                     join(operands, [](auto &o) { return o.second; }) + "] {\n^bb0(" + arguments +
                     "):\n" + lines + "\n} -> " + tensor(shape, element);
  return value(text, shape, element);
}

static std::string rangeOf(const std::string &element) {
  return element == "si8" ? "zero_point -3 range [-120, 127]" : "zero_point 5 range [0, 250]";
}

TextValue DispatchText::requantize(const TextValue &accumulator, const std::string &element) {
  auto rank = static_cast<int64_t>(accumulator.shape.size());
  TextValue k = input({accumulator.shape.back()}, "si32"),
            m = input({accumulator.shape.back()}, "f32");
  return map(
      {{accumulator, identity(rank)}, {k, dims(rank, {rank - 1})}, {m, dims(rank, {rank - 1})}},
      {"i32", "i32", "f32"},
      "%s = arith.addi %b0, %b1 : i32\n%f = arith.sitofp %s : i32 to f32\n"
      "%p = arith.mulf %f, %b2 : f32\n%c = quern.to_code %p " +
          rangeOf(element) + "\nquern.yield %c : i32",
      accumulator.shape, element);
}

TextValue DispatchText::requantizeWithResidual(const TextValue &accumulator,
                                               const std::string &element) {
  auto rank = static_cast<int64_t>(accumulator.shape.size());
  TextValue k = input({accumulator.shape.back()}, "si32"),
            m = input({accumulator.shape.back()}, "f32");
  TextValue r = input(accumulator.shape, "ui8");
  return map({{accumulator, identity(rank)},
              {k, dims(rank, {rank - 1})},
              {m, dims(rank, {rank - 1})},
              {r, identity(rank)}},
             {"i32", "i32", "f32", "i32"},
             "%s = arith.addi %b0, %b1 : i32\n%f = arith.sitofp %s : i32 to f32\n"
             "%p = arith.mulf %f, %b2 : f32\n%g = arith.sitofp %b3 : i32 to f32\n"
             "%h = arith.addf %p, %g : f32\n%c = quern.to_code %h " +
                 rangeOf(element) + "\nquern.yield %c : i32",
             accumulator.shape, element);
}

std::string DispatchText::finish(const std::vector<TextValue> &results,
                                 const std::string &attributes) const {
  auto types = [](const std::vector<TextValue> &values) {
    return join(values, [](const TextValue &value) { return value.type(); });
  };
  auto outer = [](const TextValue &value) { return "%x" + value.name.substr(2); };
  std::string n = std::to_string(results.size());
  std::string text = "func.func @main(";
  text += join(inputs, [&](const TextValue &value) { return outer(value) + ": " + value.type(); });
  text += ") -> (" + types(results) + ") {\n  %r:" + n + " = quern.dispatch ins(" +
          join(inputs, outer) + " : " + types(inputs) + ") " + attributes + " {\n  ^bb0(" +
          join(inputs, [](const TextValue &value) { return value.name + ": " + value.type(); }) +
          "):\n";
  text += body + "    quern.return " +
          join(results, [](const TextValue &value) { return value.name; }) + " : " +
          types(results) + "\n  } -> " + types(results) + "\n  return ";
  std::string returned;
  for (size_t i = 0; i < results.size(); ++i)
    returned += (i ? ", " : "") + ("%r#" + std::to_string(i));
  return text + returned + " : " + types(results) + "\n}\n";
}

} // namespace quern::test
