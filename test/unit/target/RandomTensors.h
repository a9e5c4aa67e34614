// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_RANDOMTENSORS_H
#define QUERN_TEST_UNIT_TARGET_RANDOMTENSORS_H

#include "KernelHarness.h"

#include "mlir/IR/TypeRange.h"

namespace quern::test {

/// Dense bytes of tensors of these types, as the settings' seed and ranges say.
std::vector<Bytes> makeRandomTensors(mlir::TypeRange types, const Settings &settings);

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_RANDOMTENSORS_H
