// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_IMAGE_H
#define QUERN_COMPILER_DATA_IMAGE_H

#include "llvm/ADT/ArrayRef.h"
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

/// What a file's image must be, or is made.
struct ImageDemand {
  /// 3 or 1: what its pixels become, transparency being dropped and samples of 16 bits cut to 8.
  /// 0: what the file has, 3 or 1, and one of which that would lose something is an error.
  int64_t channels = 0;
  int64_t height = 0, width = 0; ///< its size, which is asked for before pixels are; 0: any
};

/// Whether the file's first bytes are those of a JPEG or PNG file.
bool isImage(llvm::ArrayRef<char> file);

/// Decodes a JPEG (baseline or progressive; gray or YCbCr) or PNG file. Nothing is resized or
/// rotated (EXIF). Damaged and other files are errors.
llvm::Expected<Image> decodeImage(llvm::ArrayRef<char> file, const ImageDemand &demand);

/// The same of a file, with 3 channels or 1. Errors name the file.
llvm::Expected<Image> readImage(llvm::StringRef path, int64_t channels);

/// The image in another size: a triangle filter that widens when it shrinks (bilinear with
/// antialiasing), horizontally first, each direction rounded to whole levels.
Image resizeImage(const Image &image, int64_t height, int64_t width);

/// The middle part of that size; the image must be as large at least. Odd margins are smaller at
/// the top and left.
Image cropImage(const Image &image, int64_t height, int64_t width);

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_IMAGE_H
