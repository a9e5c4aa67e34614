// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Targets.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace quern {

llvm::ArrayRef<const TargetBackend *> getTargetBackends() {
  static const std::vector<const TargetBackend *> backends = [] {
    std::vector<const TargetBackend *> all = {&getVnniBackend(),    &getAvx2Backend(),
                                              &getArmI8mmBackend(), &getArmDotprodBackend(),
                                              &getArmNeonBackend(), &getPortableBackend()};
    llvm::append_range(all, getNvptxBackends());
    return all;
  }();
  return backends;
}

/// The best target that this machine runs.
static const TargetBackend &nativeBackend() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](llvm::ArrayRef<llvm::StringRef> names) {
    return llvm::all_of(names, [&](llvm::StringRef name) { return features.lookup(name); });
  };
  if (llvm::Triple(llvm::sys::getProcessTriple()).isAArch64()) {
    if (has({"dotprod", "i8mm"}))
      return getArmI8mmBackend();
    return has({"dotprod"}) ? getArmDotprodBackend() : getArmNeonBackend();
  }
  if (has({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx512vbmi"}))
    return getVnniBackend();
  if (has({"avx2", "fma", "f16c"}))
    return getAvx2Backend();
  return getPortableBackend();
}

static const TargetBackend *findBackend(llvm::StringRef name, std::string &why) {
  if (name == "native")
    return &nativeBackend();
  why = "unknown target '" + name.str() + "', expected one of native";
  for (const TargetBackend *backend : getTargetBackends()) {
    if (backend->getName() == name)
      return backend;
    why += ", " + backend->getName().str();
  }
  return nullptr;
}

const TargetBackend *lookupTargetBackend(llvm::StringRef name, std::string *why) {
  std::string unwanted;
  std::string &reason = why ? *why : unwanted;
  auto [base, processor] = name.split(':');
  const TargetBackend *backend = findBackend(base, reason);
  if (!backend || base.size() == name.size())
    return backend;
  if (const TargetBackend *found = backend->forProcessor(processor))
    return found;
  llvm::SmallVector<llvm::StringRef> known = backend->getProcessors();
  if (known.empty())
    reason = "the target '" + base.str() + "' takes no processor, found '" + processor.str() + "'";
  else
    reason = "unknown processor '" + processor.str() + "' of the target '" + base.str() +
             "', expected one of " + llvm::join(known, ", ");
  return nullptr;
}

std::vector<const TargetBackend *> lookupTargetBackends(llvm::StringRef names, std::string *why) {
  std::string unwanted;
  std::string &reason = why ? *why : unwanted;
  std::vector<const TargetBackend *> backends;
  llvm::SmallVector<llvm::StringRef> parts;
  names.split(parts, ',');
  for (llvm::StringRef part : parts) {
    const TargetBackend *backend = lookupTargetBackend(part, &reason);
    if (!backend)
      return {};
    std::string triple = backend->getTargetInfo().triple;
    for (const TargetBackend *other : backends) {
      TargetInfo info = other->getTargetInfo();
      if (info.triple != triple)
        reason = "'" + other->getName().str() + "' and '" + part.str() +
                 "' are of two architectures, expected targets of one";
      else if (llvm::Triple(triple).isNVPTX())
        reason = "'" + other->getName().str() + "' and '" + part.str() +
                 "' are GPUs, expected one target of that kind";
      else if (info.requiredCpuFeatures == backend->getTargetInfo().requiredCpuFeatures)
        reason = "'" + other->getName().str() + "' and '" + part.str() +
                 "' need the same of a machine, expected one of them";
      else
        continue;
      return {};
    }
    backends.push_back(backend);
  }
  auto demand = [](const TargetBackend *backend) {
    uint64_t features = backend->getTargetInfo().requiredCpuFeatures;
    return std::pair(llvm::popcount(features), features);
  };
  llvm::sort(backends,
             [&](const TargetBackend *a, const TargetBackend *b) { return demand(a) > demand(b); });
  return backends;
}

} // namespace quern
