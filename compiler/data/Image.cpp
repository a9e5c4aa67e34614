// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Image.h"

#include "dialects/Quern/ContentStore.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>
#include <png.h>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

static Error checkSize(uint64_t height, uint64_t width) {
  if (height == 0 || width == 0 || height > maxPixels || width > maxPixels ||
      height * width > maxPixels)
    return llvm::createStringError("an image of %llu x %llu pixels, expected at most %lld pixels",
                                   static_cast<unsigned long long>(width),
                                   static_cast<unsigned long long>(height),
                                   static_cast<long long>(maxPixels));
  return Error::success();
}

namespace {

/// libjpeg reports errors by a jump back to whoever called it.
struct JpegErrors {
  jpeg_error_mgr manager; // first: libjpeg hands back its address
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

} // namespace

static void jumpBack(j_common_ptr codec) {
  auto *errors = reinterpret_cast<JpegErrors *>(codec->err);
  errors->manager.format_message(codec, errors->message);
  std::longjmp(errors->back, 1);
}

/// Warnings (a file that is cut off, corrupt entropy data) are errors to us: the rest would be
/// gray.
static void takeMessage(j_common_ptr codec, int level) {
  if (level < 0)
    jumpBack(codec);
}

/// Between setjmp and the jumps back there must be no destructors: the caller owns every object.
/// Reads the header, or after it (`rows` not null) the pixels. False: errors.message says why.
static bool stepJpeg(jpeg_decompress_struct &codec, JpegErrors &errors, llvm::ArrayRef<char> bytes,
                     int64_t channels, JSAMPLE *rows) {
  if (setjmp(errors.back)) // NOLINT(modernize-avoid-setjmp-longjmp): libjpeg's interface
    return false;
  if (!rows) {
    jpeg_create_decompress(&codec);
    jpeg_mem_src(&codec, reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size());
    jpeg_read_header(&codec, TRUE);
    return true;
  }
  codec.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&codec);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = rows + static_cast<size_t>(codec.output_scanline) * codec.output_width *
                              static_cast<size_t>(channels);
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  return true;
}

static Expected<Image> readJpeg(llvm::ArrayRef<char> bytes, int64_t channels) {
  jpeg_decompress_struct codec = {};
  JpegErrors errors = {};
  codec.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = jumpBack;
  errors.manager.emit_message = takeMessage;
  Image image;
  Error error = Error::success();
  bool read = stepJpeg(codec, errors, bytes, channels, nullptr);
  if (read)
    error = checkSize(codec.image_height, codec.image_width);
  if (read && !error) {
    image.height = codec.image_height;
    image.width = codec.image_width;
    image.channels = channels;
    image.pixels.resize(static_cast<size_t>(image.height) * image.width * channels);
    read = stepJpeg(codec, errors, bytes, channels, image.pixels.data());
  }
  jpeg_destroy_decompress(&codec);
  if (!read)
    return llvm::joinErrors(std::move(error),
                            llvm::createStringError("not a readable JPEG: %s", errors.message));
  if (error)
    return std::move(error);
  return image;
}

static Expected<Image> readPng(llvm::ArrayRef<char> bytes, int64_t channels) {
  png_image codec = {};
  codec.version = PNG_IMAGE_VERSION;
  auto fail = [&]() -> Error {
    std::string message = codec.message;
    png_image_free(&codec);
    return llvm::createStringError("not a readable PNG: " + message);
  };
  if (!png_image_begin_read_from_memory(&codec, bytes.data(), bytes.size()))
    return fail();
  if (Error error = checkSize(codec.height, codec.width)) {
    png_image_free(&codec);
    return std::move(error);
  }
  // With its alpha channel an image keeps the colors that it stores; without, libpng would blend.
  codec.format = channels == 1 ? PNG_FORMAT_GA : PNG_FORMAT_RGBA;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(codec));
  Image image = {codec.height, codec.width, channels, {}};
  if (!png_image_finish_read(&codec, nullptr, pixels.data(), 0, nullptr))
    return fail();
  image.pixels.reserve(static_cast<size_t>(image.height) * image.width * channels);
  for (size_t i = 0; i < pixels.size(); ++i)
    if (static_cast<int64_t>(i % (channels + 1)) < channels)
      image.pixels.push_back(pixels[i]);
  return image;
}

Expected<Image> readImage(StringRef path, int64_t channels) {
  auto inFile = [&](Error error) {
    return llvm::createStringError("'" + path + "': " + llvm::toString(std::move(error)));
  };
  auto file = MappedFile::open(path);
  if (!file)
    return inFile(file.takeError());
  StringRef text((*file)->bytes().data(), (*file)->bytes().size());
  bool isJpeg = text.starts_with("\xff\xd8"), isPng = text.starts_with("\x89PNG");
  if (!isJpeg && !isPng)
    return inFile(llvm::createStringError("expected a JPEG or PNG image, found another file"));
  auto image = (isJpeg ? readJpeg : readPng)((*file)->bytes(), channels);
  if (!image)
    return inFile(image.takeError());
  return image;
}

namespace {

/// Which inputs make one output position of a resize, and how much of each.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};

} // namespace

static std::vector<Taps> makeTaps(int64_t from, int64_t to) {
  double ratio = static_cast<double>(from) / static_cast<double>(to);
  double support = std::max(ratio, 1.0);
  std::vector<Taps> result(to);
  for (int64_t i = 0; i < to; ++i) {
    double center = (static_cast<double>(i) + 0.5) * ratio;
    auto first = std::max<int64_t>(0, static_cast<int64_t>(std::trunc(center - support + 0.5)));
    auto last = std::min<int64_t>(from, static_cast<int64_t>(std::trunc(center + support + 0.5)));
    Taps &taps = result[i];
    taps.first = first;
    double sum = 0;
    for (int64_t x = first; x < last; ++x) {
      double distance = std::abs((static_cast<double>(x) - center + 0.5) / support);
      taps.weights.push_back(std::max(0.0, 1.0 - distance));
      sum += taps.weights.back();
    }
    for (double &weight : taps.weights)
      weight /= sum;
  }
  return result;
}

/// Resizes the middle dimension of pixels seen as [outer, from, inner].
static std::vector<uint8_t> resizeAxis(const std::vector<uint8_t> &pixels, int64_t outer,
                                       int64_t from, int64_t inner, int64_t to) {
  if (from == to)
    return pixels;
  std::vector<Taps> taps = makeTaps(from, to);
  std::vector<uint8_t> result(static_cast<size_t>(outer) * to * inner);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < to; ++i)
      for (int64_t c = 0; c < inner; ++c) {
        double sum = 0.5;
        for (size_t t = 0; t < taps[i].weights.size(); ++t)
          sum += taps[i].weights[t] *
                 pixels[(o * from + taps[i].first + static_cast<int64_t>(t)) * inner + c];
        result[(o * to + i) * inner + c] = static_cast<uint8_t>(std::clamp(sum, 0.0, 255.0));
      }
  return result;
}

Image resizeImage(const Image &image, int64_t height, int64_t width) {
  Image result = {height, width, image.channels, {}};
  std::vector<uint8_t> rows =
      resizeAxis(image.pixels, image.height, image.width, image.channels, width);
  result.pixels = resizeAxis(rows, 1, image.height, width * image.channels, height);
  return result;
}

Image cropImage(const Image &image, int64_t height, int64_t width) {
  Image result = {height, width, image.channels, {}};
  int64_t top = (image.height - height) / 2, left = (image.width - width) / 2;
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t *row = image.pixels.data() + ((top + y) * image.width + left) * image.channels;
    result.pixels.insert(result.pixels.end(), row, row + width * image.channels);
  }
  return result;
}

} // namespace quern::data
