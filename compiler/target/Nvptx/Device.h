// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What kernels of a GPU add to the vocabulary of `KernelBuilder`: threads, shared memory and
/// the instructions of a warp. Scalars are i32 unless said otherwise.

#ifndef QUERN_COMPILER_TARGET_NVPTX_DEVICE_H
#define QUERN_COMPILER_TARGET_NVPTX_DEVICE_H

#include "compiler/target/Kernel/KernelBuilder.h"

namespace quern::device {

/// Memory spaces of NVPTX.
enum Space : unsigned { Global = 1, Shared = 3 };

/// What the host must know to launch a kernel: attributes of its function, which stay until the
/// artifact is written. Blocks in x and y, threads of a block.
inline constexpr llvm::StringLiteral gridAttr = "quern.gpu_grid";
inline constexpr llvm::StringLiteral blockAttr = "quern.gpu_block";
void setLaunch(mlir::func::FuncOp kernel, int64_t blocksX, int64_t blocksY, int64_t threads);

mlir::Value threadIndex(KernelBuilder &b);
mlir::Value blockIndexX(KernelBuilder &b);
mlir::Value blockIndexY(KernelBuilder &b);
/// The number of the thread in the whole grid, and how many there are (index); the grid has one
/// dimension, or two.
mlir::Value gridThread(KernelBuilder &b);
mlir::Value gridThreads(KernelBuilder &b);
/// All threads of the block, or of the warp, have come here and see what the others have written.
void barrier(KernelBuilder &b);
void warpBarrier(KernelBuilder &b);

/// The f32 of the lane whose number differs in the bit `distance`; all lanes of the warp are here.
mlir::Value exchange(KernelBuilder &b, mlir::Value value, int64_t distance);

mlir::Value constant(KernelBuilder &b, int64_t value);
mlir::Value add(KernelBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value add(KernelBuilder &b, mlir::Value x, int64_t y);
mlir::Value mul(KernelBuilder &b, mlir::Value x, int64_t y);
/// Of values that are not negative; y is a power of two as a rule.
mlir::Value div(KernelBuilder &b, mlir::Value x, int64_t y);
mlir::Value rem(KernelBuilder &b, mlir::Value x, int64_t y);
mlir::Value bitXor(KernelBuilder &b, mlir::Value x, mlir::Value y);
mlir::Value toIndex(KernelBuilder &b, mlir::Value x);

/// The address of a buffer in global memory.
mlir::Value globalPointer(KernelBuilder &b, mlir::Value memref);
/// `bytes` of shared memory of the kernel's own.
mlir::Value sharedMemory(KernelBuilder &b, int64_t bytes);
/// The address `bytes` (an integer, or index) further.
mlir::Value advance(KernelBuilder &b, mlir::Value pointer, mlir::Value bytes);
mlir::Value advance(KernelBuilder &b, mlir::Value pointer, int64_t bytes);

/// Starts a copy of `chunk` bytes (4, 8 or 16, to which both addresses are aligned) from global to
/// shared memory; only the first `valid` of them are read, the others become 0.
void copyAsync(KernelBuilder &b, mlir::Value to, mlir::Value from, int64_t chunk,
               mlir::Value valid);
/// Closes the group of the copies started since the last one; waits until at most `open` groups of
/// this thread are not there yet.
void commitCopies(KernelBuilder &b);
void waitForCopies(KernelBuilder &b, int64_t open);

/// Four 8x16-byte matrices from shared memory; the lanes' addresses are the rows', 8 lanes to a
/// matrix. Lane l gets bytes 4 * (l % 4) .. of row l / 4 of each.
llvm::SmallVector<mlir::Value> loadMatrices(KernelBuilder &b, mlir::Value rowAddress);

/// 16x8 sums of 32 products: sums (4 of i32 or f32) + a (4 words of 4 codes) * b (2 words); the
/// codes' types are ui8, si8, f8E4M3FN or f8E5M2.
llvm::SmallVector<mlir::Value> multiplyAdd(KernelBuilder &b, mlir::ValueRange sums,
                                           mlir::ValueRange left, mlir::ValueRange right,
                                           mlir::Type leftType, mlir::Type rightType);

} // namespace quern::device

#endif // QUERN_COMPILER_TARGET_NVPTX_DEVICE_H
