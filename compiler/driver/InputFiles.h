// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_INPUTFILES_H
#define QUERN_COMPILER_DRIVER_INPUTFILES_H

#include "compiler/driver/Options.h"
#include "runtime/package_generated.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace quern::driver {

/// Turns the `NAME=FILE` of `--input` into what an executable artifact reads, `NAME=FILE.npy`:
/// images (JPEG, PNG) and raw bytes become .npy files in `folder`, .npy files stay where they are,
/// and so does what the artifact itself will complain of. The kind of a file is told by its first
/// bytes.
///
/// An image goes to an input [C, H, W], [H, W, C] or [H, W], with or without a leading 1, where C
/// is 1 or 3 (colours red, green, blue; a grey image fills all three). Its size must be the
/// input's. Of each pixel, 0 to 255, a u8 input takes the value itself, an f32 input (pixel - mean)
/// / std, and an input of codes (`--io=codes`) the code of that number.
llvm::Expected<std::vector<std::string>> prepareInputs(const RunOptions &options,
                                                       const package::Package &package,
                                                       const std::string &folder);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_INPUTFILES_H
