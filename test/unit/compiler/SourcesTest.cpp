// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/FileSource.h"
#include "compiler/data/Npy.h"
#include "compiler/data/RandomSource.h"

#include "ScratchFolder.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace quern;
using namespace quern::data;

namespace {

class SourcesTest : public testing::Test {
protected:
  TensorSlot makeSlot(const char *name, llvm::ArrayRef<int64_t> dims, mlir::Type type,
                      int64_t low = 0, int64_t high = 0) {
    return {name, mlir::RankedTensorType::get(dims, type), low, high};
  }
  mlir::Type s64() { return mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed); }
  mlir::Type f32() { return mlir::Float32Type::get(&context); }
  std::string writeFloats(llvm::StringRef name, llvm::ArrayRef<int64_t> dims,
                          llvm::ArrayRef<float> values) {
    return folder.write(name, makeNpyHeader(ArrayType::F32, dims) +
                                  std::string(reinterpret_cast<const char *>(values.data()),
                                              values.size() * sizeof(float)));
  }
  mlir::MLIRContext context;
  ScratchFolder folder;
};

} // namespace

TEST_F(SourcesTest, RandomValuesKeepToWhatInputsTake) {
  std::vector<TensorSlot> slots = {makeSlot("ids", {1, 500}, s64(), 3, 5),
                                   makeSlot("x", {1, 4000}, f32())};
  RandomSource source(slots, 2, 7);
  std::vector<int64_t> ids(500);
  std::vector<float> values(4000), again(4000), other(4000);
  auto read = [&](RandomSource &from, size_t index, std::vector<float> &floats) {
    EXPECT_FALSE(static_cast<bool>(from.read(
        index, {reinterpret_cast<char *>(ids.data()), reinterpret_cast<char *>(floats.data())})));
  };
  read(source, 0, values);
  for (int64_t id : ids)
    EXPECT_TRUE(id >= 3 && id <= 5) << id;
  double sum = 0, squares = 0;
  for (float value : values) {
    sum += value;
    squares += value * value;
  }
  // Five standard deviations of the mean and of the variance.
  EXPECT_NEAR(sum / 4000, 0, 5 / std::sqrt(4000.0));
  EXPECT_NEAR(squares / 4000, 1, 5 * std::sqrt(2 / 4000.0));
  RandomSource same(slots, 2, 7);
  read(same, 0, again);
  EXPECT_EQ(values, again);
  read(source, 1, other);
  EXPECT_NE(values, other);
}

TEST_F(SourcesTest, FilesAreCutIntoTheirBatch) {
  std::string x = "x=" + writeFloats("x.npy", {2, 2}, {1, 2, 3, 4});
  auto source = FileSource::open({x}, {makeSlot("x", {2, 2}, f32())});
  ASSERT_TRUE(static_cast<bool>(source)) << llvm::toString(source.takeError());
  EXPECT_EQ((*source)->size(), 2u);
  std::array<float, 2> values;
  ASSERT_FALSE(static_cast<bool>((*source)->read(1, reinterpret_cast<char *>(values.data()))));
  EXPECT_EQ(values[1], 4);
}

TEST_F(SourcesTest, FilesThatDoNotFitAreNamed) {
  std::string path = writeFloats("x.npy", {4}, {1, 2, 3, 4}), x = "x=" + path;
  auto failure = [&](llvm::ArrayRef<std::string> files, llvm::ArrayRef<TensorSlot> slots) {
    auto source = FileSource::open(files, slots);
    return source ? std::string() : llvm::toString(source.takeError());
  };
  EXPECT_EQ(failure({x}, {makeSlot("x", {2, 2}, f32())}),
            "'" + path + "': expected the shape [2, 2] of the input 'x', found [4]");
  EXPECT_EQ(failure({x}, {makeSlot("y", {4}, f32())}),
            "the input 'y' has no --input=NAME=FILE, expected one for each");
  EXPECT_EQ(failure({x, "z=" + path}, {makeSlot("x", {4}, f32())}),
            "the model has 1 inputs, found 2 --input");
  EXPECT_EQ(failure({x}, {makeSlot("x", {4}, s64())}),
            "'" + path + "': input 'x': expected whole numbers, found floats");
}

TEST(NpyHeader, IsReadAsItWasWritten) {
  ScratchFolder folder;
  for (ArrayType type : {ArrayType::F32, ArrayType::S8, ArrayType::U64, ArrayType::Raw2}) {
    std::string header = makeNpyHeader(type, {3, 5});
    EXPECT_EQ(header.size() % 64, 0u);
    auto array =
        ArrayFile::open(folder.write("a.npy", header + std::string(15 * getBytes(type), '\1')), "");
    ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
    EXPECT_EQ(array->getType(), type);
    EXPECT_EQ(array->getDims().vec(), (std::vector<int64_t>{3, 5}));
  }
}
