// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Rearranging the bytes of constants, whatever their element type.

#ifndef QUERN_PASSES_LEGALIZE_CONSTANTBYTES_H
#define QUERN_PASSES_LEGALIZE_CONSTANTBYTES_H

#include "dialects/Quern/ConstantData.h"

namespace quern {

/// Where the elements of a tensor lie in a buffer: element i at start + sum(i[d] * strides[d]), in
/// elements. A stride of 0 repeats, a negative one runs backwards.
struct StridedView {
  int64_t start = 0;
  llvm::SmallVector<int64_t> strides;
};

/// The strides of a dense row-major tensor.
llvm::SmallVector<int64_t> getRowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// The elements of `shape` seen through `view`, densely.
std::vector<char> readView(llvm::ArrayRef<char> bytes, int64_t elementBytes,
                           llvm::ArrayRef<int64_t> shape, const StridedView &view);

/// Stores the dense elements of `shape` through `view`.
void writeView(llvm::MutableArrayRef<char> bytes, int64_t elementBytes,
               llvm::ArrayRef<int64_t> shape, const StridedView &view,
               llvm::ArrayRef<char> elements);

/// `constant` under another shape with equally many elements; its bytes are not touched.
qir::ConstantOp reshapeConstant(mlir::OpBuilder &builder, qir::ConstantOp constant,
                                llvm::ArrayRef<int64_t> shape);

/// `constant` with its dimensions permuted: result.dim(i) = constant.dim(permutation[i]).
qir::ConstantOp transposeConstant(mlir::OpBuilder &builder, qir::ConstantOp constant,
                                  llvm::ArrayRef<int64_t> permutation);

/// Erases ops without effects and users, from the end of the function on.
void eraseDeadOps(mlir::Operation *function);

} // namespace quern

#endif // QUERN_PASSES_LEGALIZE_CONSTANTBYTES_H
