// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/FakeTarget.h"

#include "passes/Codegen/DispatchParts.h"
#include "passes/Interfaces/TargetRegistry.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quern {

static constexpr int64_t columns = 16;
static constexpr int64_t depth = 4;

namespace {

/// A right operand as `batches` matrices of `n` columns and reduction size `k`.
struct Matrix {
  int64_t batches, k, n;
  bool transposed; ///< in memory [n, k], else [k, n]
  explicit Matrix(Operation *anchor);
  int64_t panels() const { return llvm::divideCeil(n, columns); }
  int64_t quads() const { return llvm::divideCeil(k, depth); }
  int64_t packedBytes() const { return batches * panels() * quads() * columns * depth; }
};

class FakeTarget : public TargetModel {
public:
  llvm::StringRef getName() const override { return "fake"; }
  bool wantsPaddedInputs() const override { return true; }
  bool readsHalo(Operation *) const override { return true; }
  bool takesFollower(Operation *, Operation *) const override { return true; }
  qir::PackedAttr getPackedForm(Operation *anchor) const override;
  std::vector<char> pack(Operation *anchor, qir::PackedAttr form,
                         llvm::ArrayRef<char> bytes) const override;
  DictionaryAttr chooseTile(qir::DispatchOp dispatch) const override;
  int64_t getUnits(qir::DispatchOp dispatch) const override;
};

} // namespace

Matrix::Matrix(Operation *anchor) {
  auto type = llvm::cast<RankedTensorType>(getRightOperand(anchor).get().getType());
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(anchor);
  transposed = !matmul || matmul.getTransposeRhs();
  int64_t rank = type.getRank();
  n = matmul ? type.getDimSize(rank - (transposed ? 2 : 1)) : type.getDimSize(0);
  k = matmul ? type.getDimSize(rank - (transposed ? 1 : 2)) : type.getNumElements() / n;
  batches = matmul ? type.getNumElements() / (n * k) : 1;
}

qir::PackedAttr FakeTarget::getPackedForm(Operation *anchor) const {
  auto conv = llvm::dyn_cast<qir::ConvOp>(anchor);
  bool isInteger = conv ? conv.isInteger() : llvm::cast<qir::MatMulOp>(anchor).isInteger();
  if (!isInteger || (conv && conv.isDepthwise()))
    return {};
  return qir::PackedAttr::get(anchor->getContext(), "fake", columns, depth,
                              Matrix(anchor).packedBytes());
}

std::vector<char> FakeTarget::pack(Operation *anchor, qir::PackedAttr form,
                                   llvm::ArrayRef<char> bytes) const {
  Matrix matrix(anchor);
  std::vector<char> packed(form.getBytes(), 0);
  for (int64_t batch = 0; batch < matrix.batches; ++batch)
    for (int64_t k = 0; k < matrix.k; ++k)
      for (int64_t n = 0; n < matrix.n; ++n) {
        int64_t from = matrix.transposed ? n * matrix.k + k : k * matrix.n + n;
        int64_t quad = (batch * matrix.panels() + n / columns) * matrix.quads() + k / depth;
        packed[(quad * columns + n % columns) * depth + k % depth] =
            bytes[batch * matrix.k * matrix.n + from];
      }
  return packed;
}

DictionaryAttr FakeTarget::chooseTile(qir::DispatchOp dispatch) const {
  if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(DispatchParts::of(dispatch).anchor))
    return {};
  Builder builder(dispatch.getContext());
  return builder.getDictionaryAttr({builder.getNamedAttr("m", builder.getI64IntegerAttr(6)),
                                    builder.getNamedAttr("n", builder.getI64IntegerAttr(columns))});
}

int64_t FakeTarget::getUnits(qir::DispatchOp dispatch) const {
  auto type = llvm::cast<RankedTensorType>(dispatch->getResult(0).getType());
  int64_t rows = 1;
  for (int64_t extent : type.getShape().drop_back(type.getRank() > 0 ? 1 : 0))
    rows *= extent;
  return rows;
}

std::unique_ptr<TargetModel> makeFakeTarget() { return std::make_unique<FakeTarget>(); }

void registerFakeTarget() { registerTargetModel("fake", makeFakeTarget); }

} // namespace quern
