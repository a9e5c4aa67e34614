// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Image.h"
#include "compiler/data/SampleValues.h"

#include "ScratchFolder.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

#include <cstdio>

#include <jpeglib.h>
#include <png.h>

using namespace quern;
using namespace quern::data;

static Image makeGradient(int64_t height, int64_t width, int64_t channels) {
  Image image = {height, width, channels, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        image.pixels.push_back(static_cast<uint8_t>(10 * y + 3 * x + 40 * c));
  return image;
}

static void writePng(const Image &image, const std::string &path) {
  png_image codec = {};
  codec.version = PNG_IMAGE_VERSION;
  codec.width = image.width;
  codec.height = image.height;
  codec.format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  ASSERT_TRUE(png_image_write_to_file(&codec, path.c_str(), 0, image.pixels.data(), 0, nullptr));
}

static void writeJpeg(const Image &image, const std::string &path) {
  jpeg_compress_struct codec = {};
  jpeg_error_mgr errors = {};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  std::FILE *file = std::fopen(path.c_str(), "wb");
  ASSERT_TRUE(file);
  jpeg_stdio_dest(&codec, file);
  codec.image_width = image.width;
  codec.image_height = image.height;
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 95, TRUE);
  jpeg_start_compress(&codec, TRUE);
  while (codec.next_scanline < codec.image_height) {
    auto *row =
        const_cast<JSAMPLE *>(image.pixels.data() + size_t{3} * codec.next_scanline * image.width);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::fclose(file);
}

TEST(Image, PngKeepsEveryLevel) {
  ScratchFolder folder;
  Image image = makeGradient(5, 7, 3);
  writePng(image, folder.path("a.png"));
  auto read = readImage(folder.path("a.png"), 3);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->height, 5);
  EXPECT_EQ(read->width, 7);
  EXPECT_EQ(read->pixels, image.pixels);
}

TEST(Image, GrayFillsThreeChannels) {
  ScratchFolder folder;
  Image image = makeGradient(2, 2, 1);
  writePng(image, folder.path("a.png"));
  auto read = readImage(folder.path("a.png"), 3);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  for (size_t i = 0; i < read->pixels.size(); ++i)
    EXPECT_EQ(read->pixels[i], image.pixels[i / 3]);
}

TEST(Image, JpegComesNear) {
  ScratchFolder folder;
  Image image = makeGradient(8, 16, 3);
  writeJpeg(image, folder.path("a.jpg"));
  auto read = readImage(folder.path("a.jpg"), 3);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  ASSERT_EQ(read->pixels.size(), image.pixels.size());
  for (size_t i = 0; i < image.pixels.size(); ++i)
    EXPECT_NEAR(read->pixels[i], image.pixels[i], 12) << i;
}

TEST(Image, RefusesDamagedAndOtherFiles) {
  ScratchFolder folder;
  auto failure = [&](llvm::StringRef name) {
    auto read = readImage(folder.path(name), 3);
    return read ? std::string() : llvm::toString(read.takeError());
  };
  folder.write("a.txt", "hello");
  EXPECT_NE(failure("a.txt").find("expected a JPEG or PNG image, found another file"),
            std::string::npos);
  folder.write("a.png", "\x89PNG\r\n\x1a\nrest");
  EXPECT_NE(failure("a.png").find("not a readable PNG"), std::string::npos);
  // A JPEG that ends early would be gray below the cut.
  writeJpeg(makeGradient(64, 64, 3), folder.path("whole.jpg"));
  auto whole = MappedFile::open(folder.path("whole.jpg"));
  ASSERT_TRUE(static_cast<bool>(whole));
  folder.write("cut.jpg", llvm::StringRef((*whole)->bytes().data(), (*whole)->bytes().size() / 2));
  EXPECT_NE(failure("cut.jpg").find("not a readable JPEG"), std::string::npos);
  EXPECT_NE(failure("none.jpg").find("none.jpg"), std::string::npos);
}

TEST(Image, ResizeKeepsFlatColorsAndAverages) {
  Image flat = {9, 6, 3, std::vector<uint8_t>(9 * 6 * 3, 77)};
  for (auto [height, width] : {std::pair(4, 3), std::pair(20, 13)})
    for (uint8_t level : resizeImage(flat, height, width).pixels)
      EXPECT_EQ(level, 77);
  // Halving by the widened triangle: weights 1, 3, 3, 1 of 8 around each center, cut at the edge.
  Image line = {1, 4, 1, {0, 80, 160, 240}};
  Image half = resizeImage(line, 1, 2);
  EXPECT_EQ(half.pixels,
            (std::vector<uint8_t>{static_cast<uint8_t>((3 * 0 + 3 * 80 + 160 + 3) / 7),
                                  static_cast<uint8_t>((80 + 3 * 160 + 3 * 240 + 3) / 7)}));
}

TEST(Image, ShortSideAndCropTakeTheMiddle) {
  ImageSteps steps;
  steps.shortSide = 4;
  steps.crop = {4, 4};
  auto shaped = shapeImage(makeGradient(4, 9, 1), steps);
  ASSERT_TRUE(static_cast<bool>(shaped)) << llvm::toString(shaped.takeError());
  EXPECT_EQ(shaped->width, 4);
  EXPECT_EQ(shaped->pixels[0], 3 * 2); // columns 2..5 of 9
  steps.crop = {5, 4};
  auto failed = shapeImage(makeGradient(4, 9, 1), steps);
  ASSERT_FALSE(static_cast<bool>(failed));
  EXPECT_EQ(llvm::toString(failed.takeError()),
            "expected an image of at least 4 x 5 pixels to crop, found 9 x 4");
}

TEST(Image, ValuesAreNormalizedInTheLayout) {
  mlir::MLIRContext context;
  Image image = {1, 2, 3, {0, 51, 255, 255, 102, 0}};
  ImageSteps steps;
  steps.range = {0, 1};
  steps.mean = {0.5, 0.25, 0};
  steps.std = {0.5};
  std::vector<float> values(6);
  writeImage(image, steps, mlir::Float32Type::get(&context),
             reinterpret_cast<char *>(values.data()));
  EXPECT_EQ(values,
            (std::vector<float>{-1, 1, (0.2F - 0.25F) / 0.5F, (0.4F - 0.25F) / 0.5F, 2, 0}));
  steps = {};
  steps.color = ImageSteps::Color::BGR;
  steps.channelsFirst = false;
  std::vector<uint8_t> levels(6);
  writeImage(image, steps, mlir::IntegerType::get(&context, 8, mlir::IntegerType::Unsigned),
             reinterpret_cast<char *>(levels.data()));
  EXPECT_EQ(levels, (std::vector<uint8_t>{255, 51, 0, 0, 102, 255}));
}

TEST(SampleValues, ConversionKeepsOrRefuses) {
  mlir::MLIRContext context;
  auto s32 = mlir::IntegerType::get(&context, 32, mlir::IntegerType::Signed);
  auto f32 = mlir::Float32Type::get(&context);
  int64_t small = -5, large = int64_t{1} << 40;
  int32_t integer = 0;
  float real = 0;
  auto run = [&](ArrayType from, const void *source, mlir::Type to, void *target) {
    return llvm::toString(convertElements(from, static_cast<const char *>(source), to,
                                          static_cast<char *>(target), 1));
  };
  EXPECT_EQ(run(ArrayType::S64, &small, s32, &integer), "");
  EXPECT_EQ(integer, -5);
  EXPECT_EQ(run(ArrayType::S64, &large, s32, &integer),
            "expected values from -2147483648 to 2147483647, found 1099511627776");
  EXPECT_EQ(run(ArrayType::S64, &small, f32, &real), "");
  EXPECT_EQ(real, -5);
  double infinite = INFINITY, number = 0.1;
  EXPECT_EQ(run(ArrayType::F64, &infinite, f32, &real), "a value is not a finite number");
  EXPECT_EQ(run(ArrayType::F64, &number, f32, &real), "");
  EXPECT_EQ(real, 0.1F);
  EXPECT_EQ(run(ArrayType::F64, &number, s32, &integer), "expected whole numbers, found floats");
  uint16_t half = 0x3c00;
  EXPECT_EQ(run(ArrayType::F16, &half, f32, &real), "");
  EXPECT_EQ(real, 1);
}
