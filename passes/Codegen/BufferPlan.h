// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Where the tensors of a planned @main lie: what PlanMemory decides and what the artifact
/// writer and the emitters read.

#ifndef QUERN_PASSES_CODEGEN_BUFFERPLAN_H
#define QUERN_PASSES_CODEGEN_BUFFERPLAN_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace quern {

/// Arena buffers start at multiples of this many bytes.
inline constexpr int64_t bufferAlignment = 64;
/// Bytes after any arena buffer that kernels may read (never write): the content is undefined.
/// Constants get the same from the artifact writer; the caller's inputs and outputs do not have it.
inline constexpr int64_t readableSlack = 64;

/// On a dispatch, one number per result: >= 0 is an offset in the arena in bytes, -1 - k says that
/// the result is the caller's output k.
inline constexpr llvm::StringLiteral offsetsAttrName = "quern.offsets";
/// On the module: bytes of the arena, readable slack included (i64).
inline constexpr llvm::StringLiteral arenaBytesAttrName = "quern.arena_bytes";
/// On a dispatch: for each result the input whose memory it takes over, or -1.
inline constexpr llvm::StringLiteral inPlaceAttrName = "quern.in_place";
/// On a dispatch: number of independent units, units handed out at once (equal to units: serial),
/// multiply-accumulates, and bytes read and written.
inline constexpr llvm::StringLiteral unitsAttrName = "quern.units";
inline constexpr llvm::StringLiteral grainAttrName = "quern.grain";
inline constexpr llvm::StringLiteral macsAttrName = "quern.macs";
inline constexpr llvm::StringLiteral bytesAttrName = "quern.bytes";
/// On a dispatch: in words, why it has its form (for `--explain`).
inline constexpr llvm::StringLiteral reasonAttrName = "quern.reason";

/// A tensor's place in memory.
struct BufferRef {
  enum Space {
    Arena,    ///< `offset` bytes after the arena's start
    Constant, ///< `root` is the result of a `quern.constant`
    Input,    ///< @main's argument `index`
    Output    ///< @main's result `index`
  };
  Space space = Arena;
  int64_t index = 0;  ///< of the input or output, else 0
  int64_t offset = 0; ///< in bytes, inside the space (0 unless Arena)
  int64_t bytes = 0;  ///< of the whole buffer, halo or panels included
  mlir::Value root;   ///< the value that owns the buffer, reshapes looked through
};

/// The value whose memory `value` is: reshapes between dispatches are views.
mlir::Value getBufferRoot(mlir::Value value);

/// Where a value of @main (a dispatch's operand or result, or what @main returns) lies. Fails
/// for what has no place yet (before PlanMemory) or is no such value.
mlir::FailureOr<BufferRef> resolveBuffer(mlir::Value value);

/// Bytes of the buffer that holds a tensor: elements of less than 8 bits take a byte each; with
/// `#quern.padded` the halo counts, with `#quern.packed` it is the form's number of bytes.
int64_t getBufferBytes(mlir::RankedTensorType type);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_BUFFERPLAN_H
