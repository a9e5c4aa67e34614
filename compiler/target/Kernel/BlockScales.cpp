// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/BlockScales.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cstring>

using namespace mlir;

namespace quern {

static constexpr llvm::StringLiteral formName = "blocks";

static int64_t countVectors(const ContractionShape &shape, const DotKernel &dot) {
  return (shape.channels + dot.lanes() - 1) / dot.lanes();
}

BlockScales::BlockScales(const EmitContext &context, const ContractionShape &shape,
                         const DotKernel &dot)
    : b(context.b), shape(shape), dot(dot) {
  auto matmul = llvm::dyn_cast<qir::MatMulOp>(context.view.anchor);
  if (!matmul || !matmul.getScales())
    return;
  scales = context.view.input(matmul.getScales());
  auto bind = [&](Value value) {
    return value ? std::optional<Buffer>(context.view.input(value)) : std::nullopt;
  };
  zeros = bind(matmul.getZeroPoints());
  lhsScales = bind(matmul.getLhsScales());
  lhsSums = bind(matmul.getLhsSums());
}

/// The first element of the panel's columns in [blocks, columns], or in the packed order.
Value BlockScales::panelOffset(const Buffer &buffer, const ContractionPanel &panel, Value block) {
  auto form = llvm::dyn_cast_if_present<qir::PackedAttr>(buffer.type.getEncoding());
  if (form && isForm(form))
    return b.add(b.mul(panel.firstVector, shape.kernelRows * dot.lanes()),
                 b.mul(block, panel.vectors * dot.lanes()));
  return b.add(b.mul(block, shape.channels), b.mul(panel.firstVector, dot.lanes()));
}

void BlockScales::load(const ContractionPanel &panel, Value block) {
  panelScales.clear();
  panelZeros.clear();
  if (!scales)
    return;
  int64_t lanes = dot.lanes();
  bool isPacked = scales->type.getEncoding() != nullptr;
  bool isShared = zeros && zeros->type.getNumElements() == 1;
  Type word = b.getI32Type();
  for (int64_t v = 0; v < panel.vectors; ++v) {
    int64_t valid = v + 1 == panel.vectors ? panel.valid : lanes;
    auto loadVector = [&](const Buffer &buffer) {
      Value offset = b.add(panelOffset(buffer, panel, block), v * lanes);
      if (!isPacked)
        return b.loadRaw(buffer.memref, offset, lanes, valid);
      // The buffer is one of bytes, and its vectors are whole.
      int64_t size = getElementBytes(buffer.element());
      Value bytes = b.loadRaw(buffer.memref, b.mul(offset, size), lanes * size, lanes * size);
      return b.bitcast(bytes, VectorType::get({lanes}, getMemoryType(buffer.element())));
    };
    panelScales.push_back(loadVector(*scales));
    if (!zeros)
      continue;
    Value raw =
        isShared ? b.splat(b.loadRaw(zeros->memref, b.index(0), 1, 1), lanes) : loadVector(*zeros);
    Value zero = b.toCompute(raw, zeros->element());
    panelZeros.push_back(
        hasBlockSums()
            ? arith::SubIOp::create(b, b.integer(VectorType::get({lanes}, word), 0), zero)
                  .getResult()
            : arith::SIToFPOp::create(b, VectorType::get({lanes}, b.getF32Type()), zero)
                  .getResult());
  }
}

SmallVector<Value> BlockScales::scaleWeights(int64_t vector, SmallVector<Value> weights) {
  if (!scales)
    return weights;
  Value value = weights.front();
  if (zeros)
    value = arith::SubFOp::create(b, value, panelZeros[vector]);
  return {arith::MulFOp::create(b, value, panelScales[vector])};
}

/// The element of [.., rows, blocks] in all lanes.
Value BlockScales::loadOfPixel(const Buffer &buffer, const PixelTile &tile, int64_t pixel,
                               Value block) {
  // Rows are walked as those of the left operand, which has the same dimensions before its last.
  LinearAccess access = LinearAccess::of(Layout::of(buffer.type));
  SmallVector<Value> rows(tile.row);
  int64_t step = shape.kernelRows;
  access.coefficients.truncate(rows.size());
  Value offset = b.add(access.offset(b, rows), b.mul(tile.column, step));
  offset = b.add(b.add(offset, pixel * step), block);
  return b.splat(b.loadRaw(buffer.memref, offset, 1, 1), dot.lanes());
}

SmallVector<Value> BlockScales::start(const ContractionPanel &panel, const PixelTile &tile,
                                      Value block) {
  Value nothing = b.integer(VectorType::get({dot.lanes()}, b.getI32Type()), 0);
  SmallVector<Value> sums;
  for (int64_t pixel = 0; pixel < tile.count; ++pixel) {
    if (!zeros) {
      sums.append(panel.vectors, nothing);
      continue;
    }
    Value sum = loadOfPixel(*lhsSums, tile, pixel, block);
    bool isShared = zeros->type.getNumElements() == 1;
    Value product = arith::MulIOp::create(b, sum, panelZeros.front());
    for (int64_t v = 0; v < panel.vectors; ++v)
      sums.push_back(isShared || v == 0 ? product
                                        : arith::MulIOp::create(b, sum, panelZeros[v]).getResult());
  }
  return sums;
}

SmallVector<Value> BlockScales::add(const ContractionPanel &panel, const PixelTile &tile,
                                    Value block, ValueRange sums, ValueRange results) {
  Type real = VectorType::get({dot.lanes()}, b.getF32Type());
  SmallVector<Value> next;
  for (int64_t pixel = 0; pixel < tile.count; ++pixel) {
    Value left = lhsScales ? loadOfPixel(*lhsScales, tile, pixel, block) : Value();
    for (int64_t v = 0; v < panel.vectors; ++v) {
      int64_t at = pixel * panel.vectors + v;
      Value scale = panelScales[v];
      if (left)
        scale = arith::MulFOp::create(b, left, scale);
      Value sum = arith::SIToFPOp::create(b, real, sums[at]);
      next.push_back(math::FmaOp::create(b, sum, scale, results[at]));
    }
  }
  return next;
}

//===-- Packing ----------------------------------------------------------------------------===//

bool BlockScales::isForm(qir::PackedAttr form) { return form.getForm() == formName; }

qir::PackedAttr BlockScales::getForm(qir::MatMulOp matmul, Value parameter, qir::PackedAttr weights,
                                     const DotKernel &dot) {
  auto type = llvm::cast<RankedTensorType>(parameter.getType());
  ContractionShape shape = ContractionShape::ofWeights(matmul);
  if (type.getNumElements() == 1 || !matmul.isBlockedInteger())
    return {};
  int64_t bytes = countVectors(shape, dot) * dot.lanes() * shape.kernelRows *
                  getElementBytes(type.getElementType());
  return qir::PackedAttr::get(matmul.getContext(), formName, weights.getColumns(), 1, bytes);
}

std::vector<char> BlockScales::pack(qir::MatMulOp matmul, qir::PackedAttr form,
                                    const DotKernel &dot, ArrayRef<char> bytes) {
  ContractionShape shape = ContractionShape::ofWeights(matmul);
  int64_t lanes = dot.lanes(), allVectors = countVectors(shape, dot);
  auto size = static_cast<int64_t>(bytes.size()) / (shape.kernelRows * shape.channels);
  std::vector<char> packed(form.getBytes(), 0);
  char *out = packed.data();
  for (const Pieces &panels : divideEvenly(allVectors, form.getColumns() / lanes))
    for (int64_t panel = 0; panel < panels.count; ++panel) {
      int64_t first = (panels.first + panel * panels.size) * lanes, columns = panels.size * lanes;
      int64_t existing = std::min(columns, shape.channels - first);
      for (int64_t block = 0; block < shape.kernelRows; ++block, out += columns * size)
        std::memcpy(out, &bytes[(block * shape.channels + first) * size], existing * size);
    }
  return packed;
}

} // namespace quern
