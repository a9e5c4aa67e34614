// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_FRONTEND_ONNX_WIRESCAN_H
#define QUERN_COMPILER_FRONTEND_ONNX_WIRESCAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace quern::onnxfile {

/// A range of the scanned bytes.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// Bounds on what one model may hold; far above what real models have, and low enough that
/// building the graph in memory cannot exhaust it.
struct WireLimits {
  /// Payloads of at least this many bytes are cut out; smaller ones (shapes, scales, scalars)
  /// stay, because shape inference reads their values.
  uint64_t keptBytes = 1024;
  /// Graphs inside of attributes inside of graphs.
  unsigned graphDepth = 8;
  /// Nodes, attributes and tensors of the whole file.
  uint64_t messages = 1u << 21;
};

/// A serialized ModelProto without the large payloads, and where those are.
struct WireScan {
  std::string slim;
  /// Index in the main graph's `initializer` list → its bytes (little endian, as in raw_data).
  llvm::DenseMap<uint64_t, ByteRange> initializers;
  /// Index in the main graph's `node` list of a Constant whose `value` is cut out → its bytes.
  llvm::DenseMap<uint64_t, ByteRange> constants;
};

/// Walks the protobuf wire format of a ModelProto without building it. Cuts out `raw_data`,
/// packed `float_data` and `double_data` (whose wire form is the raw form) of large initializers
/// and Constant nodes of the main graph, copies everything else. Checks that every length stays
/// within its message, that no message which protobuf would merge occurs twice, and the limits.
/// The error says what was expected and found and at which offset of the file.
llvm::Expected<WireScan> scanModel(llvm::ArrayRef<char> file, const WireLimits &limits = {});

} // namespace quern::onnxfile

#endif // QUERN_COMPILER_FRONTEND_ONNX_WIRESCAN_H
