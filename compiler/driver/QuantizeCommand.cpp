// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Commands.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/ModelLoader.h"
#include "compiler/export/OnnxExport.h"

#include "llvm/Support/FileSystem.h"

namespace quern::driver {

int runQuantize(const CompileOptions &options) {
  if (llvm::sys::fs::equivalent(options.model, options.output)) {
    llvm::errs() << "error: '" << options.output << "' is the model itself\n";
    return ExitFailed;
  }
  ModelLoader loader;
  Quantization quantization(options.quantize, options.model);
  if (!loader.import(options, &quantization))
    return ExitFailed;
  if (llvm::Error error = exportQuantized(options.model, quantization.getPlan(), options.output)) {
    llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
    return ExitFailed;
  }
  return ExitDone;
}

} // namespace quern::driver
