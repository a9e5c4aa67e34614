// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"

#include "ScratchFolder.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace quern;
using quern::data::DataSet;

/// A one-dimensional float array as a .npy file.
static std::string makeNpy(const std::vector<float> &values, llvm::StringRef shape) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape.str() + ", }";
  header.resize((header.size() + 10 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size());
  file += '\0';
  return file + header +
         std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
}

namespace {

class DataSetTest : public testing::Test {
protected:
  DataSetTest() {
    folder.write("x.npy", makeNpy({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "(5, 2)"));
    folder.write("t.csv", "label,kind\n0,a\n1,b\n2,a\n3,a\n4,c\n");
    slots.push_back({"x", mlir::RankedTensorType::get({1, 2}, mlir::Float32Type::get(&context))});
  }
  llvm::Expected<std::unique_ptr<DataSet>> open(llvm::StringRef text) {
    return DataSet::open(folder.write("d.json", text), slots);
  }
  std::string failureOf(llvm::StringRef text) {
    auto set = open(text);
    if (set)
      return "";
    std::string message = llvm::toString(set.takeError());
    return message.substr(message.find("d.json"));
  }

  mlir::MLIRContext context;
  ScratchFolder folder;
  std::vector<TensorSlot> slots;
};

} // namespace

TEST_F(DataSetTest, ReadsTheSelectedSamples) {
  auto set = open(R"({"table": "t.csv", "inputs": {"x": {"array": "x.npy"}},
                      "rows": {"modulo": 2, "remainders": [0]},
                      "label": {"column": "label", "classes": 5}, "slices": ["kind"]})");
  ASSERT_TRUE(static_cast<bool>(set)) << llvm::toString(set.takeError());
  ASSERT_EQ((*set)->size(), 3u);
  float values[2];
  ASSERT_FALSE(static_cast<bool>((*set)->read(2, {reinterpret_cast<char *>(values)})));
  EXPECT_EQ(values[0], 8);
  EXPECT_EQ(values[1], 9);
  EXPECT_EQ((*set)->getLabel(1), 2);
  EXPECT_EQ((*set)->getSlice(2, 0), "c");
  std::string warnings = llvm::join((*set)->getWarnings(), "\n");
  for (const char *expected :
       {"t.csv:3: slice 'b' of 'kind' is empty", "t.csv:6: slice 'c' of 'kind' has one sample",
        "t.csv:2: class '0' of 'label' (and 2 others) has one sample"})
    EXPECT_NE(warnings.find(expected), std::string::npos) << expected << "\n" << warnings;
}

TEST_F(DataSetTest, LimitTakesTheFirst) {
  auto set = open(R"({"inputs": {"x": {"array": "x.npy"}}, "rows": {"limit": 2}})");
  ASSERT_TRUE(static_cast<bool>(set)) << llvm::toString(set.takeError());
  EXPECT_EQ((*set)->size(), 2u);
  EXPECT_FALSE((*set)->hasLabels());
}

TEST_F(DataSetTest, HashFollowsTheData) {
  const char *text = R"({"inputs": {"x": {"array": "x.npy"}}})";
  auto first = open(text), same = open(text);
  folder.write("x.npy", makeNpy({9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "(5, 2)"));
  auto changed = open(text);
  ASSERT_TRUE(first && same && changed);
  EXPECT_EQ((*first)->getHash(), (*same)->getHash());
  EXPECT_NE((*first)->getHash(), (*changed)->getHash());
}

TEST_F(DataSetTest, CutsATextIntoWindows) {
  std::vector<float> bits(14); // seven int64_t
  for (int64_t i = 0; i < 7; ++i)
    std::memcpy(&bits[2 * i], &i, sizeof(i));
  std::string npy = makeNpy(bits, "(7,)");
  folder.write("text.npy", npy.replace(npy.find("<f4"), 3, "<i8"));
  auto integer = mlir::IntegerType::get(&context, 32, mlir::IntegerType::Signed);
  slots = {{"x", mlir::RankedTensorType::get({1, 3}, integer)}};
  auto set = open(R"({"inputs": {"x": {"tokens": "text.npy", "stride": 2}},
                      "targets": {"next": "x", "ignore": 3}})");
  ASSERT_TRUE(static_cast<bool>(set)) << llvm::toString(set.takeError());
  ASSERT_EQ((*set)->size(), 3u);
  int32_t values[3];
  ASSERT_FALSE(static_cast<bool>((*set)->read(1, {reinterpret_cast<char *>(values)})));
  EXPECT_EQ(values[0], 2);
  EXPECT_EQ(values[2], 4);
  EXPECT_EQ((*set)->getTargets(1), (std::vector<int64_t>{-1, 4, 5}));
  EXPECT_EQ((*set)->getTargets(2), (std::vector<int64_t>{5, 6, -1}));
}

TEST_F(DataSetTest, UnitsAndMissingSlices) {
  auto set = open(R"({"table": "t.csv", "inputs": {"x": {"array": "x.npy"}},
                      "rows": {"limit": 4}, "slices": ["kind"], "unit": "kind"})");
  ASSERT_TRUE(static_cast<bool>(set)) << llvm::toString(set.takeError());
  EXPECT_EQ((*set)->getUnit(0), (*set)->getUnit(2));
  EXPECT_NE((*set)->getUnit(0), (*set)->getUnit(1));
  ASSERT_EQ((*set)->getWarnings().size(), 2u);
  EXPECT_NE((*set)->getWarnings()[0].find("t.csv:6: slice 'c' of 'kind' is empty"),
            std::string::npos);
}

TEST_F(DataSetTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(failureOf("{\n\"inputs\": {\"y\": {\"array\": \"x.npy\"}}}"),
            "d.json:1: the model's input 'x' is not among the 'inputs'");
  EXPECT_EQ(failureOf("{\"inputs\": {\"x\": {\"array\": \"x.npy\"},\n\"y\": {\"array\": "
                      "\"x.npy\"}}}"),
            "d.json:2: the model has no input 'y', expected one of x");
  EXPECT_EQ(failureOf("{\"inputs\": {\"x\": {\n\"array\": 3}}}"),
            "d.json:2: 'array': expected a string");
  EXPECT_EQ(failureOf("{\"inputs\": {\"x\": {\"image\": \"file\",\n \"std\": [0]}}}"),
            "d.json:2: 'std': expected positive numbers");
  EXPECT_EQ(failureOf("{\"inputs\": {\"x\": {\"array\": \"x.npy\"}},\n \"rows\": {\"modulo\": "
                      "3}}"),
            "d.json:2: 'modulo' needs 'remainders', the list of those that are taken");
  EXPECT_EQ(failureOf("{\"inputs\": {\"x\": {\"array\": \"x.npy\"}}, \"slices\": [\"kind\"]}"),
            "d.json:1: 'label', 'slices' and 'unit' name columns: expected a 'table'");
  EXPECT_EQ(failureOf("[1]"), "d.json:1: expected an object { … }");
}
