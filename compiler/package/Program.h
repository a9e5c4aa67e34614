// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_PROGRAM_H
#define QUERN_COMPILER_PACKAGE_PROGRAM_H

#include "compiler/target/TargetBackend.h"
#include "quern/model.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quern::artifact {

/// An input or an output of the model, as `quern_tensor` of the runtime describes it.
struct Tensor {
  std::string name;
  quern_type type = QUERN_INVALID;
  llvm::SmallVector<int64_t> dims;
  uint64_t bytes = 0;
  uint32_t align = 1;
  int64_t low = 0, high = 0; ///< both 0: any value
  /// Of codes that stand for real values, (code - zeroPoint) * scale; scale 0: numbers of their
  /// own.
  float scale = 0;
  int32_t zeroPoint = 0;
};

/// Where an argument of a kernel lies when a launch runs.
struct Argument {
  enum Space { Arena, Segment, Input, Output };
  Space space = Arena;
  uint32_t index = 0;  ///< of the input or output
  uint64_t offset = 0; ///< in bytes, in the arena or the segment
  uint64_t bytes = 0;
  bool written = false;
};

/// One step of the model: a kernel, its buffers, and how its units are handed out.
struct Launch {
  std::string kernel;                   ///< symbol of the kernel function
  std::string form;                     ///< anchor and tile in words
  llvm::SmallVector<std::string> nodes; ///< ONNX nodes, from the locations
  llvm::SmallVector<Argument> arguments;
  int64_t units = 1, grain = 1, macs = 0, bytes = 0;
  quern_type element = QUERN_INVALID; ///< of the left operand of the multiply-accumulates
  double seconds = 0;                 ///< estimated, of one run; 0: not estimated
};

/// A constant's place in the weight segment.
struct WeightPlace {
  mlir::Operation *op = nullptr; ///< a quern.constant
  uint64_t offset = 0, bytes = 0;
};

/// A buffer of the arena and the launches between which it lives, for the record.
struct ArenaBuffer {
  std::string name;
  uint64_t offset = 0, bytes = 0;
  uint32_t firstLaunch = 0, lastLaunch = 0;
};

/// What one inference is estimated to take.
struct LatencyEstimate {
  double seconds = 0; ///< 0: not estimated
  int threads = 1;
  std::string basis; ///< in words: model, clock, bandwidth
};

/// Everything of a planned module that goes into an artifact, except the code. Constants lie in the
/// order of their first use, equal ones once, each aligned to 64 bytes.
struct Program {
  std::vector<Tensor> inputs, outputs;
  std::vector<Launch> launches;
  std::vector<WeightPlace> constants;
  std::vector<ArenaBuffer> arena;
  uint64_t arenaBytes = 0;
  uint64_t segmentBytes = 0; ///< readable slack after the last constant included
  LatencyEstimate estimate;

  /// Reads the plan of @main: its dispatches need `kernel` and `quern.offsets`. Reports at the
  /// op what is missing or does not fit together.
  static mlir::FailureOr<Program> read(mlir::ModuleOp module);
};

/// The names of the ONNX nodes that a location stands for, each once.
llvm::SmallVector<std::string> getNodeNames(mlir::Location location);

/// What the artifact says of where it came from.
struct Provenance {
  std::string name;        ///< of the model
  std::string prefix;      ///< of the functions of a library
  std::string target;      ///< as --target takes it
  std::string board;       ///< as --board takes it; empty: none
  uint32_t threadsMax = 0; ///< threads that an executable lets its user ask for; 0: any number
  std::vector<uint8_t> modelHash; ///< SHA-256; empty if there is no model file
  std::vector<std::string> options;
};

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_PROGRAM_H
