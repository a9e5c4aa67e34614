// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Interfaces/TargetRegistry.h"
#include "passes/Codegen/FakeTarget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern {
namespace {

TEST(TargetRegistry, MakesATargetOnceAndKeepsTheFirst) {
  int made = 0;
  auto factory = [&made] {
    ++made;
    return makeFakeTarget();
  };
  registerTargetModel("registry-test", factory);
  registerTargetModel("registry-test", [] { return std::unique_ptr<TargetModel>(); });
  EXPECT_EQ(made, 0);
  const TargetModel *target = lookupTargetModel("registry-test");
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(lookupTargetModel("registry-test"), target);
  EXPECT_EQ(made, 1);
  EXPECT_THAT(listTargets(), testing::Contains("registry-test"));
}

TEST(TargetRegistry, KnowsNoOthers) {
  EXPECT_EQ(lookupTargetModel("nowhere"), nullptr);
  EXPECT_THAT(listTargets(), testing::Not(testing::Contains("nowhere")));
}

} // namespace
} // namespace quern
