// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Image.h"

#include "dialects/Quern/ContentStore.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <png.h>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

static Error checkSize(uint64_t height, uint64_t width, const ImageDemand &demand) {
  if (height == 0 || width == 0 || height > maxPixels || width > maxPixels ||
      height * width > maxPixels)
    return llvm::createStringError("an image of " + llvm::Twine(width) + " x " +
                                   llvm::Twine(height) + " pixels, expected at most " +
                                   llvm::Twine(maxPixels) + " pixels");
  if (!demand.height || (static_cast<int64_t>(height) == demand.height &&
                         static_cast<int64_t>(width) == demand.width))
    return Error::success();
  return llvm::createStringError(
      llvm::formatv("expected an image {0} pixels wide and {1} high, found {2} wide and {3} high; "
                    "images are not resized here",
                    demand.width, demand.height, width, height));
}

static Image makeImage(int64_t height, int64_t width, int64_t channels) {
  return {height, width, channels,
          std::vector<uint8_t>(static_cast<size_t>(height) * width * channels)};
}

namespace {

/// libjpeg's errors: it wants a handler that does not return.
struct JpegErrors {
  jpeg_error_mgr manager; // first: libjpeg hands back its address
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

/// A JPEG file while it is being decoded.
class JpegDecoder {
public:
  JpegDecoder();
  JpegDecoder(const JpegDecoder &) = delete;
  JpegDecoder &operator=(const JpegDecoder &) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
  Expected<Image> decode(ArrayRef<char> file, const ImageDemand &demand);

private:
  /// Runs what may call libjpeg; nothing in it may own memory. False after an error.
  bool attempt(llvm::function_ref<void()> body);
  void readPixels(Image &image);
  Error unreadable() const {
    return llvm::createStringError("not a readable JPEG: " + llvm::Twine(errors.message));
  }

  jpeg_decompress_struct info = {};
  JpegErrors errors = {};
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

JpegDecoder::JpegDecoder() {
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = jumpBack;
  errors.manager.emit_message = takeMessage;
}

bool JpegDecoder::attempt(llvm::function_ref<void()> body) {
  if (setjmp(errors.back)) // NOLINT(cert-err52-cpp,modernize-avoid-setjmp-longjmp): libjpeg's way
    return false;
  body();
  return true;
}

void JpegDecoder::readPixels(Image &image) {
  info.out_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image.pixels.data() +
                   static_cast<size_t>(info.output_scanline) * image.width * image.channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
}

Expected<Image> JpegDecoder::decode(ArrayRef<char> file, const ImageDemand &demand) {
  if (!attempt([&] {
        jpeg_create_decompress(&info);
        jpeg_mem_src(&info, reinterpret_cast<const unsigned char *>(file.data()), file.size());
        jpeg_read_header(&info, TRUE);
      }))
    return unreadable();
  if (info.num_components != 1 && info.num_components != 3)
    return llvm::createStringError("expected a grey or colour image, found one of " +
                                   llvm::Twine(info.num_components) + " components");
  if (Error error = checkSize(info.image_height, info.image_width, demand))
    return std::move(error);
  Image image = makeImage(info.image_height, info.image_width,
                          demand.channels ? demand.channels : info.num_components);
  if (!attempt([&] { readPixels(image); }))
    return unreadable();
  return std::move(image);
}

namespace {

/// A PNG file while it is being decoded.
class PngDecoder {
public:
  PngDecoder() { codec.version = PNG_IMAGE_VERSION; }
  PngDecoder(const PngDecoder &) = delete;
  PngDecoder &operator=(const PngDecoder &) = delete;
  ~PngDecoder() { png_image_free(&codec); }
  Expected<Image> decode(ArrayRef<char> file, const ImageDemand &demand);

private:
  Error checkLossless() const;
  Error unreadable() const {
    return llvm::createStringError("not a readable PNG: " + llvm::Twine(codec.message));
  }
  png_image codec = {};
};

} // namespace

Error PngDecoder::checkLossless() const {
  if (codec.format & PNG_FORMAT_FLAG_ALPHA)
    return llvm::createStringError("expected an image without transparency, found one with it");
  if (codec.format & PNG_FORMAT_FLAG_LINEAR)
    return llvm::createStringError("expected 8 bits a sample, found 16");
  return Error::success();
}

Expected<Image> PngDecoder::decode(ArrayRef<char> file, const ImageDemand &demand) {
  if (!png_image_begin_read_from_memory(&codec, file.data(), file.size()))
    return unreadable();
  if (Error error = checkSize(codec.height, codec.width, demand))
    return std::move(error);
  if (!demand.channels)
    if (Error error = checkLossless())
      return std::move(error);
  int64_t stored = codec.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  int64_t channels = demand.channels ? demand.channels : stored;
  Image image = makeImage(codec.height, codec.width, channels);
  // With its alpha channel an image keeps the colors that it stores; without, libpng would blend.
  codec.format = channels == 1 ? PNG_FORMAT_GA : PNG_FORMAT_RGBA;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(codec));
  if (!png_image_finish_read(&codec, nullptr, pixels.data(), 0, nullptr))
    return unreadable();
  for (size_t i = 0, pixel = 0; pixel < pixels.size(); pixel += channels + 1)
    for (int64_t c = 0; c < channels; ++c)
      image.pixels[i++] = pixels[pixel + c];
  return std::move(image);
}

static bool isJpeg(ArrayRef<char> file) {
  return StringRef(file.data(), file.size()).starts_with("\xff\xd8\xff");
}

static bool isPng(ArrayRef<char> file) {
  return StringRef(file.data(), file.size()).starts_with("\x89PNG\r\n\x1a\n");
}

bool isImage(ArrayRef<char> file) { return isJpeg(file) || isPng(file); }

Expected<Image> decodeImage(ArrayRef<char> file, const ImageDemand &demand) {
  if (isPng(file))
    return PngDecoder().decode(file, demand);
  if (isJpeg(file))
    return JpegDecoder().decode(file, demand);
  return llvm::createStringError("expected a JPEG or PNG image, found another file");
}

Expected<Image> readImage(StringRef path, int64_t channels) {
  auto inFile = [&](Error error) {
    return llvm::createStringError("'" + path + "': " + llvm::toString(std::move(error)));
  };
  auto file = MappedFile::open(path);
  if (!file)
    return inFile(file.takeError());
  auto image = decodeImage((*file)->bytes(), {channels, 0, 0});
  if (!image)
    return inFile(image.takeError());
  return image;
}

} // namespace quern::data
