// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Targets.h"

using namespace mlir;

namespace quern {

namespace {
/// Scalar code straight from the definitions; every other CPU target gives its bits.
class PortableIsa : public CpuIsa {
public:
  int64_t lanes() const override { return 1; }
  const StoreEmitter &stores() const override { return storeEmitter; }

private:
  StoreEmitter storeEmitter;
};

class PortableBackend : public CpuBackend {
public:
  PortableBackend() : CpuBackend(isa) {}
  StringRef getName() const override { return "portable"; }
  StringRef getDescription() const override {
    return "plain scalar x86-64 code, the reference for all others";
  }
  bool wantsPaddedInputs() const override { return false; }
  TargetInfo getTargetInfo() const override {
    return {"x86_64-unknown-linux-gnu", "x86-64", "", "", 0};
  }

private:
  PortableIsa isa;
};
} // namespace

const TargetBackend &getPortableBackend() {
  static const PortableBackend backend;
  return backend;
}

} // namespace quern
