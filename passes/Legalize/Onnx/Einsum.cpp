// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Einsum of one or two operands: a transposed sum, or a matrix product between transposes.

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

namespace {

/// An operand and the letter of each of its dimensions.
struct Term {
  Value value;
  std::string labels;
};

} // namespace

static bool contains(llvm::StringRef labels, char label) { return labels.contains(label); }

/// "ij,jk->ik" without its blanks; without an arrow the letters that occur once, in order.
static std::optional<std::string> readEquation(NodeBuilder &n, llvm::SmallVector<Term> &terms) {
  std::string equation = n.node.getString("equation", "").str();
  llvm::erase(equation, ' ');
  auto [left, right] = llvm::StringRef(equation).split("->");
  llvm::SmallVector<llvm::StringRef> parts;
  left.split(parts, ',');
  bool legal = parts.size() == n.node.getInputs().size();
  for (auto [i, part] : llvm::enumerate(parts)) {
    Value value = legal ? n.f32(i) : Value();
    legal = value && rankOf(value) == static_cast<int64_t>(part.size());
    for (size_t c = 0; legal && c < part.size(); ++c)
      legal = llvm::isAlpha(part[c]) && !part.drop_front(c + 1).contains(part[c]);
    if (!legal)
      break;
    terms.push_back({value, part.str()});
  }
  std::string result = right.str();
  if (legal && !llvm::StringRef(equation).contains("->"))
    for (char c = 'A'; c <= 'z'; ++c)
      if (llvm::isAlpha(c) && left.count(c) == 1)
        result += c;
  for (size_t c = 0; legal && c < result.size(); ++c)
    legal =
        left.contains(result[c]) && !llvm::StringRef(result).drop_front(c + 1).contains(result[c]);
  if (legal && terms.size() <= 2)
    return result;
  n.error() << "expected one or two operands with a different letter for each dimension, found '"
            << equation
            << "'; nearest supported form: products of two operands, one after the other";
  return std::nullopt;
}

/// Sums over the dimensions whose letters are not wanted.
static Term reduceUnwanted(NodeBuilder &n, Term term, llvm::StringRef wanted) {
  Dims axes;
  std::string kept;
  for (auto [d, label] : llvm::enumerate(term.labels))
    if (contains(wanted, label))
      kept += label;
    else
      axes.push_back(static_cast<int64_t>(d));
  if (axes.empty())
    return term;
  return {n.reduce(qir::ReduceKind::Sum, term.value, axes, /*keep=*/false), kept};
}

/// Brings dimensions into an order; constants stay stored as they are.
static Value arrange(NodeBuilder &n, const Term &term, llvm::StringRef order) {
  Dims permutation;
  for (char label : order)
    permutation.push_back(static_cast<int64_t>(term.labels.find(label)));
  return n.transposeStored(term.value, permutation);
}

static int64_t sizeOf(const Term &term, llvm::StringRef labels) {
  int64_t size = 1;
  for (char label : labels)
    size *= shapeOf(term.value)[term.labels.find(label)];
  return size;
}

/// Letters of both operands must have one size.
static bool agree(NodeBuilder &n, const Term &lhs, const Term &rhs) {
  for (char label : lhs.labels)
    if (contains(rhs.labels, label) &&
        sizeOf(lhs, llvm::StringRef(&label, 1)) != sizeOf(rhs, llvm::StringRef(&label, 1)))
      return n.fail(llvm::Twine("expected one size for the letter '") + llvm::Twine(label) +
                    "' in both operands") != nullptr;
  return true;
}

/// [batch, left, summed] by [batch, summed, right].
static Value multiply(NodeBuilder &n, const Term &lhs, const Term &rhs, llvm::StringRef result) {
  std::string batch, left, right, summed;
  for (char label : lhs.labels) {
    bool inBoth = contains(rhs.labels, label);
    (!inBoth ? left : contains(result, label) ? batch : summed) += label;
  }
  for (char label : rhs.labels)
    if (!contains(lhs.labels, label))
      right += label;
  Dims shape;
  for (char label : batch)
    shape.push_back(sizeOf(lhs, llvm::StringRef(&label, 1)));
  Dims lhsShape(shape), rhsShape(shape);
  lhsShape.append({sizeOf(lhs, left), sizeOf(lhs, summed)});
  rhsShape.append({sizeOf(rhs, summed), sizeOf(rhs, right)});
  Value product = n.matmul(n.reshapeStored(arrange(n, lhs, batch + left + summed), lhsShape),
                           n.reshapeStored(arrange(n, rhs, batch + summed + right), rhsShape));
  for (char label : left)
    shape.push_back(sizeOf(lhs, llvm::StringRef(&label, 1)));
  for (char label : right)
    shape.push_back(sizeOf(rhs, llvm::StringRef(&label, 1)));
  product = n.reshape(product, shape);
  return product ? arrange(n, {product, batch + left + right}, result) : nullptr;
}

static LogicalResult buildEinsum(NodeBuilder &n) {
  llvm::SmallVector<Term> terms;
  auto result = readEquation(n, terms);
  if (!result)
    return failure();
  if (terms.size() == 1) {
    Term sum = reduceUnwanted(n, terms[0], *result);
    return sum.value ? n.finish(arrange(n, sum, *result)) : failure();
  }
  if (!agree(n, terms[0], terms[1]))
    return failure();
  Term lhs = reduceUnwanted(n, terms[0], terms[1].labels + *result);
  Term rhs = reduceUnwanted(n, terms[1], terms[0].labels + *result);
  return lhs.value && rhs.value ? n.finish(multiply(n, lhs, rhs, *result)) : failure();
}

void quern::legalize::addEinsumRows(Rows &rows) {
  rows.push_back({onnxDomain, "Einsum", 12, latest, 1, "equation", buildEinsum});
}
