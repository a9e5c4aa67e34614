// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/ConstantBytes.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cstring>

using namespace mlir;

namespace quern {

llvm::SmallVector<int64_t> getRowMajorStrides(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

/// Calls visit(offset, element) for the start of every innermost row, in row-major order.
template <typename Visit>
static void forEachRow(llvm::ArrayRef<int64_t> shape, const StridedView &view, Visit visit) {
  int64_t rank = static_cast<int64_t>(shape.size());
  llvm::SmallVector<int64_t> position(rank, 0);
  int64_t row = rank ? shape.back() : 1;
  int64_t offset = view.start;
  for (int64_t element = 0;; element += row) {
    visit(offset, element);
    int64_t d = rank - 2;
    for (; d >= 0 && position[d] + 1 == shape[d]; --d) {
      offset -= position[d] * view.strides[d];
      position[d] = 0;
    }
    if (d < 0)
      return;
    ++position[d];
    offset += view.strides[d];
  }
}

/// Copies `count` elements of `size` bytes between two strided rows.
template <int64_t size>
static void copyRow(char *to, int64_t toStep, const char *from, int64_t fromStep, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * toStep * size, from + i * fromStep * size, size);
}

static void copyRow(char *to, int64_t toStep, const char *from, int64_t fromStep, int64_t count,
                    int64_t size) {
  if (toStep == 1 && fromStep == 1)
    std::memcpy(to, from, count * size);
  else if (size == 1)
    copyRow<1>(to, toStep, from, fromStep, count);
  else if (size == 2)
    copyRow<2>(to, toStep, from, fromStep, count);
  else if (size == 4)
    copyRow<4>(to, toStep, from, fromStep, count);
  else
    copyRow<8>(to, toStep, from, fromStep, count);
}

std::vector<char> readView(llvm::ArrayRef<char> bytes, int64_t elementBytes,
                           llvm::ArrayRef<int64_t> shape, const StridedView &view) {
  int64_t count = ShapedType::getNumElements(shape);
  std::vector<char> result(count * elementBytes);
  if (count == 0)
    return result;
  int64_t row = shape.empty() ? 1 : shape.back();
  int64_t step = shape.empty() ? 1 : view.strides.back();
  forEachRow(shape, view, [&](int64_t offset, int64_t element) {
    copyRow(result.data() + element * elementBytes, 1, bytes.data() + offset * elementBytes, step,
            row, elementBytes);
  });
  return result;
}

void writeView(llvm::MutableArrayRef<char> bytes, int64_t elementBytes,
               llvm::ArrayRef<int64_t> shape, const StridedView &view,
               llvm::ArrayRef<char> elements) {
  if (elements.empty())
    return;
  int64_t row = shape.empty() ? 1 : shape.back();
  int64_t step = shape.empty() ? 1 : view.strides.back();
  forEachRow(shape, view, [&](int64_t offset, int64_t element) {
    copyRow(bytes.data() + offset * elementBytes, step, elements.data() + element * elementBytes, 1,
            row, elementBytes);
  });
}

qir::ConstantOp reshapeConstant(OpBuilder &builder, qir::ConstantOp constant,
                                llvm::ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(constant.getType()).clone(shape);
  Attribute value = constant.getValue();
  if (auto elements = dyn_cast<DenseElementsAttr>(value))
    value = elements.reshape(cast<RankedTensorType>(type));
  return qir::ConstantOp::create(builder, constant.getLoc(), type, value, constant.getSiteAttr());
}

qir::ConstantOp transposeConstant(OpBuilder &builder, qir::ConstantOp constant,
                                  llvm::ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(constant.getType());
  llvm::SmallVector<int64_t> strides = getRowMajorStrides(type.getShape());
  StridedView view;
  llvm::SmallVector<int64_t> shape;
  for (int64_t dimension : permutation) {
    shape.push_back(type.getDimSize(dimension));
    view.strides.push_back(strides[dimension]);
  }
  std::vector<char> storage;
  std::vector<char> bytes = readView(getConstantBytes(constant, storage),
                                     getElementBytes(type.getElementType()), shape, view);
  auto result = makeConstantFromBytes(builder, constant.getLoc(),
                                      cast<RankedTensorType>(type.clone(shape)), std::move(bytes));
  if (auto site = constant.getSiteAttr())
    result.setSiteAttr(site);
  return result;
}

void eraseDeadOps(Operation *function) {
  for (Region &region : function->getRegions())
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (isOpTriviallyDead(&op))
          op.erase();
}

} // namespace quern
