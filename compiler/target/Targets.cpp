// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Targets.h"

#include "llvm/TargetParser/Host.h"

namespace quern {

llvm::ArrayRef<const TargetBackend *> getTargetBackends() {
  static const TargetBackend *const backends[] = {&getVnniBackend(), &getAvx2Backend(),
                                                  &getPortableBackend()};
  return backends;
}

/// The best target that this machine runs.
static const TargetBackend &nativeBackend() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](llvm::ArrayRef<llvm::StringRef> names) {
    return llvm::all_of(names, [&](llvm::StringRef name) { return features.lookup(name); });
  };
  if (has({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx512vbmi"}))
    return getVnniBackend();
  if (has({"avx2", "fma", "f16c"}))
    return getAvx2Backend();
  return getPortableBackend();
}

const TargetBackend *lookupTargetBackend(llvm::StringRef name) {
  if (name == "native")
    return &nativeBackend();
  for (const TargetBackend *backend : getTargetBackends())
    if (backend->getName() == name)
      return backend;
  return nullptr;
}

} // namespace quern
