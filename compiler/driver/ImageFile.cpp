// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/ImageFile.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <png.h>

namespace quern::driver {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

static llvm::Error checkSize(ImageSize found, ImageSize expected) {
  if (found.width == expected.width && found.height == expected.height)
    return llvm::Error::success();
  return makeError(llvm::formatv("expected an image {0} pixels wide and {1} high, found {2} wide "
                                 "and {3} high; images are not resized here",
                                 expected.width, expected.height, found.width, found.height));
}

static Image makeImage(ImageSize size, int64_t channels) {
  return {size, channels, std::vector<uint8_t>(size.width * size.height * channels)};
}

namespace {

/// libjpeg's errors: it wants a handler that does not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

/// A JPEG file while it is being decoded.
class JpegDecoder {
public:
  JpegDecoder();
  JpegDecoder(const JpegDecoder &) = delete;
  JpegDecoder &operator=(const JpegDecoder &) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
  llvm::Expected<Image> decode(llvm::ArrayRef<uint8_t> file, ImageSize expected);

private:
  /// Runs what may call libjpeg; nothing in it may own memory. False after an error.
  bool attempt(llvm::function_ref<void()> body);
  void readPixels(Image &image);
  llvm::Error damaged() const {
    return makeError("damaged JPEG data: " + llvm::Twine(errors.message));
  }

  jpeg_decompress_struct info = {};
  JpegErrors errors = {};
};

} // namespace

static JpegErrors &errorsOf(j_common_ptr info) {
  return *reinterpret_cast<JpegErrors *>(info->err);
}

static void keepMessage(j_common_ptr info) {
  info->err->format_message(info, errorsOf(info).message);
}

[[noreturn]] static void leave(j_common_ptr info) {
  keepMessage(info);
  longjmp(errorsOf(info).jump, 1);
}

/// Negative levels are data that had to be made up.
static void countWarning(j_common_ptr info, int level) {
  if (level < 0 && info->err->num_warnings++ == 0)
    keepMessage(info);
}

JpegDecoder::JpegDecoder() {
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave;
  errors.manager.emit_message = countWarning;
}

bool JpegDecoder::attempt(llvm::function_ref<void()> body) {
  if (setjmp(errors.jump)) // NOLINT(cert-err52-cpp): the only way out of libjpeg
    return false;
  body();
  return true;
}

void JpegDecoder::readPixels(Image &image) {
  info.out_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.pixels.data() + info.output_scanline * image.size.width * image.channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

llvm::Expected<Image> JpegDecoder::decode(llvm::ArrayRef<uint8_t> file, ImageSize expected) {
  if (!attempt([&] {
        jpeg_create_decompress(&info);
        jpeg_mem_src(&info, file.data(), file.size());
        jpeg_read_header(&info, TRUE);
      }))
    return damaged();
  if (info.num_components != 1 && info.num_components != 3)
    return makeError("expected a grey or colour image, found one of " +
                     llvm::Twine(info.num_components) + " components");
  ImageSize size = {info.image_width, info.image_height};
  if (llvm::Error error = checkSize(size, expected))
    return std::move(error);
  Image image = makeImage(size, info.num_components);
  if (!attempt([&] { readPixels(image); }) || errors.manager.num_warnings)
    return damaged();
  return std::move(image);
}

static llvm::Expected<Image> readPng(png_image &png, ImageSize expected) {
  ImageSize size = {png.width, png.height};
  if (llvm::Error error = checkSize(size, expected))
    return std::move(error);
  if (png.format & PNG_FORMAT_FLAG_ALPHA)
    return makeError("expected an image without transparency, found one with it");
  if (png.format & PNG_FORMAT_FLAG_LINEAR)
    return makeError("expected 8 bits a sample, found 16");
  bool isColour = png.format & PNG_FORMAT_FLAG_COLOR;
  png.format = isColour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image = makeImage(size, isColour ? 3 : 1);
  if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr))
    return makeError("damaged PNG data: " + llvm::Twine(png.message));
  return std::move(image);
}

static llvm::Expected<Image> decodePng(llvm::ArrayRef<uint8_t> file, ImageSize expected) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, file.data(), file.size()))
    return makeError("damaged PNG data: " + llvm::Twine(png.message));
  auto image = readPng(png, expected);
  png_image_free(&png);
  return image;
}

static bool isPng(llvm::ArrayRef<uint8_t> file) {
  return file.size() >= 8 && png_sig_cmp(file.data(), 0, 8) == 0;
}

bool isImage(llvm::ArrayRef<uint8_t> file) {
  bool isJpeg = file.size() >= 3 && file[0] == 0xff && file[1] == 0xd8 && file[2] == 0xff;
  return isJpeg || isPng(file);
}

llvm::Expected<Image> decodeImage(llvm::ArrayRef<uint8_t> file, ImageSize expected) {
  return isPng(file) ? decodePng(file, expected) : JpegDecoder().decode(file, expected);
}

} // namespace quern::driver
