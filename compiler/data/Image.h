// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_IMAGE_H
#define QUERN_COMPILER_DATA_IMAGE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace quern::data {

/// Pixels of 8 bits per channel: rows from the top, channels interleaved.
struct Image {
  int64_t height = 0, width = 0;
  int64_t channels = 3; ///< 3: red, green, blue; 1: gray
  std::vector<uint8_t> pixels;
};

/// The most pixels that an image may have (2^27); a file that claims more is refused unread.
inline constexpr int64_t maxPixels = int64_t{1} << 27;

/// Decodes a JPEG (baseline or progressive; gray or YCbCr) or PNG file into 3 channels or 1.
/// Transparency is dropped, 16-bit samples become 8. Damaged and other files are errors that name
/// the file.
llvm::Expected<Image> readImage(llvm::StringRef path, int64_t channels);

/// The image in another size: a triangle filter that widens when it shrinks (bilinear with
/// antialiasing), horizontally first, each direction rounded to whole levels.
Image resizeImage(const Image &image, int64_t height, int64_t width);

/// The middle part of that size; the image must be as large at least. Odd margins are smaller at
/// the top and left.
Image cropImage(const Image &image, int64_t height, int64_t width);

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_IMAGE_H
