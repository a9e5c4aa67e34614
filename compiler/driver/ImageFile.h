// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_IMAGEFILE_H
#define QUERN_COMPILER_DRIVER_IMAGEFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace quern::driver {

struct ImageSize {
  int64_t width = 0, height = 0; ///< in pixels
};

/// Pixels row by row from the top, 0 to 255: grey, or red, green and blue of each pixel in turn.
struct Image {
  ImageSize size;
  int64_t channels = 0; ///< 1 or 3
  std::vector<uint8_t> pixels;
};

/// Whether the file's first bytes are those of a JPEG or PNG file.
bool isImage(llvm::ArrayRef<uint8_t> file);

/// Decodes a JPEG or PNG file of exactly the given size: another size is an error before any pixel
/// is decoded. Values are those of the file: nothing is resized, rotated (EXIF) or converted
/// between grey and colour. Transparency, 16-bit samples, CMYK and damaged data are errors.
llvm::Expected<Image> decodeImage(llvm::ArrayRef<uint8_t> file, ImageSize expected);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_IMAGEFILE_H
