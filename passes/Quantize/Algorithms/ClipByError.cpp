// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

namespace quern {

llvm::Error clipByError(LayerTask &task) {
  task.chooseGrid(chooseScaleByError, {});
  task.codes = task.grid.quantize(task.weights);
  return llvm::Error::success();
}

} // namespace quern
