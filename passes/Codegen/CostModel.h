// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The cost model of the Codegen stage: what a dispatch's work takes one thread whose data
/// lie in its cache. Threads are planned by it and int8 is compared with float by it; the products'
/// part is the target's (`TargetModel::estimateProducts`), for CPUs the same estimate by which
/// their tiles are chosen. It is there to compare, not to predict: expect it to be off by a third.

#ifndef QUERN_PASSES_CODEGEN_COSTMODEL_H
#define QUERN_PASSES_CODEGEN_COSTMODEL_H

#include "passes/Interfaces/TargetModel.h"

namespace quern {

/// At which targets count cycles as seconds (`TargetRates`, `estimateProducts`), in Hz; for a
/// machine of another clock, seconds change in proportion.
inline constexpr double modelClock = 3.5e9;

/// The dispatch as it is, or as it would be if the model were not quantized: codes are f32, nothing
/// is rounded to codes or taken back from them.
enum class CostForm { AsStored, AsFloat };

/// Work and estimated time of a dispatch.
struct Cost {
  int64_t macs = 0;     ///< multiply-accumulates
  int64_t bytes = 0;    ///< read and written, each once; of a gathered table what is picked
  double products = 0;  ///< seconds for the multiply-accumulates
  double elements = 0;  ///< seconds for everything that is done once an element
  double transport = 0; ///< seconds for the bytes
  /// Memory is read and written while the dispatch computes.
  double seconds() const { return std::max(products + elements, transport); }
};

Cost estimateCost(qir::DispatchOp dispatch, const TargetModel &target,
                  CostForm form = CostForm::AsStored);

/// Whether values of this type are codes of a quantized tensor: integers of at most 16 bits.
bool isCodeType(mlir::Type type);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_COSTMODEL_H
