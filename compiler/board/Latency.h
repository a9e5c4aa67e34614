// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_BOARD_LATENCY_H
#define QUERN_COMPILER_BOARD_LATENCY_H

#include "compiler/board/Board.h"
#include "compiler/package/Program.h"
#include "passes/Interfaces/TargetModel.h"

namespace quern {

/// Estimates what a planned module takes: the cost model's cycles (passes/Codegen/CostModel.h, the
/// products by the processor's issue rates) at the machine's clock, divided among the threads as
/// the launches' units and grains allow, but no less than its bytes take at the memory's bandwidth.
/// Bytes come from memory where they do not fit the last cache: weights if all weights and the
/// arena do not, activations if those of a launch do not.
///
/// Fills `seconds` of each launch and `program.estimate`. `board` may be null: then the clock is
/// the one that the target's rates are counted with, and nothing comes from memory. `threads` of 0
/// is one. An estimate says on what it is based; nothing of it is measured.
void estimateLatency(artifact::Program &program, mlir::ModuleOp module, const TargetModel &target,
                     const Board *board, int threads);

} // namespace quern

#endif // QUERN_COMPILER_BOARD_LATENCY_H
