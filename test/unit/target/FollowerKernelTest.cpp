// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Contractions that go on with a table or softmax, against the two dispatches that they
/// stand for.

#include "KernelHarness.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

/// Which of the ops a dispatch holds.
enum class Part { Whole, Contraction, Follower };

/// Scores of queries [.., M, K] and keys [.., N, K], or [M, K] and [N, K]; their softmax.
struct Attention {
  Shape queries, keys;
  std::string element = "ui8";
  bool sums = false;   ///< of the queries, subtracted from the scores
  bool rounds = true;  ///< the scores are rounded to codes and back, and a mask is added
  bool scaled = true;  ///< a map stands between product and softmax
  bool asCodes = true; ///< the probabilities are rounded to codes

  std::string text(Part part) const;
  TextValue scores(DispatchText &text) const;
  Shape shape() const {
    Shape shape(queries);
    shape.back() = keys[keys.size() - 2];
    return shape;
  }
};

/// The affine map of so many dimensions to these expressions.
std::string access(int64_t rank, const std::string &expressions) {
  std::string all = identity(rank);
  return all.substr(0, all.find("->")) + "-> (" + expressions + ")>";
}

TextValue Attention::scores(DispatchText &text) const {
  bool isFloat = element == "f32";
  std::string accumulator = isFloat ? "f32" : "si32";
  TextValue q = text.input(queries, element), k = text.input(keys, isFloat ? "f32" : "si8");
  auto rank = static_cast<int64_t>(queries.size());
  Shape rows(queries);
  rows.back() = 1;
  std::string op = "quern.matmul " + q.name + ", " + k.name + " transposed : " + q.type() + ", " +
                   k.type() + " -> " + tensor(shape(), accumulator);
  if (!scaled)
    return text.value(op, shape(), accumulator);
  TextValue product, sum;
  if (sums) {
    product = text.value(op + " lhs_sum " + tensor(rows, "si32"), shape(), accumulator, 2);
    sum = {product.name + "#1", rows, "si32"};
    product.name += "#0";
  } else {
    product = text.value(op, shape(), accumulator);
  }
  TextValue scale = text.input({1}, "f32"), mask = text.input({1, shape().back()}, "f32");
  std::string last = "d" + std::to_string(rank - 1), outer;
  for (int64_t d = 0; d + 1 < rank; ++d)
    outer += "d" + std::to_string(d) + ", ";
  std::vector<std::pair<TextValue, std::string>> inputs{
      {product, identity(rank)}, {scale, access(rank, "0")}, {mask, access(rank, "0, " + last)}};
  std::vector<std::string> scalars{isFloat ? "f32" : "i32", "f32", "f32"};
  std::string body = isFloat ? "%p = arith.mulf %b0, %b1 : f32\n" : "";
  if (sums) {
    inputs.push_back({sum, access(rank, outer + "0")});
    scalars.push_back("i32");
    body += "%s = arith.subi %b0, %b3 : i32\n";
  }
  if (!isFloat)
    body += "%f = arith.sitofp " + std::string(sums ? "%s" : "%b0") +
            " : i32 to f32\n%p = arith.mulf %f, %b1 : f32\n";
  if (rounds)
    body += "%c = quern.to_code %p zero_point 3 range [0, 255]\n%z = arith.constant 3 : i32\n"
            "%i = arith.subi %c, %z : i32\n%g = arith.sitofp %i : i32 to f32\n"
            "%h = arith.mulf %g, %b1 : f32\n%y = arith.addf %h, %b2 : f32\nquern.yield %y : f32";
  else
    body += "quern.yield %p : f32";
  return text.map(inputs, scalars, body, shape(), "f32");
}

std::string Attention::text(Part part) const {
  DispatchText text;
  TextValue s = part == Part::Follower ? text.input(shape(), "f32") : scores(text);
  if (part == Part::Contraction)
    return text.finish({s});
  TextValue p = text.value("quern.softmax " + s.name + " : " + s.type(), s.shape, "f32");
  if (!asCodes)
    return text.finish({p});
  TextValue factor = text.input({1}, "f32");
  auto rank = static_cast<int64_t>(queries.size());
  TextValue codes =
      text.map({{p, identity(rank)}, {factor, access(rank, "0")}}, {"f32", "f32"},
               "%k = arith.constant 25500.0 : f32\n%s = arith.mulf %b1, %k : f32\n"
               "%m = arith.mulf %b0, %s : f32\n"
               "%c = quern.to_code %m zero_point 0 range [0, 255]\nquern.yield %c : i32",
               p.shape, "ui8");
  return text.finish({codes});
}

void expectAttention(const Attention &attention) {
  expectAgreement(attention.text(Part::Whole),
                  {attention.text(Part::Contraction), attention.text(Part::Follower)},
                  {.ranges = {{2, {0.00005, 0.0005}}}});
}

TEST(SoftmaxOfScores, SequenceLengths) {
  for (int64_t length : {1, 7, 16, 33, 128, 197, 384})
    expectAttention({{2, length, 24}, {2, length, 24}});
}

TEST(SoftmaxOfScores, OneMatrix) {
  expectAttention({{13, 20}, {50, 20}});
  expectAttention({{1, 64}, {300, 64}}); // would be divided by columns
  expectAttention({{5, 8, 20}, {50, 20}});
}

TEST(SoftmaxOfScores, SumsOfQueries) {
  Attention attention{{3, 9, 20}, {3, 31, 20}};
  attention.sums = true;
  expectAttention(attention);
}

TEST(SoftmaxOfScores, Float) {
  Attention attention{{2, 11, 9}, {2, 21, 9}, "f32"};
  expectAttention(attention);
  attention.asCodes = attention.rounds = false;
  expectAttention(attention);
  attention.scaled = false;
  expectAttention(attention);
}

/// A product whose codes go through a table.
std::string tabled(const Shape &lhs, int64_t columns, const std::string &codes,
                   const std::string &entries, Part part) {
  DispatchText text;
  Shape shape(lhs);
  shape.back() = columns;
  TextValue y;
  if (part == Part::Follower) {
    y = text.input(shape, codes);
  } else {
    TextValue x = text.input(lhs, "ui8"), w = text.input({lhs.back(), columns}, "si8");
    TextValue product = text.value("quern.matmul " + x.name + ", " + w.name + " : " + x.type() +
                                       ", " + w.type() + " -> " + tensor(shape, "si32"),
                                   shape, "si32");
    y = text.requantize(product, codes);
  }
  if (part == Part::Contraction)
    return text.finish({y});
  TextValue table = text.input({256}, entries);
  TextValue z = text.value("quern.table " + y.name + ", " + table.name + " : " + y.type() + ", " +
                               table.type() + " -> " + tensor(shape, entries),
                           shape, entries);
  return text.finish({z});
}

TEST(TableOfCodes, Products) {
  for (const char *codes : {"ui8", "si8"})
    for (int64_t columns : {1, 16, 17, 40, 64, 100, 192}) {
      std::string entries = columns % 2 == 0 ? "ui8" : "si8";
      auto text = [&](Part part) { return tabled({9, 37}, columns, codes, entries, part); };
      expectAgreement(text(Part::Whole), {text(Part::Contraction), text(Part::Follower)}, {});
    }
}

} // namespace
} // namespace quern::test
