// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Access.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace quern {

Layout Layout::of(RankedTensorType type) {
  Layout layout;
  SmallVector<int64_t> extents(type.getShape());
  SmallVector<int64_t> low(extents.size(), 0);
  if (auto padded = llvm::dyn_cast_if_present<qir::PaddedAttr>(type.getEncoding())) {
    low[1] = padded.getTop();
    low[2] = padded.getLeft();
    extents[1] += padded.getTop() + padded.getBottom();
    extents[2] += padded.getLeft() + padded.getRight();
  }
  layout.strides.resize(extents.size());
  layout.size = 1;
  for (size_t d = extents.size(); d-- > 0;) {
    layout.strides[d] = layout.size;
    layout.base += low[d] * layout.size;
    layout.size *= extents[d];
  }
  return layout;
}

/// Adds `scale * expr` to the access.
static void accumulate(AffineExpr expr, int64_t scale, LinearAccess &access) {
  if (auto constant = llvm::dyn_cast<AffineConstantExpr>(expr)) {
    access.constant += scale * constant.getValue();
    return;
  }
  if (auto dimension = llvm::dyn_cast<AffineDimExpr>(expr)) {
    access.coefficients[dimension.getPosition()] += scale;
    return;
  }
  auto binary = llvm::cast<AffineBinaryOpExpr>(expr);
  if (binary.getKind() == AffineExprKind::Add) {
    accumulate(binary.getLHS(), scale, access);
    accumulate(binary.getRHS(), scale, access);
    return;
  }
  auto factor = llvm::cast<AffineConstantExpr>(binary.getRHS());
  accumulate(binary.getLHS(), scale * factor.getValue(), access);
}

LinearAccess LinearAccess::of(AffineMap map, const Layout &layout) {
  LinearAccess access;
  access.constant = layout.base;
  access.coefficients.assign(map.getNumDims(), 0);
  for (auto [index, expr] : llvm::enumerate(map.getResults()))
    accumulate(expr, layout.strides[index], access);
  return access;
}

LinearAccess LinearAccess::of(const Layout &layout) {
  LinearAccess access;
  access.constant = layout.base;
  access.coefficients.assign(layout.strides.begin(), layout.strides.end());
  return access;
}

Value LinearAccess::offset(KernelBuilder &b, ArrayRef<Value> indices) const {
  Value sum = b.index(constant);
  for (auto [index, coefficient] : llvm::zip(indices, coefficients))
    if (index && coefficient != 0)
      sum = b.add(b.mul(index, coefficient), sum);
  return sum;
}

static Value gatherLanes(KernelBuilder &b, const Buffer &buffer, Value offset, int64_t stride,
                         int64_t lanes, int64_t valid) {
  Type memory = getMemoryType(buffer.element());
  auto type = VectorType::get({lanes}, memory);
  Value vector = arith::ConstantOp::create(b, llvm::cast<TypedAttr>(b.getZeroAttr(type)));
  for (int64_t lane = 0; lane < std::min(lanes, valid); ++lane) {
    Value element = b.loadRaw(buffer.memref, b.add(offset, lane * stride), 1, 1);
    vector = vector::InsertOp::create(b, element, vector, lane);
  }
  return vector;
}

Value loadLanes(KernelBuilder &b, const Buffer &buffer, Value offset, int64_t stride, int64_t lanes,
                int64_t valid) {
  if (stride == 0 || lanes == 1) {
    Value scalar = b.toCompute(b.loadRaw(buffer.memref, offset, 1, 1), buffer.element());
    return b.splat(scalar, lanes);
  }
  Value raw = stride == 1 ? b.loadRaw(buffer.memref, offset, lanes, valid)
                          : gatherLanes(b, buffer, offset, stride, lanes, valid);
  return b.toCompute(raw, buffer.element());
}

} // namespace quern
