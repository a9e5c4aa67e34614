// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/WireScan.h"

#include "ModelMaker.h"
#include "gtest/gtest.h"

namespace quern::test {
namespace {

using onnxfile::scanModel;
using onnxfile::WireLimits;
using onnxfile::WireScan;

llvm::Expected<WireScan> scan(const std::string &bytes, const WireLimits &limits = {}) {
  return scanModel({bytes.data(), bytes.size()}, limits);
}

std::string scanError(const std::string &bytes, const WireLimits &limits = {}) {
  llvm::Expected<WireScan> result = scan(bytes, limits);
  return result ? "" : llvm::toString(result.takeError());
}

TEST(WireScan, CutsLargePayloadsAndNothingElse) {
  onnx::ModelProto model = makeModel();
  setTensor(*model.mutable_graph()->add_initializer(), "small", onnx::TensorProto::INT64, {2},
            std::string(16, '\1'));
  std::string bytes = model.SerializeAsString();
  llvm::Expected<WireScan> result = scan(bytes);
  ASSERT_TRUE(bool(result));
  ASSERT_EQ(result->initializers.size(), 1u);
  onnxfile::ByteRange range = result->initializers[0];
  EXPECT_EQ(bytes.substr(range.offset, range.length), model.graph().initializer(0).raw_data());
  onnx::ModelProto slim;
  ASSERT_TRUE(slim.ParseFromString(result->slim));
  model.mutable_graph()->mutable_initializer(0)->clear_raw_data();
  EXPECT_EQ(slim.SerializeAsString(), model.SerializeAsString());
}

TEST(WireScan, CutsPackedFloatsAndConstantNodes) {
  onnx::ModelProto model = makeModel();
  onnx::TensorProto &floats = *model.mutable_graph()->add_initializer();
  setTensor(floats, "f", onnx::TensorProto::FLOAT, {512}, "");
  floats.clear_raw_data();
  for (int i = 0; i < 512; ++i)
    floats.add_float_data(float(i));
  onnx::NodeProto &node = addNode(*model.mutable_graph(), "Constant", {}, {"c"});
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.set_type(onnx::AttributeProto::TENSOR);
  setTensor(*attribute.mutable_t(), "", onnx::TensorProto::UINT8, {2000}, std::string(2000, 'c'));
  std::string bytes = model.SerializeAsString();
  llvm::Expected<WireScan> result = scan(bytes);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->initializers[1].length, 512 * sizeof(float));
  ASSERT_EQ(result->constants.count(2), 1u);
  EXPECT_EQ(bytes.substr(result->constants[2].offset, 2000), std::string(2000, 'c'));
}

TEST(WireScan, TruncationAtEveryByteIsAnErrorOrAPrefix) {
  std::string bytes = makeModel().SerializeAsString();
  for (size_t length = 0; length < bytes.size(); ++length) {
    // A copy of exactly this size, so that a sanitizer sees a read past the end.
    std::string part = bytes.substr(0, length);
    part.shrink_to_fit();
    llvm::Expected<WireScan> result = scan(part);
    if (!result)
      llvm::consumeError(result.takeError());
    else
      EXPECT_LE(result->slim.size(), length + 16);
  }
}

TEST(WireScan, ChangedBytesNeverReachOutside) {
  std::string bytes = makeModel().SerializeAsString();
  for (size_t position = 0; position < bytes.size(); position += position < 64 ? 1 : 97)
    for (int value : {0, 1, 0x7f, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[position] = static_cast<char>(value);
      llvm::Expected<WireScan> result = scan(changed);
      if (!result) {
        llvm::consumeError(result.takeError());
        continue;
      }
      for (const auto &[index, range] : result->initializers)
        EXPECT_LE(range.offset + range.length, changed.size());
    }
}

TEST(WireScan, ErrorsSayWhatWasFound) {
  EXPECT_EQ(scanError(""), "not a readable onnx model: the file is empty");
  EXPECT_NE(scanError("\x3a\x20xx").find("expected 32 bytes of field 7, found 2"),
            std::string::npos);
  EXPECT_NE(scanError("\x3b").find("expected wire type 0, 1, 2 or 5, found 3"), std::string::npos);
  EXPECT_NE(scanError(std::string("\x3a\x00\x3a\x00", 4)).find("found a second"),
            std::string::npos);
  EXPECT_NE(scanError("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").find("expected 18446744073"),
            std::string::npos);
}

TEST(WireScan, BoundsNestingAndCounts) {
  onnx::ModelProto model = makeModel();
  onnx::GraphProto *graph = model.mutable_graph();
  for (int depth = 0; depth < 2000; ++depth)
    graph = addNode(*graph, "If", {"c"}, {"r"}).add_attribute()->mutable_g();
  EXPECT_NE(scanError(model.SerializeAsString()).find("nested at most 8 deep"), std::string::npos);
  WireLimits few;
  few.messages = 2;
  EXPECT_NE(scanError(makeModel().SerializeAsString(), few).find("at most 2 nodes"),
            std::string::npos);
}

} // namespace
} // namespace quern::test
