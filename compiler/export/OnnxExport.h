// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_EXPORT_ONNXEXPORT_H
#define QUERN_COMPILER_EXPORT_ONNXEXPORT_H

#include "passes/Quantize/Plan.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace quern {

/// Writes the user's own model with a plan's decisions in it: QuantizeLinear and DequantizeLinear
/// around its tensors, codes under a DequantizeLinear in place of its constants; all else as it
/// was. A model of an operator set that lacks what the plan needs (scales per channel: 13; 4 bits,
/// blocks: 21) is converted first. Tensors in files beside the model are taken in. The result
/// passes the onnx checker.
llvm::Error exportQuantized(llvm::StringRef model, const QuantizationPlan &plan,
                            llvm::StringRef output);

} // namespace quern

#endif // QUERN_COMPILER_EXPORT_ONNXEXPORT_H
