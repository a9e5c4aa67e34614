// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_EXTREMES_H
#define QUERN_PASSES_CALIBRATE_EXTREMES_H

#include "passes/Calibrate/Observer.h"

namespace quern {

/// A value as observers count it: NaN is 0, an infinity the largest float.
float makeFinite(float value);

/// The least and greatest of the values and zero.
RealRange findExtremes(llvm::ArrayRef<float> values);

/// Reads "low" and "high" of a JSON object.
bool loadRange(const llvm::json::Value &state, RealRange &range);

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_EXTREMES_H
