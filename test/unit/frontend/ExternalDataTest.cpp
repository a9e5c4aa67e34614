// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ExternalData.h"

#include "ModelMaker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <sys/stat.h>

namespace quern::test {
namespace {

using testing::HasSubstr;

/// outer/secret and outer/models/{model.onnx, weights.bin}; the model's `w` is external.
class ExternalData : public testing::Test {
protected:
  void SetUp() override {
    std::filesystem::create_directory(outer.path / "models");
    outer.write("secret", std::string(8192, 's'));
    outer.write("models/weights.bin", std::string(8192 + 64, 'w'));
  }

  Imported run(const std::string &location, const std::string &offset = "",
               const std::string &length = "") {
    onnx::ModelProto model = makeModel();
    onnx::TensorProto &tensor = *model.mutable_graph()->mutable_initializer(0);
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto add = [&](const char *key, const std::string &value) {
      onnx::StringStringEntryProto &entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", location);
    if (!offset.empty())
      add("offset", offset);
    if (!length.empty())
      add("length", length);
    return importFile(context, outer.write("models/model.onnx", model.SerializeAsString()));
  }

  void expectError(Imported imported, const std::string &text) {
    EXPECT_FALSE(imported.module);
    EXPECT_THAT(imported.diagnostics, HasSubstr("w: initializer 'w': "));
    EXPECT_THAT(imported.diagnostics, HasSubstr(text));
  }

  mlir::MLIRContext context;
  TemporaryFolder outer;
};

TEST_F(ExternalData, FileBesideTheModel) {
  EXPECT_TRUE(run("weights.bin").module);
  EXPECT_TRUE(run("weights.bin", "64", "8192").module);
  std::filesystem::create_directory(outer.path / "models/sub");
  outer.write("models/sub/w.bin", std::string(8192, 'w'));
  EXPECT_TRUE(run("sub/w.bin").module);
  EXPECT_TRUE(run("./sub/w.bin").module);
}

TEST_F(ExternalData, PathsThatLeadOut) {
  expectError(run("../secret"), "found '..' in '../secret'");
  expectError(run("a/../../secret"), "found '..'");
  expectError(run((outer.path / "secret").string()), "found the absolute path");
  expectError(run(""), "found none or a malformed one");
  expectError(run(std::string("weights.bin\0x", 13)), "malformed");
}

TEST_F(ExternalData, Links) {
  std::filesystem::create_symlink("../secret", outer.path / "models/link");
  expectError(run("link"), "symbolic link");
  std::filesystem::create_symlink("weights.bin", outer.path / "models/inner");
  expectError(run("inner"), "symbolic link");
  std::filesystem::create_directory_symlink("..", outer.path / "models/up");
  expectError(run("up/secret"), "symbolic link");
  std::filesystem::create_hard_link(outer.path / "secret", outer.path / "models/hard");
  expectError(run("hard"), "hard links");
}

TEST_F(ExternalData, NotRegularFiles) {
  expectError(run("missing.bin"), "cannot open external data 'missing.bin'");
  std::filesystem::create_directory(outer.path / "models/folder");
  expectError(run("folder"), "expected a regular file");
  ASSERT_EQ(mkfifo((outer.path / "models/pipe").c_str(), 0600), 0);
  expectError(run("pipe"), "expected a regular file");
  outer.write("models/empty", "");
  expectError(run("empty"), "found the empty file");
}

TEST_F(ExternalData, RangesThatDoNotFit) {
  expectError(run("weights.bin", "65"), "expected 8192 bytes of external data");
  expectError(run("weights.bin", "0", "8191"), "expected 8192 bytes of external data by the shape");
  expectError(run("weights.bin", "100", "8192"), "found a file of 8256");
  expectError(run("weights.bin", "9000"), "found a file of 8256");
  expectError(run("weights.bin", "18446744073709551615", "8192"), "found a file of 8256");
  expectError(run("weights.bin", "18446744073709551616"), "below 2^64");
  expectError(run("weights.bin", "-1"), "expected a decimal offset");
  expectError(run("weights.bin", "0", "1e4"), "expected a decimal length");
}

} // namespace
} // namespace quern::test
