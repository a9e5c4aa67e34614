// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelHarness.h"
#include "ProductText.h"

#include "compiler/target/Targets.h"

#include <gtest/gtest.h>

namespace quern::test {
namespace {

/// A matrix packed at run time has the bytes of the same matrix packed at compile time.
void packingAgrees(const Product &product, const TargetBackend &backend) {
  std::string output = product.element == "f32" ? "f32" : "si32";
  auto consumer = CompiledDispatch::compile(backend, product.text(output),
                                            {.isSigned = !backend.wantsUnsignedActivations()});
  ASSERT_TRUE(consumer);
  std::vector<Bytes> inputs = consumer->randomInputs({});
  std::vector<GuardedBuffer> buffers = consumer->makeBuffers(inputs);
  const GuardedBuffer &packed = buffers[1];

  DispatchText text;
  TextValue x = text.input(product.rhs, output == "f32" ? "f32" : "si8");
  std::string stored = consumer->storedElement(1);
  TextValue y =
      text.value("quern.relayout " + x.name + (product.isTransposed ? " transposed" : "") + " : " +
                     x.type() + " -> " + tensor(product.rhs, stored),
                 product.rhs, stored);
  auto packer = CompiledDispatch::compile(backend, text.finish({y}));
  ASSERT_TRUE(packer);
  Bytes found = packer->run({inputs[1]}).front();
  EXPECT_EQ(found, Bytes(packed.data(), packed.data() + packed.size()))
      << backend.getName().str() << ": " << text.finish({y});
}

/// The sums of a matrix's columns, computed while it is packed.
void columnSumsAgree(const Product &product, const TargetBackend &backend) {
  auto rank = static_cast<int64_t>(product.rhs.size());
  int64_t axis = rank - (product.isTransposed ? 1 : 2);
  Shape reduced(product.rhs);
  reduced[axis] = 1;
  auto consumer = CompiledDispatch::compile(backend, product.text("si32"),
                                            {.isSigned = !backend.wantsUnsignedActivations()});
  ASSERT_TRUE(consumer);
  std::string stored = consumer->storedElement(1);
  auto write = [&](bool packs) {
    DispatchText text;
    TextValue x = text.input(product.rhs, "si8");
    TextValue s = text.value("quern.reduce sum " + x.name + " axes " + list({axis}) + " : " +
                                 x.type() + " -> " + tensor(reduced, "si32"),
                             reduced, "si32");
    if (!packs)
      return text.finish({s});
    TextValue y =
        text.value("quern.relayout " + x.name + (product.isTransposed ? " transposed" : "") +
                       " : " + x.type() + " -> " + tensor(product.rhs, stored),
                   product.rhs, stored);
    return text.finish({y, s});
  };
  auto packer = CompiledDispatch::compile(backend, write(true));
  auto reference = CompiledDispatch::compile(getPortableBackend(), write(false));
  ASSERT_TRUE(packer && reference);
  std::vector<Bytes> inputs = reference->randomInputs({});
  EXPECT_EQ(packer->run(inputs)[1], reference->run(inputs)[0])
      << backend.getName().str() << ": " << write(true);
}

std::vector<const TargetBackend *> packingTargets() {
  std::vector<const TargetBackend *> targets;
  for (const TargetBackend *backend :
       {&getVnniBackend(), &getAvx2Backend(), &getArmDotprodBackend(), &getArmI8mmBackend(),
        &getArmNeonBackend()})
    if (runsHere(*backend))
      targets.push_back(backend);
  return targets;
}

TEST(PackKernel, Matrices) {
  for (const TargetBackend *backend : packingTargets())
    for (int64_t n : {1, 15, 16, 18, 63, 64, 65, 200})
      for (int64_t k : {1, 3, 4, 20, 33, 64}) {
        packingAgrees({{5, k}, {k, n}}, *backend);
        packingAgrees({{2, 5, k}, {2, n, k}, true}, *backend);
      }
}

TEST(PackKernel, FloatMatrices) {
  for (const TargetBackend *backend : packingTargets())
    for (int64_t n : {1, 15, 33}) {
      packingAgrees({{5, 9}, {9, n}, false, "f32"}, *backend);
      packingAgrees({{2, 5, 9}, {2, n, 9}, true, "f32"}, *backend);
    }
}

TEST(PackKernel, ColumnSums) {
  for (const TargetBackend *backend : packingTargets())
    for (int64_t k : {3, 20, 33}) {
      columnSumsAgree({{5, k}, {k, 65}}, *backend);
      columnSumsAgree({{2, 5, k}, {2, 18, k}, true}, *backend);
    }
}

} // namespace
} // namespace quern::test
